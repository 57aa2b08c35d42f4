import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readInputSchema } from '../../src/foreign/json-schema.ts';
import { fieldsOf } from '../../src/planner/schema.ts';

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
    ['a fraction', { type: 'number', ...label }, 'use z.int()'],
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

  it.each([
    ['not', { type: 'string', not: { const: 'a' } }],
    ['if', { type: 'string', if: {}, else: {} }],
    ['allOf of objects', { allOf: [{ type: 'object', properties: {} }, { properties: {} }] }],
    ['allOf of more than patterns', { type: 'string', allOf: [{ maxLength: 1 }, { pattern: '^a$' }] }],
    ['patternProperties', { type: 'object', patternProperties: {} }],
    ['dependentSchemas', { type: 'object', properties: {}, dependentSchemas: {} }],
    ['prefixItems', { type: 'array', items: { type: 'boolean' }, prefixItems: [{}] }],
    ['a keyword that nobody knows', { type: 'string', maximumLength: 3 }],
    [
      'both anyOf and oneOf',
      { anyOf: [{ type: 'string' }], oneOf: [{ type: 'string' }, { type: 'boolean' }] },
    ],
    ['nothing at all', { title: 'Anything' }],
  ])('is refused where %s means something that is not enforced here', (_what, field) => {
    expect(read(withField(field), false).ok).toBe(false);
  });

  it('leaves what only narrows to whoever gets the arguments, and says so', () => {
    const json = {
      type: 'object',
      minProperties: 1,
      properties: {
        day: { type: 'string', format: 'date', pattern: '^(?=2)', 'x-order': 1 },
        tags: { type: 'array', items: { type: 'string', pattern: 'a' }, uniqueItems: true },
        size: { type: 'integer', multipleOf: 2, readOnly: true },
      },
    };
    const found = read(json, false);
    expect(found.ok && found.unchecked).toEqual([
      'all together: minProperties',
      'day: x-order',
      'day: format',
      'day: pattern',
      'tags: uniqueItems',
      'tags[]: pattern',
      'size: multipleOf',
      'size: readOnly',
    ]);
    expect(taken(json, false).parse({ day: 'x', tags: ['b', 'b'], size: 3 })).toBeTruthy();
    expect(
      taken(withField({ type: 'string', pattern: '^[a-z]+$' }), false).safeParse({ field: '1' }).success,
    ).toBe(false);
  });
});

describe('a number with a fraction', () => {
  const number = { type: 'number', minimum: 0.5, exclusiveMaximum: 10, default: 2.5 };

  it('is kept as text, in the one form that it has', () => {
    const schema = taken(withField(number), false);
    const values = [1.5, '1.5', '1.50', 1, 0.5, undefined];
    expect(values.map((field) => schema.parse({ field }).field)).toEqual([
      '1.5',
      '1.5',
      '1.5',
      '1',
      '0.5',
      '2.5',
    ]);
    expect(schema.parse(schema.parse({ field: 1.5 }))).toEqual({ field: '1.5' });
    const bad = ['1e0', '-0', 0.1 + 0.2, Number.NaN, 'many', 0.49, 10, '10', true, null];
    for (const field of bad) expect(schema.safeParse({ field }).success, String(field)).toBe(false);
  });

  it('is a number for the model and for forms', () => {
    expect(asJson(taken(withField(number), false))).toMatchObject({ properties: { field: number } });
    const tool = { schema: asJson(taken(withField(number), false)) };
    expect(fieldsOf(tool)).toMatchObject([{ kind: 'number', required: false, fallback: 2.5 }]);
  });

  it('is told apart from text wherever it may stand', () => {
    const json = withField({
      type: 'object',
      properties: {
        rates: { type: 'array', items: { type: 'number' } },
        named: { type: 'object', additionalProperties: { type: ['number', 'null'] } },
        size: { anyOf: [{ type: 'number' }, { type: 'boolean' }, { type: 'integer' }] },
        step: { enum: [0.5, 1] },
        name: { type: 'string' },
      },
    });
    const found = read(json, false);
    expect(found.ok && found.decimals).toEqual([
      ['field', 'rates', '*'],
      ['field', 'named', '*'],
      ['field', 'size'],
      ['field', 'step'],
    ]);
    const given = { rates: [0.5, 1], named: { a: 2.5 }, size: 0.5, step: 0.5, name: '1.5' };
    const kept = { rates: ['0.5', '1'], named: { a: '2.5' }, size: '0.5', step: '0.5', name: '1.5' };
    expect(taken(json, false).parse({ field: given })).toEqual({ field: kept });
    expect(taken(json, false).safeParse({ field: { step: 0.7 } }).success).toBe(false);
  });

  it.each([
    ['text', { anyOf: [{ type: 'number' }, { type: 'string' }] }],
    ['a choice', { anyOf: [{ type: 'number' }, { enum: ['1.5'] }] }],
    [
      'text in another form',
      {
        anyOf: [
          { type: 'object', properties: { a: { type: 'number' } } },
          { type: 'object', additionalProperties: true },
        ],
      },
    ],
  ])('is refused where it could be %s too', (_what, field) => {
    const found = read(withField(field), false);
    expect(found.ok ? '' : found.problems.join()).toContain('may be text and may be a number');
  });
});

describe('alternatives', () => {
  const takes = (field: unknown, values: unknown[], more: object = {}) => {
    const schema = taken(withField(field, more), false);
    return values.map((value) => schema.safeParse({ field: value }).success);
  };

  it.each([
    ['constants', { oneOf: [{ const: 'a', title: 'A' }, { const: 'b' }] }],
    ['choices', { anyOf: [{ enum: ['a'] }, { type: 'string', enum: ['b', 'a'] }, { type: 'null' }] }],
  ])('that are all %s are one choice', (_what, field) => {
    expect(takes(field, ['a', 'b', 'c', null])).toEqual([true, true, false, false]);
    expect(asJson(taken(withField(field), false))).toMatchObject({
      properties: { field: { enum: ['a', 'b'] } },
    });
  });

  it('may be of several kinds', () => {
    const field = { anyOf: [{ type: 'integer', minimum: 1 }, { type: 'boolean' }, { const: 'all' }] };
    expect(takes(field, [1, true, 'all', 0, 'none', 1.5])).toEqual([true, true, true, false, false, false]);
    const types = { type: ['string', 'integer', 'null'], maxLength: 2, minimum: 5 };
    expect(takes(types, ['ab', 5, 'abc', 4, null])).toEqual([true, true, false, false, false]);
    expect(
      takes({ anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }, ['a', ['a'], 1]),
    ).toEqual([true, true, false]);
    expect(takes({ enum: [1, 'a', true, null] }, [1, 'a', true, 2, null])).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  const circle = {
    type: 'object',
    properties: { kind: { const: 'circle' }, radius: { type: 'integer' } },
    required: ['kind', 'radius'],
  };
  const square = {
    type: 'object',
    properties: { kind: { const: 'square' }, side: { type: 'integer' } },
    required: ['kind'],
  };

  it.each(['anyOf', 'oneOf'])('may be sets of named values, under %s', (word) => {
    const field = { [word]: [circle, square], discriminator: { propertyName: 'kind' } };
    const good = [{ kind: 'circle', radius: 1 }, { kind: 'square' }];
    const bad = [
      { kind: 'circle' },
      { kind: 'square', radius: 1 },
      { kind: 'circle', radius: 1, side: 1 },
      {},
    ];
    expect(takes(field, [...good, ...bad])).toEqual([true, true, false, false, false, false]);
  });

  it('share what stands around them', () => {
    const around = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] };
    const field = {
      ...around,
      anyOf: [
        { required: ['name'], properties: { a: { type: 'boolean' } } },
        { properties: { title: { type: 'boolean' } } },
      ],
    };
    expect(
      takes(field, [
        { name: 'x', a: true },
        { name: 'x', title: true },
        { a: true },
        { name: 'x', a: true, title: true },
      ]),
    ).toEqual([true, true, false, false]);
    expect(
      read(withField({ ...field, anyOf: [circle, { properties: { name: { type: 'integer' } } }] }), false).ok,
    ).toBe(false);
  });

  it('of which exactly one may fit are counted', () => {
    const field = {
      oneOf: [
        { type: 'string', maxLength: 3 },
        { type: 'string', minLength: 2 },
      ],
    };
    expect(takes(field, ['a', 'abcd', 'ab'])).toEqual([true, true, false]);
  });

  it.each([
    ['oneOf', 'Give exactly one of: id, name with team.', [true, true, false, false, false]],
    ['anyOf', 'Give at least one of: id, name with team.', [true, true, true, false, false]],
  ])('of arguments that must be there hold, and are said, under %s', (word, rule, expected) => {
    const text = { type: 'string' };
    const json = {
      type: 'object',
      properties: { id: text, name: text, team: text },
      [word]: [{ required: ['id'] }, { required: ['name', 'team'] }],
    };
    const found = read(json, false);
    expect(found.ok && found.rules).toEqual([rule]);
    const schema = taken(json, false);
    const all = [{ id: 'a' }, { name: 'a', team: 'b' }, { id: 'a', name: 'a', team: 'b' }, { name: 'a' }, {}];
    expect(all.map((one) => schema.safeParse(one).success)).toEqual(expected);
    expect(Object.keys(schema.shape)).toEqual(['id', 'name', 'team']);
    expect(schema.safeParse({}).error?.issues[0]).toMatchObject({
      path: ['id'],
      message: expect.stringContaining('does not fit: give'),
    });
  });

  it('are bounded, in number and in what is read for them', () => {
    const options = Array.from({ length: 9 }, (_, at) => ({ type: 'string', maxLength: at + 1 }));
    expect(read(withField({ anyOf: options }), false).ok).toBe(false);
    // Each level is read again for each alternative of the level above.
    const nested = (depth: number): object =>
      depth === 0
        ? { type: 'boolean' }
        : {
            type: 'object',
            properties: { deeper: nested(depth - 1) },
            anyOf: Array.from({ length: 8 }, (_, at) => ({
              properties: { [`a${at}`]: { type: 'boolean' } },
            })),
          };
    const found = read(withField(nested(4)), false);
    expect(found.ok ? '' : found.problems.join()).toContain('more than can be read here');
  });

  it.each([
    ['of the whole set of arguments', { type: 'object', properties: {}, anyOf: [circle, square] }],
    ['that are none', { type: 'object', properties: {}, oneOf: [] }],
    [
      'that need what there is not',
      { type: 'object', properties: {}, anyOf: [{ required: ['a'] }, { required: ['b'] }] },
    ],
  ])('%s are refused', (_what, json) => {
    expect(read(json, false).ok).toBe(false);
  });
});
