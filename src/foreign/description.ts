/**
 * What an action from a folder outside says of itself: asked in the sandbox, untrusted, read by a person at review, and in
 * force only as it was reviewed. Everything in it is data; this file says what may stand there.
 */
import { z } from 'zod';
import type { InputSchema } from '../action.ts';
import { Effect, Json, Risk } from '../model/request.ts';
import { cleanText } from '../screening/text.ts';
import { ACTION_NAME } from './action-name.ts';
import { DeclaredCall, effectOf, problemsOfCall } from './egress.ts';
import { readInputSchema } from './json-schema.ts';
import { plainJson } from './plain.ts';
import { readLine } from './template.ts';
import { DeclaredUndo, problemsOfUndo } from './undo.ts';

/** Of the whole description as JSON text: what somebody can read at review. */
export const MAX_DESCRIPTION_CHARS = 100_000;
const MAX_CALLS = 20;
const MAX_EXAMPLES = 20;
const MAX_CASES = 50;
/** How many writes one execution may be allowed. */
const MAX_WRITES = 10;
const MAX_ATTRIBUTES = 10;
/** Types that mean something to the house itself. */
const HOUSE_TYPES = ['Person', 'Group', 'Request', 'System'];

/** One line that people and the model read, as it really is: nothing hidden in it. */
const line = (most: number) =>
  z
    .string()
    .transform((text) => cleanText(text).trim())
    .pipe(
      z
        .string()
        .min(1)
        .max(most)
        .regex(/^[^\r\n]*$/, 'must be one line'),
    );
const attribute = z.union([z.string().max(200), z.boolean(), z.int()]);

const Shape = z.strictObject({
  v: z.literal(1),
  name: z.string().regex(ACTION_NAME, 'must be two words in small letters, such as report.weekly'),
  title: line(80),
  description: line(1_000),
  examples: z.array(line(200)).min(1).max(MAX_EXAMPLES),
  system: line(80),
  input: Json,
  effect: Effect,
  risk: Risk,
  resource: z.strictObject({
    type: z.string().regex(/^[A-Z][A-Za-z0-9]{0,39}$/, 'must be a Cedar entity type such as Report'),
    id: z.string().min(1).max(300),
    attributes: z.record(z.string().regex(/^[a-z][A-Za-z0-9_]{0,39}$/), attribute).default({}),
  }),
  egress: z.array(DeclaredCall).max(MAX_CALLS),
  writes: z.int().min(0).max(MAX_WRITES),
  idempotency: z.enum(['natural', 'key', 'none']),
  cases: z.array(z.record(z.string(), Json)).max(MAX_CASES).default([]),
  undo: DeclaredUndo.nullable().default(null),
});
export type Description = z.output<typeof Shape>;

export type ReadDescription =
  | { ok: true; description: Description; input: InputSchema }
  | { ok: false; problems: string[] };

/** The same checks at review and at every start: what was changed in the reviewed file by hand meets them too. */
export function readDescription(said: unknown): ReadDescription {
  const plain = plainJson(said, MAX_DESCRIPTION_CHARS);
  if (!plain.ok) return { ok: false, problems: [`What it says of itself ${plain.problem}.`] };
  const shape = Shape.safeParse(plain.value);
  if (!shape.success) {
    const where = shape.error.issues.map(
      ({ path, message }) => `${path.map(String).join('.') || 'It'}: ${message}.`,
    );
    return { ok: false, problems: where };
  }
  const description = shape.data;
  const input = readInputSchema(description.input, { exacting: true });
  if (!input.ok) return input;
  const problems = problemsWith(description, input.schema);
  return problems.length === 0 ? { ok: true, description, input: input.schema } : { ok: false, problems };
}

function problemsWith(description: Description, input: InputSchema): string[] {
  const args = argumentsOf(input);
  return [
    ...problemsOfExamples(description, args),
    ...problemsOfResource(description, args),
    ...problemsOfEgress(description, args),
    ...(description.undo === null ? [] : problemsOfUndo(description.undo, description.effect, args)),
    ...description.cases.flatMap((one, index) =>
      input.safeParse(one).success ? [] : [`cases.${index}: does not pass the schema of the arguments.`],
    ),
  ];
}

/** Each argument, true where it is always there once the schema has parsed. */
function argumentsOf(input: InputSchema): ReadonlyMap<string, boolean> {
  return new Map(
    Object.entries(input.shape).map(([name, field]) => [name, !(field instanceof z.ZodOptional)]),
  );
}

function problemsOfExamples({ examples }: Description, args: ReadonlyMap<string, boolean>): string[] {
  return examples.flatMap((example) =>
    [...example.matchAll(/\{(.*?)\}/g)]
      .filter(([, name = '']) => !args.has(name))
      .map(() => `examples: "${example}" names an argument that there is not.`),
  );
}

function problemsOfResource({ resource }: Description, args: ReadonlyMap<string, boolean>): string[] {
  const problems: string[] = [];
  if (HOUSE_TYPES.includes(resource.type))
    problems.push(`resource.type: ${resource.type} is the house's own; call it otherwise.`);
  if (Object.keys(resource.attributes).length > MAX_ATTRIBUTES)
    problems.push(`resource.attributes: more than ${MAX_ATTRIBUTES}.`);
  if (Object.hasOwn(resource.attributes, 'connector'))
    problems.push('resource.attributes: "connector" is set by the house; leave it out.');
  for (const [name, text] of [['id', resource.id], ...Object.entries(resource.attributes)] as const) {
    if (typeof text !== 'string') continue;
    const parts = readLine(text);
    const isGood = parts?.every((part) => 'literal' in part || isCertainArgument(part.reference, args));
    if (!isGood)
      problems.push(
        `resource.${name}: policy decides by it, so it may name required arguments only, such as {args.team}.`,
      );
  }
  return problems;
}

function isCertainArgument(reference: string, args: ReadonlyMap<string, boolean>): boolean {
  const [kind, name = '', ...deeper] = reference.split('.');
  return kind === 'args' && deeper.length === 0 && args.get(name) === true;
}

function problemsOfEgress(description: Description, args: ReadonlyMap<string, boolean>): string[] {
  const { egress, effect, writes } = description;
  const problems = egress.flatMap((call) => problemsOfCall(call, args));
  const names = egress.map(({ name }) => name);
  if (new Set(names).size < names.length) problems.push('egress: two calls have one name.');
  const canWrite = egress.some((call) => effectOf(call) === 'write');
  if (effect === 'read' && (canWrite || writes > 0))
    problems.push('effect: says read, and its egress writes. Say write; a read has no way to write.');
  if (effect === 'write' && !(canWrite && writes > 0))
    problems.push('effect: says write, and its egress or writes hold none. Say read, or declare them.');
  return problems;
}
