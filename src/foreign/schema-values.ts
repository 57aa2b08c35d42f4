/** Values of a schema that hold no others: text, choices, numbers. */
import { z } from 'zod';
import { DECIMAL_WORDS, decimalNumber, decimalText } from '../model/decimal.ts';
import { cleanText } from '../screening/text.ts';
import { compilePattern } from './pattern.ts';
import { asNode, type Node } from './schema-nodes.ts';
import { leaveUnchecked, type Place, refused, say } from './schema-place.ts';

/** Twice the longest text of the shipped actions. */
const MAX_TEXT_CHARS = 16_000;
/** Where the schema sets no bound and need not. */
export const USUAL_TEXT_CHARS = 4_000;
const MAX_CHOICES = 100;
const MAX_SAYS_CHARS = 500;

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

export const choicesOf = (node: Node): unknown[] => (Array.isArray(node.enum) ? node.enum : [node.const]);

export function choiceOf(node: Node, place: Place): z.ZodType {
  const choices = choicesOf(node);
  const isFew = choices.length > 0 && choices.length <= MAX_CHOICES;
  if (isFew && choices.every(isLine)) {
    place.notes.texts.push([...place.names]);
    return z.enum(choices);
  }
  if (isFew && !place.exacting && choices.every(isScalar)) {
    if (choices.some(isLine)) place.notes.texts.push([...place.names]);
    return z.literal(choices);
  }
  if (isFew && !place.exacting && choices.every((one) => typeof one === 'number'))
    return decimal(
      (value) => choices.includes(value),
      `must be one of ${choices.join(', ')}`,
      { enum: choices },
      place,
    );
  return refused(place, `must have 1 to ${MAX_CHOICES} choices, each a short line of text`);
}

export const isLine = (one: unknown): one is string =>
  typeof one === 'string' &&
  one.length > 0 &&
  one.length <= 100 &&
  cleanText(one) === one &&
  !/[\r\n]/.test(one);

const isScalar = (one: unknown): one is string | number | boolean =>
  isLine(one) || typeof one === 'boolean' || Number.isSafeInteger(one);

export function textOf(node: Node, place: Place): z.ZodType {
  const { minLength = 0, maxLength } = node;
  if (place.exacting && maxLength === undefined) say(place, 'is text without a bound: add .max(…)');
  const most = maxLength ?? USUAL_TEXT_CHARS;
  if (!isCount(minLength) || !isCount(most) || minLength > most || (place.exacting && most > MAX_TEXT_CHARS))
    return refused(place, `must be bounded by a length of at most ${MAX_TEXT_CHARS} characters`);
  const longest = Math.min(most, MAX_TEXT_CHARS);
  const patterns = patternsOf(node, place);
  if (node.format !== undefined) checkFormat(patterns.length > 0, place);
  place.notes.texts.push([...place.names]);
  let schema = z.string().min(minLength).max(longest);
  for (const source of patterns) {
    const matches = matcherOf(source, longest, place);
    if (matches !== null) schema = schema.refine(matches, wordsOf(node));
  }
  // Shown to the model as it stood; what decides is the check above.
  const [shown] = patterns;
  return typeof shown === 'string' ? schema.meta({ pattern: shown }) : schema;
}

function checkFormat(hasPattern: boolean, place: Place): void {
  if (!place.exacting) leaveUnchecked(place, 'format');
  else if (!hasPattern) say(place, 'has a format that nothing here checks: give a pattern with .regex(…)');
}

/** Null where it cannot be matched here: a problem of whoever writes for us, somebody else's check otherwise. */
function matcherOf(source: unknown, maxLength: number, place: Place): ((text: string) => boolean) | null {
  if (typeof source !== 'string') {
    say(place, 'has a pattern that is no text');
    return null;
  }
  const pattern = compilePattern(source, maxLength);
  if (pattern.ok) return pattern.matches;
  if (place.exacting) say(place, pattern.problem);
  else leaveUnchecked(place, 'pattern');
  return null;
}

/** Several are written as `allOf`, which holds nothing else here. */
function patternsOf(node: Node, place: Place): unknown[] {
  const all = Array.isArray(node.allOf) ? node.allOf.map(asNode) : [];
  if (all.some((one) => Object.keys(one).some((keyword) => keyword !== 'pattern' && keyword !== 'type')))
    say(place, 'uses "allOf" for more than patterns, which is not enforced here: leave it out');
  return [node, ...all].flatMap(({ pattern }) => (pattern === undefined ? [] : [pattern]));
}

/** What a person reads whose text does not match: the author's sentence, kept by `.meta({ says })`. */
function wordsOf(node: Node): string {
  const says = typeof node.says === 'string' ? cleanText(node.says).trim() : '';
  return says.slice(0, MAX_SAYS_CHARS).toWellFormed() || 'does not have the form that is expected here';
}

const BOUNDS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'] as const;

export function integerOf(node: Node, place: Place): z.ZodType {
  if (BOUNDS.some((name) => node[name] !== undefined && !Number.isInteger(node[name])))
    return refused(place, 'has a bound that is not a whole number');
  const lows = [node.minimum, beside(node.exclusiveMinimum, 1)].filter((bound) => bound !== undefined);
  const highs = [node.maximum, beside(node.exclusiveMaximum, -1)].filter((bound) => bound !== undefined);
  let schema = z.int();
  for (const low of lows) schema = schema.min(Number(low));
  for (const high of highs) schema = schema.max(Number(high));
  return schema;
}

const beside = (bound: unknown, step: 1 | -1): unknown =>
  bound === undefined ? undefined : Number(bound) + step;

/** A number that may have a fraction: a decimal text here, a number again on its way to the server only (mcp-wire.ts). */
export function numberOf(node: Node, place: Place): z.ZodType {
  const bounds = BOUNDS.filter((name) => node[name] !== undefined).map((name) => [name, node[name]] as const);
  if (bounds.some(([, bound]) => typeof bound !== 'number'))
    return refused(place, 'has a bound that is not a number');
  const words = bounds.map(([name, bound]) => `${BOUND_WORDS[name]} ${bound}`).join(' and ');
  const isWithin = (value: number): boolean =>
    bounds.every(([name, bound]) => IS_WITHIN[name](value, Number(bound)));
  return decimal(isWithin, `must be ${words}`, Object.fromEntries(bounds), place);
}

const BOUND_WORDS = {
  minimum: 'at least',
  maximum: 'at most',
  exclusiveMinimum: 'more than',
  exclusiveMaximum: 'less than',
} as const;
/** Exact: a text and its number are one, so that comparing numbers compares what people read. */
const IS_WITHIN = {
  minimum: (value: number, bound: number) => value >= bound,
  maximum: (value: number, bound: number) => value <= bound,
  exclusiveMinimum: (value: number, bound: number) => value > bound,
  exclusiveMaximum: (value: number, bound: number) => value < bound,
} as const;

/** `shown`: what the model and forms read of it, which give a bare number. */
function decimal(isGood: (value: number) => boolean, words: string, shown: object, place: Place): z.ZodType {
  if (place.exacting)
    return refused(place, 'is a number that need not be whole: use z.int(), or a text with a pattern');
  place.notes.decimals.push([...place.names]);
  const text = z
    .string()
    .refine((one) => decimalNumber(one) !== null, { error: DECIMAL_WORDS, abort: true })
    .refine((one) => isGood(Number(one)), words);
  return z.preprocess(asText, text).meta({ ...shown, type: 'number' });
}

/** In the one form that a number has; what is none is left for the check to refuse. */
function asText(given: unknown): unknown {
  const value = typeof given === 'string' ? decimalNumber(given) : given;
  if (typeof value === 'number') return decimalText(value) ?? String(value);
  return given;
}
