import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readInputSchema } from '../../src/foreign/json-schema.ts';

const label = { title: 'Title', description: 'What it is called.' };
const own = z.strictObject({
  title: z
    .string()
    .min(3)
    .max(50)
    .regex(/^[^\r\n]+$/)
    .meta({ ...label, says: 'This is one line.' }),
  team: z.enum(['web', 'dba']).default('web').meta(label),
  count: z.int().min(1).max(5).optional().meta(label),
  urgent: z.boolean().optional().meta(label),
  tags: z.array(z.string().max(20)).max(3).optional().meta(label),
  inputs: z
    .record(z.string().regex(/^[a-z]{1,9}$/), z.string().max(9))
    .optional()
    .meta(label),
  place: z
    .strictObject({ room: z.string().max(9) })
    .optional()
    .meta(label),
});
const asJson = (schema: z.ZodType): Record<string, unknown> => z.toJSONSchema(schema, { io: 'input' });
const read = (json: unknown, exacting = true) => readInputSchema(json, { exacting });

function taken(json: unknown, exacting = true) {
  const found = read(json, exacting);
  if (!found.ok) throw new Error(found.problems.join('\n'));
  return found.schema;
}
const withField = (field: unknown, more: object = {}) => ({
  type: 'object',
  properties: { field },
  additionalProperties: false,
  ...more,
});

describe('a schema from elsewhere', () => {
  it('accepts and refuses what the schema it was made from does', () => {
    const schema = taken(asJson(own));
    const good = { title: 'A report', count: 2, tags: ['a'], inputs: { a: 'b' }, place: { room: 'x' } };
    expect(schema.parse(good)).toEqual({ ...good, team: 'web' });
    const bad = [
      {},
      { title: 'ab' },
      { title: 'two\nlines' },
      { ...good, count: 6 },
      { ...good, count: 1.5 },
      { ...good, team: 'ops' },
      { ...good, tags: ['a', 'b', 'c', 'd'] },
      { ...good, inputs: { A: 'b' } },
      { ...good, other: 1 },
      { ...good, place: { room: 'x', other: 1 } },
      JSON.parse('{"title": "A report", "__proto__": {"x": 1}}'),
    ];
    for (const args of bad) expect(schema.safeParse(args).success, JSON.stringify(args)).toBe(false);
  });

  it('keeps what forms, commands and the model read', () => {
    const schema = taken(asJson(own));
    for (const field of Object.values(schema.shape))
      expect(z.globalRegistry.get(field as z.ZodType)).toMatchObject(label);
    expect(asJson(schema)).toMatchObject({
      additionalProperties: false,
      required: ['title'],
      properties: {
        title: { type: 'string', maxLength: 50, pattern: '^[^\\r\\n]+$' },
        team: { default: 'web' },
      },
    });
    expect(schema.safeParse({ title: 'two\nlines' }).error?.issues[0]?.message).toBe('This is one line.');
  });

  it.each([
    ['text without a bound', { type: 'string', ...label }, 'add .max('],
    ['no label', { type: 'string', maxLength: 9 }, 'add .meta('],
    ['a pattern that is not anchored', { type: 'string', maxLength: 9, pattern: 'a', ...label }, '^ before'],
    ['a lookaround', { type: 'string', maxLength: 9, pattern: '^(?=a)a$', ...label }, 'RE2'],
    ['a back reference', { type: 'string', maxLength: 9, pattern: '^(a)\\1$', ...label }, 'RE2'],
    [
      'a pattern too large',
      { type: 'string', maxLength: 9_000, pattern: '^(?:[ab]{30}){30}$', ...label },
      'work',
    ],
    ['a format alone', { type: 'string', maxLength: 9, format: 'uri', ...label }, '.regex('],
    ['a fraction', { type: 'number', ...label }, 'whole number'],
    ['alternatives', { anyOf: [{ type: 'string' }, { type: 'integer' }], ...label }, 'not known'],
    ['a reference to nothing', { $ref: '#/x', ...label }, 'which it does not have'],
    ['a keyword that nobody enforces', { type: 'integer', multipleOf: 2, ...label }, 'multipleOf'],
    ['a default that is none of its values', { enum: ['a'], default: 'b', ...label }, 'default'],
  ])('%s is refused in words that say what to do', (_what, field, words) => {
    const found = read(withField(field));
    expect(found.ok ? [] : found.problems.join('\n')).toContain(words);
  });

  it.each(['__proto__', 'constructor', 'toString', 'Upper', 'with space'])(
    'no argument is called %s',
    (name) => {
      const json = JSON.parse(
        `{"type": "object", "additionalProperties": false, "properties": {${JSON.stringify(name)}: {"type": "boolean", "title": "T", "description": "d"}}}`,
      );
      expect(read(json).ok).toBe(false);
    },
  );

  it('matches patterns in linear time, and against the whole text', () => {
    const schema = taken(
      withField({ type: 'string', maxLength: 2_000, pattern: '^(?:(?:a|a)+)+$|^b$', ...label }),
    );
    // With backtracking this would take longer than the universe has been there.
    expect(schema.safeParse({ field: `${'a'.repeat(1_900)}!` }).success).toBe(false);
    expect(schema.safeParse({ field: 'b' }).success).toBe(true);
    expect(schema.safeParse({ field: 'bb' }).success).toBe(false);
  });

  it('is bounded itself', () => {
    const properties = Object.fromEntries(
      Array.from({ length: 31 }, (_, at) => [`a${at}`, { type: 'boolean', ...label }]),
    );
    expect(read({ type: 'object', properties, additionalProperties: false }).ok).toBe(false);
    expect(
      read(withField({ type: 'string', maxLength: 9, title: 'T', description: 'd'.repeat(50_000) })).ok,
    ).toBe(false);
  });
});

describe('references', () => {
  const withDefs = (field: unknown, $defs: object, more: object = {}) => withField(field, { $defs, ...more });

  it('stand for what they point to, under the label that they have here', () => {
    const json = withDefs(
      { $ref: '#/$defs/Place', title: 'Where' },
      {
        Place: {
          type: 'object',
          title: 'Place',
          properties: { room: { $ref: '#/$defs/Room' } },
          required: ['room'],
        },
        Room: { enum: ['attic', 'cellar'] },
        'never used': { not: {} },
      },
    );
    const schema = taken(json, false);
    expect(schema.parse({ field: { room: 'attic' } })).toEqual({ field: { room: 'attic' } });
    expect(schema.safeParse({ field: { room: 'roof' } }).success).toBe(false);
    expect(z.globalRegistry.get(schema.shape.field as z.ZodType)).toMatchObject({ title: 'Where' });
    const found = read(json, false);
    expect(found.ok && JSON.stringify(found.inlined), 'what a person is shown').not.toContain('$ref');
  });

  it.each([
    ['definitions', '#/definitions/a~1b', { definitions: { 'a/b': { type: 'boolean' } } }],
    ['another argument', '#/properties/other', {}],
    ['a name with a space', '#/$defs/a%20b', { $defs: { 'a b': { type: 'boolean' } } }],
  ])('may point to %s', (_what, $ref, more) => {
    const json = { type: 'object', properties: { field: { $ref }, other: { type: 'boolean' } }, ...more };
    expect(taken(json, false).parse({ field: true })).toEqual({ field: true });
  });

  it('that grow without end are refused, however small the schema is', () => {
    const $defs = Object.fromEntries(
      Array.from({ length: 30 }, (_, at) => {
        const $ref = `#/$defs/d${at + 1}`;
        return [`d${at}`, at === 29 ? { type: 'boolean' } : { anyOf: [{ $ref }, { $ref }] }];
      }),
    );
    const found = read(withDefs({ $ref: '#/$defs/d0' }, $defs), false);
    expect(found.ok ? '' : found.problems[0]).toContain('more than 1000 parts');
  });

  it.each([
    ['itself', '#/$defs/A', { A: { type: 'array', items: { $ref: '#/$defs/A' } } }, 'refers to itself'],
    ['each other', '#/$defs/A', { A: { $ref: '#/$defs/B' }, B: { $ref: '#/$defs/A' } }, 'refers to itself'],
    ['the whole', '#', {}, 'refers to itself'],
    ['another file', 'https://evil.example/x', {}, 'outside of itself'],
    ['a name alone', 'A', { A: { type: 'boolean' } }, 'outside of itself'],
    ['nothing', '#/$defs/B', { A: {} }, 'does not have'],
    ['what every object has', '#/$defs/valueOf', {}, 'does not have'],
    ['a list', '#/required', {}, 'does not have'],
  ])('to %s are refused', (_what, $ref, $defs, words) => {
    const found = read(withDefs({ $ref }, $defs, { required: [] }), false);
    expect(found.ok ? '' : found.problems[0]).toContain(words);
  });

  it('with a bound beside them that differs are refused', () => {
    const $defs = { A: { type: 'string', maxLength: 3 } };
    expect(read(withDefs({ $ref: '#/$defs/A', maxLength: 9 }, $defs), false).ok).toBe(false);
    expect(read(withDefs({ $ref: '#/$defs/A', default: 'abc' }, $defs), false).ok).toBe(true);
  });
});

describe('a schema that was written for others', () => {
  it('is closed and bounded where it leaves things open', () => {
    const schema = taken(
      {
        type: 'object',
        properties: {
          repoName: { type: ['string', 'null'] },
          'per-page': { anyOf: [{ type: 'integer' }, { type: 'null' }] },
        },
      },
      false,
    );
    expect(schema.parse({ repoName: 'web', 'per-page': 2 })).toEqual({ repoName: 'web', 'per-page': 2 });
    expect(schema.safeParse({ repoName: 'a'.repeat(5_000) }).success).toBe(false);
    expect(schema.safeParse({ other: 1 }).success).toBe(false);
  });

  it.each([
    ['anyOf, as Pydantic writes it', { anyOf: [{ type: 'string' }, { type: 'null' }], default: null }],
    ['oneOf', { oneOf: [{ type: 'null' }, { type: 'string' }] }],
    ['a type', { type: ['string', 'null'], default: null }],
    ['a default alone', { type: 'string', default: null }],
    ['nullable, as OpenAPI writes it', { type: 'string', nullable: true }],
    ['allOf of one', { allOf: [{ type: 'string' }], default: null }],
    ['inside of each other', { anyOf: [{ anyOf: [{ type: 'string' }, { type: 'null' }] }] }],
  ])('may leave out what may be null, said by %s', (_what, field) => {
    const schema = taken(withField(field), false);
    expect(schema.parse({})).toEqual({});
    expect(schema.parse({ field: 'web' })).toEqual({ field: 'web' });
    expect(schema.safeParse({ field: null }).success).toBe(false);
    expect(read(withField({ ...field, ...label })).ok, 'whoever writes for us writes .optional()').toBe(
      false,
    );
  });

  it('keeps the outer label and every bound of what may be null', () => {
    const field = {
      title: 'Outer',
      anyOf: [{ type: 'string', maxLength: 3, title: 'Inner' }, { const: null }],
    };
    const schema = taken(withField(field), false);
    expect(z.globalRegistry.get(schema.shape.field as z.ZodType)).toMatchObject({ title: 'Outer' });
    expect(schema.safeParse({ field: 'long' }).success).toBe(false);
    expect(taken(withField({ enum: ['a', null], default: null }), false).parse({ field: 'a' })).toEqual({
      field: 'a',
    });
    expect(read(withField({ ...field, maxLength: 9 }), false).ok, 'two bounds').toBe(false);
  });

  it('is refused where it means something that is not enforced here', () => {
    expect(read({ type: 'object', properties: { a: { not: { type: 'string' } } } }, false).ok).toBe(false);
    expect(read({ type: 'object', properties: {}, oneOf: [] }, false).ok).toBe(false);
  });
});
