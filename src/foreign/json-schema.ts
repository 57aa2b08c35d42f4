/**
 * The arguments of an action from elsewhere: from JSON Schema to a zod schema of ours. Only what forms, commands and
 * validation can hold is taken; whatever else stands in the schema refuses it, because a keyword that is not enforced
 * would be a promise that nobody keeps. No code and no regular expression of the schema ever runs as such (pattern.ts).
 */
import { z } from 'zod';
import type { InputSchema } from '../action.ts';
import { cleanText } from '../screening/text.ts';
import { compilePattern } from './pattern.ts';
import { isStrangeKey, plainJson } from './plain.ts';
import { inlineReferences } from './references.ts';
import { ANNOTATIONS, asNode, type Kind, kindOf, type Node, simplified } from './schema-nodes.ts';

export type SchemaOptions = {
  /**
   * True where the author writes for us: every argument labelled, every text bounded, nothing open. False for schemas
   * that others wrote for others (tools of a server): what they leave open is closed, what they do not bound is bounded.
   */
  exacting: boolean;
};

export type ReadSchema =
  /** `inlined`: what was read, with no reference left in it; what a person is shown. */
  { ok: true; schema: InputSchema; inlined: Node } | { ok: false; problems: string[] };

const MAX_SCHEMA_CHARS = 40_000;
const MAX_ARGUMENTS = 30;
const MAX_DEPTH = 4;
/** Twice the longest text of the shipped actions. */
const MAX_TEXT_CHARS = 16_000;
/** Where the schema sets no bound and need not. */
const USUAL_TEXT_CHARS = 4_000;
const MAX_ITEMS = 100;
const MAX_CHOICES = 100;
const MAX_TITLE_CHARS = 60;
const MAX_DESCRIPTION_CHARS = 500;
const ARGUMENT = /^[a-z][A-Za-z0-9_]{0,39}$/;
/** Other people's names for arguments: they may begin with a capital or hold a dash. */
const ANY_ARGUMENT = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const RECORD_KEY = '^[A-Za-z][A-Za-z0-9_.-]{0,63}$';
const MAX_KEY_CHARS = 64;

const KEYWORDS: Readonly<Record<Kind, readonly string[]>> = {
  choice: ['type', 'enum', 'const'],
  text: ['type', 'minLength', 'maxLength', 'pattern', 'allOf', 'format'],
  integer: ['type', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  boolean: ['type'],
  list: ['type', 'items', 'minItems', 'maxItems'],
  object: ['type', 'properties', 'required', 'additionalProperties'],
  record: ['type', 'additionalProperties', 'propertyNames'],
};

type Place = { path: string; depth: number; exacting: boolean; say: (path: string, problem: string) => void };

/** The problems are sentences for whoever wrote the schema: where, what, and how to mend it. */
export function readInputSchema(json: unknown, { exacting }: SchemaOptions): ReadSchema {
  const plain = plainJson(json, MAX_SCHEMA_CHARS);
  if (!plain.ok) return { ok: false, problems: [`input ${plain.problem}.`] };
  const problems: string[] = [];
  const place: Place = {
    path: 'input',
    depth: 0,
    exacting,
    say: (path, problem) => problems.push(`${path} ${problem}.`),
  };
  const inlined = inlineReferences(asNode(plain.value));
  if (!inlined.ok) return { ok: false, problems: [`input ${inlined.problem}.`] };
  const root = inlined.schema;
  if (kindOf(root) !== 'object')
    return { ok: false, problems: ['input must be an object of named arguments.'] };
  const schema = objectOf(root, place);
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, schema: schema as InputSchema, inlined: root };
}

function objectOf(node: Node, place: Place): z.ZodType {
  checkKeywords(node, 'object', place);
  const properties = Object.entries(asNode(node.properties));
  const required = new Set(Array.isArray(node.required) ? node.required : []);
  if (properties.length > MAX_ARGUMENTS) place.say(place.path, `has more than ${MAX_ARGUMENTS} arguments`);
  if (place.exacting && node.additionalProperties !== false)
    place.say(place.path, 'takes arguments that it does not name: use z.strictObject');
  for (const name of required) {
    if (!properties.some(([known]) => known === name))
      place.say(place.path, 'needs an argument that it does not have');
  }
  const shape: Record<string, z.ZodType> = {};
  for (const [name, value] of properties) {
    const inner = { ...place, path: `${place.path}.${name.slice(0, MAX_KEY_CHARS)}`, depth: place.depth + 1 };
    if (isStrangeKey(name) || !(place.exacting ? ARGUMENT : ANY_ARGUMENT).test(name)) {
      place.say(inner.path, 'is no name for an argument: letters, digits and _, a small letter first');
      continue;
    }
    shape[name] = argumentOf(asNode(value), required.has(name), inner);
  }
  return z.strictObject(shape);
}

/** One argument with its label, optional where the schema does not ask for it. */
function argumentOf(given: Node, isRequired: boolean, place: Place): z.ZodType {
  const node = place.exacting ? given : simplified(given);
  const bare = schemaOf(node, place);
  const schema = withDefault(bare, node, isRequired, place);
  const name = place.path.slice(place.path.lastIndexOf('.') + 1);
  return schema.meta({
    title: label(node.title, place, 'title', MAX_TITLE_CHARS) || name,
    description: label(node.description, place, 'description', MAX_DESCRIPTION_CHARS),
  });
}

function withDefault(schema: z.ZodType, node: Node, isRequired: boolean, place: Place): z.ZodType {
  if (node.default === undefined) return isRequired ? schema : schema.optional();
  const parsed = schema.safeParse(node.default);
  if (parsed.success) return schema.default(parsed.data);
  place.say(place.path, 'has a default that is not one of its values');
  return schema;
}

function label(value: unknown, place: Place, what: 'title' | 'description', maxChars: number): string {
  const text = typeof value === 'string' ? cleanText(value).trim() : '';
  // Arguments of an argument have no field of their own in a form.
  const isNeeded = place.exacting && place.depth === 1;
  if (text === '' && isNeeded) place.say(place.path, `has no ${what}: add .meta({ title, description })`);
  if (text.length > maxChars && place.exacting)
    place.say(place.path, `has a ${what} of more than ${maxChars} characters`);
  return text.slice(0, maxChars).toWellFormed();
}

function schemaOf(given: Node, place: Place): z.ZodType {
  if (place.depth > MAX_DEPTH) return refused(place, `is nested more than ${MAX_DEPTH} deep`);
  const node = place.exacting ? given : simplified(given);
  const kind = kindOf(node);
  if (kind !== null && kind !== 'object') checkKeywords(node, kind, place);
  switch (kind) {
    case 'choice':
      return choiceOf(node, place);
    case 'text':
      return textOf(node, place);
    case 'integer':
      return integerOf(node, place);
    case 'boolean':
      return z.boolean();
    case 'list':
      return listOf(node, place);
    case 'object':
      return objectOf(node, place);
    case 'record':
      return recordOf(node, place);
    case null:
      return refused(
        place,
        'is of a kind that is not known here: text, a choice, a whole number, true or false, a list or named values',
      );
  }
}

function choiceOf(node: Node, place: Place): z.ZodType {
  const choices = Array.isArray(node.enum) ? node.enum : [node.const];
  if (choices.length === 0 || choices.length > MAX_CHOICES || !choices.every(isChoice))
    return refused(place, `must have 1 to ${MAX_CHOICES} choices, each a short line of text`);
  return z.enum(choices as [string, ...string[]]);
}

const isChoice = (one: unknown): one is string =>
  typeof one === 'string' &&
  one.length > 0 &&
  one.length <= 100 &&
  cleanText(one) === one &&
  !/[\r\n]/.test(one);

function textOf(node: Node, place: Place): z.ZodType {
  const { minLength = 0, maxLength } = node;
  if (place.exacting && maxLength === undefined)
    place.say(place.path, 'is text without a bound: add .max(…)');
  const most = maxLength ?? USUAL_TEXT_CHARS;
  if (!isCount(minLength) || !isCount(most) || minLength > most || (place.exacting && most > MAX_TEXT_CHARS))
    return refused(place, `must be bounded by a length of at most ${MAX_TEXT_CHARS} characters`);
  const longest = Math.min(most, MAX_TEXT_CHARS);
  const patterns = patternsOf(node);
  if (place.exacting && node.format !== undefined && patterns.length === 0)
    place.say(place.path, 'has a format that nothing here checks: give a pattern with .regex(…)');
  let schema = z.string().min(minLength).max(longest);
  for (const source of patterns) {
    const pattern = typeof source === 'string' ? compilePattern(source, longest) : null;
    if (pattern?.ok) schema = schema.refine(pattern.matches, wordsOf(node));
    else place.say(place.path, pattern === null ? 'has a pattern that is no text' : pattern.problem);
  }
  // Shown to the model as it stood; what decides is the check above.
  const [shown] = patterns;
  return typeof shown === 'string' ? schema.meta({ pattern: shown }) : schema;
}

const patternsOf = (node: Node): unknown[] => [
  ...(node.pattern === undefined ? [] : [node.pattern]),
  ...(Array.isArray(node.allOf) ? node.allOf.map((one) => asNode(one).pattern) : []),
];

/** What a person reads whose text does not match: the author's sentence, kept by `.meta({ says })`. */
function wordsOf(node: Node): string {
  const says = typeof node.says === 'string' ? cleanText(node.says).trim() : '';
  return (
    says.slice(0, MAX_DESCRIPTION_CHARS).toWellFormed() || 'does not have the form that is expected here'
  );
}

function integerOf(node: Node, place: Place): z.ZodType {
  const bounds = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'] as const;
  if (bounds.some((name) => node[name] !== undefined && !Number.isSafeInteger(node[name])))
    return refused(place, 'has a bound that is not a whole number');
  const low =
    node.minimum ?? (node.exclusiveMinimum === undefined ? undefined : Number(node.exclusiveMinimum) + 1);
  const high =
    node.maximum ?? (node.exclusiveMaximum === undefined ? undefined : Number(node.exclusiveMaximum) - 1);
  let schema = z.int();
  if (low !== undefined) schema = schema.min(Number(low));
  if (high !== undefined) schema = schema.max(Number(high));
  return schema;
}

function listOf(node: Node, place: Place): z.ZodType {
  const { minItems = 0, maxItems } = node;
  if (place.exacting && maxItems === undefined)
    place.say(place.path, 'is a list without a bound: add .max(…)');
  const most = maxItems ?? MAX_ITEMS;
  if (!isCount(minItems) || !isCount(most) || minItems > most || (place.exacting && most > MAX_ITEMS))
    return refused(place, `must have at most ${MAX_ITEMS} items`);
  const item = schemaOf(asNode(node.items), { ...place, path: `${place.path}[]`, depth: place.depth + 1 });
  return z.array(item).min(minItems).max(Math.min(most, MAX_ITEMS));
}

function recordOf(node: Node, place: Place): z.ZodType {
  const names = asNode(node.propertyNames);
  const source = typeof names.pattern === 'string' ? names.pattern : RECORD_KEY;
  const pattern = compilePattern(source, MAX_KEY_CHARS);
  if (!pattern.ok) return refused(place, pattern.problem);
  const inner = { ...place, path: `${place.path}.*`, depth: place.depth + 1 };
  const open = node.additionalProperties;
  const value =
    open === undefined || open === true ? z.string().max(USUAL_TEXT_CHARS) : schemaOf(asNode(open), inner);
  const key = z
    .string()
    .refine((name) => !isStrangeKey(name) && pattern.matches(name), 'is not a name that may stand here');
  return z
    .record(key, value)
    .refine((all) => Object.keys(all).length <= MAX_ITEMS, `has more than ${MAX_ITEMS} values`);
}

function checkKeywords(node: Node, kind: Kind, place: Place): void {
  const known = [...ANNOTATIONS, ...KEYWORDS[kind]];
  const other = Object.keys(node).find((keyword) => !known.includes(keyword));
  if (other !== undefined)
    place.say(place.path, `uses "${other.slice(0, 40)}", which is not enforced here: leave it out`);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

function refused(place: Place, problem: string): z.ZodType {
  place.say(place.path, problem);
  return z.never();
}
