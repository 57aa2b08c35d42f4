/**
 * The arguments of an action from elsewhere: from JSON Schema to a zod schema of ours. Only what forms, commands and
 * validation can hold is taken; whatever else stands in the schema refuses it, because a keyword that is not enforced
 * would be a promise that nobody keeps. No code and no regular expression of the schema ever runs as such (pattern.ts).
 */
import { z } from 'zod';
import type { InputSchema } from '../action.ts';
import { cleanText } from '../screening/text.ts';
import { isStrangeKey, plainJson } from './plain.ts';
import { inlineReferences } from './references.ts';
import {
  type Alternatives,
  alternativesOf,
  asNode,
  kindOf,
  merged,
  type Node,
  simplified,
  unlabelled,
} from './schema-nodes.ts';
import {
  areMixed,
  checkKeywords,
  countPart,
  ofKind,
  type Place,
  refused,
  say,
  startingPlace,
  within,
} from './schema-place.ts';
import {
  choiceOf,
  choicesOf,
  integerOf,
  isCount,
  isLine,
  numberOf,
  textOf,
  USUAL_TEXT_CHARS,
} from './schema-values.ts';

export type SchemaOptions = {
  /**
   * True where the author writes for us: every argument labelled, every text bounded, nothing open. False for schemas
   * that others wrote for others (tools of a server): what they leave open is closed, what they do not bound is bounded.
   */
  exacting: boolean;
};

export type ReadSchema =
  | {
      ok: true;
      schema: InputSchema;
      /** What was read, with no reference left in it: what a person is shown. */
      inlined: Node;
      /** What only narrows and is not checked here: argument and keyword. */
      unchecked: string[];
      /** What holds between arguments: sentences for people and the model. */
      rules: string[];
      /** Where numbers stand that are kept as text; `*` is every item and every named value. */
      decimals: string[][];
    }
  | { ok: false; problems: string[] };

const MAX_SCHEMA_CHARS = 40_000;
const MAX_ARGUMENTS = 30;
const MAX_DEPTH = 4;
const MAX_ITEMS = 100;
/** Of one argument: more nobody reads. */
const MAX_ALTERNATIVES = 8;
const MAX_TITLE_CHARS = 60;
const MAX_DESCRIPTION_CHARS = 500;
const ARGUMENT = /^[a-z][A-Za-z0-9_]{0,39}$/;
/** Other people's names for arguments: they may begin with a capital or hold a dash. */
const ANY_ARGUMENT = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const RECORD_KEY = '^[A-Za-z][A-Za-z0-9_.-]{0,63}$';
const MAX_KEY_CHARS = 64;

/** The problems are sentences for whoever wrote the schema: where, what, and how to mend it. */
export function readInputSchema(json: unknown, { exacting }: SchemaOptions): ReadSchema {
  const plain = plainJson(json, MAX_SCHEMA_CHARS, exacting ? 'whole' : 'any');
  if (!plain.ok) return { ok: false, problems: [`input ${plain.problem}.`] };
  const inlined = inlineReferences(asNode(plain.value));
  if (!inlined.ok) return { ok: false, problems: [`input ${inlined.problem}.`] };
  const root = inlined.schema;
  if (kindOf(root) !== 'object')
    return {
      ok: false,
      problems: ['input must be an object of named arguments, the same ones in every call.'],
    };
  const place = startingPlace(exacting);
  const schema = objectOf(root, place) as InputSchema;
  if (areMixed(place.notes))
    say(place, 'has an argument that may be text and may be a number with a fraction');
  const { problems, unchecked, rules, decimals } = place.notes;
  return problems.length > 0
    ? { ok: false, problems }
    : { ok: true, schema, inlined: root, unchecked, rules, decimals };
}

function objectOf(given: Node, place: Place): z.ZodType {
  const alternatives = place.exacting ? null : alternativesOf(given);
  const node = alternatives?.outer ?? given;
  checkKeywords(node, 'object', place);
  const properties = Object.entries(asNode(node.properties));
  const required = new Set(Array.isArray(node.required) ? node.required : []);
  if (properties.length > MAX_ARGUMENTS) say(place, `has more than ${MAX_ARGUMENTS} arguments`);
  if (place.exacting && node.additionalProperties !== false)
    say(place, 'takes arguments that it does not name: use z.strictObject');
  for (const name of required) {
    if (!properties.some(([known]) => known === name)) say(place, 'needs an argument that it does not have');
  }
  const shape: Record<string, z.ZodType> = {};
  for (const [name, value] of properties) {
    const inner = within(place, name, `.${name.slice(0, MAX_KEY_CHARS)}`);
    if (isStrangeKey(name) || !(place.exacting ? ARGUMENT : ANY_ARGUMENT).test(name)) {
      say(inner, 'is no name for an argument: letters, digits and _, a small letter first');
      continue;
    }
    shape[name] = argumentOf(asNode(value), required.has(name), inner);
  }
  const schema = z.strictObject(shape);
  return alternatives === null ? schema : withEnough(schema, alternatives, place);
}

/** One of several sets of arguments must be there. Also said in words: no field of a form can show it. */
function withEnough(schema: z.ZodObject, { options, isOne }: Alternatives, place: Place): z.ZodType {
  const sets = options.map(({ required }) => (Array.isArray(required) ? required.map(String) : []));
  const known = Object.keys(schema.shape);
  if (!sets.flat().every((name) => known.includes(name)))
    return refused(place, 'needs an argument that it does not have');
  const words = `${isOne ? 'exactly' : 'at least'} one of: ${sets.map((names) => names.join(' with ')).join(', ')}`;
  const where = place.path.replace(/^input\.?/, '');
  place.notes.rules.push(`${where === '' ? 'Give' : `In ${where} give`} ${words}.`);
  const isEnough = (value: Record<string, unknown>): boolean => {
    const given = sets.filter((names) => names.every((name) => value[name] !== undefined)).length;
    return isOne ? given === 1 : given > 0;
  };
  return schema.refine(isEnough, { path: sets.flat().slice(0, 1), message: `does not fit: give ${words}` });
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
  // Somebody else's is read as if it had been given, and seen by the model and in forms as it was written.
  if (parsed.success) return place.exacting ? schema.default(parsed.data) : schema.prefault(node.default);
  say(place, 'has a default that is not one of its values');
  return schema;
}

function label(value: unknown, place: Place, what: 'title' | 'description', maxChars: number): string {
  const text = typeof value === 'string' ? cleanText(value).trim() : '';
  // Arguments of an argument have no field of their own in a form.
  const isNeeded = place.exacting && place.depth === 1;
  if (text === '' && isNeeded) say(place, `has no ${what}: add .meta({ title, description })`);
  if (text.length > maxChars && place.exacting)
    say(place, `has a ${what} of more than ${maxChars} characters`);
  return text.slice(0, maxChars).toWellFormed();
}

function schemaOf(given: Node, place: Place): z.ZodType {
  if (place.depth > MAX_DEPTH) return refused(place, `is nested more than ${MAX_DEPTH} deep`);
  if (!countPart(place)) return z.never();
  const node = place.exacting ? given : simplified(given);
  const kind = kindOf(node);
  if (kind !== null && kind !== 'object' && kind !== 'union') checkKeywords(node, kind, place);
  switch (kind) {
    case 'choice':
      return choiceOf(node, place);
    case 'text':
      return textOf(node, place);
    case 'integer':
      return integerOf(node, place);
    case 'number':
      return numberOf(node, place);
    case 'boolean':
      return z.boolean();
    case 'list':
      return listOf(node, place);
    case 'object':
      return objectOf(node, place);
    case 'record':
      return recordOf(node, place);
    case 'union':
      return place.exacting ? refused(place, UNKNOWN) : unionOf(node, place);
    case null:
      return refused(place, UNKNOWN);
  }
}

const UNKNOWN =
  'is of a kind that is not known here: text, a choice, a number, true or false, a list or named values';

/** One of several: what stands around the options holds for each. */
function unionOf(node: Node, place: Place): z.ZodType {
  const { options, isOne, outer } = alternativesOf(node) ?? byType(node);
  const all = options.map((option) => merged(unlabelled(outer), unlabelled(simplified(option))));
  if (!all.every((one) => one !== null))
    return refused(place, 'says two things of one keyword, around its alternatives and in one of them');
  const words = all.map((one) => (kindOf(one) === 'choice' ? choicesOf(one) : [null]));
  if (words.flat().every(isLine)) {
    for (const one of all) checkKeywords(one, 'choice', place);
    return choiceOf({ enum: [...new Set(words.flat())] }, place);
  }
  if (all.length > MAX_ALTERNATIVES) return refused(place, `has more than ${MAX_ALTERNATIVES} alternatives`);
  const schemas = all.map((one) => schemaOf(one, place));
  const union = z.union(schemas);
  if (!isOne) return union;
  // Judged over what is sent: with the defaults of the alternative that was taken.
  const isExactlyOne = (value: unknown): boolean =>
    schemas.filter((schema) => schema.safeParse(value).success).length === 1;
  return union.refine(isExactlyOne, 'fits more than one of its alternatives');
}

/** `type: ['string', 'integer']`: each with the keywords that speak of it. */
function byType(node: Node): Alternatives {
  const types = Array.isArray(node.type) ? node.type : [];
  const options = types.map((type) => ofKind(unlabelled(node), type, kindOf({ type })));
  return { options, isOne: false, outer: {} };
}

function listOf(node: Node, place: Place): z.ZodType {
  const { minItems = 0, maxItems } = node;
  if (place.exacting && maxItems === undefined) say(place, 'is a list without a bound: add .max(…)');
  const most = maxItems ?? MAX_ITEMS;
  if (!isCount(minItems) || !isCount(most) || minItems > most || (place.exacting && most > MAX_ITEMS))
    return refused(place, `must have at most ${MAX_ITEMS} items`);
  const item = schemaOf(asNode(node.items), within(place, '*', '[]'));
  return z.array(item).min(minItems).max(Math.min(most, MAX_ITEMS));
}

/** Where anything may stand. */
const ANY_TEXT = { type: 'string', maxLength: USUAL_TEXT_CHARS };

function recordOf(node: Node, place: Place): z.ZodType {
  const given = asNode(node.propertyNames);
  const hasForm = given.pattern !== undefined || kindOf(given) === 'choice';
  const usual = hasForm ? {} : { pattern: RECORD_KEY };
  // A name is no value: it stands nowhere.
  const named = { ...within(place, '', ' (names)'), names: [] };
  const name = schemaOf({ type: 'string', maxLength: MAX_KEY_CHARS, ...usual, ...given }, named);
  const inner = within(place, '*');
  const open = node.additionalProperties;
  const value = schemaOf(open === true ? ANY_TEXT : asNode(open), inner);
  const key = z
    .string()
    .refine((key) => !isStrangeKey(key) && name.safeParse(key).success, 'is not a name that may stand here');
  return z
    .record(key, value)
    .refine((all) => Object.keys(all).length <= MAX_ITEMS, `has more than ${MAX_ITEMS} values`);
}
