/** Where in a schema one stands while it is read, and what is noted on the way. */
import { z } from 'zod';
import { ANNOTATIONS, type Kind, type Node } from './schema-nodes.ts';

export type Notes = {
  /** Why it cannot be taken: sentences for whoever wrote it. */
  problems: string[];
  /** What only narrows and is left to whoever gets the arguments: argument and keyword. */
  unchecked: string[];
  /** What holds between arguments: sentences for people and the model. */
  rules: string[];
  /** How many parts were read. */
  parts: number;
  /** Where text may stand, and numbers that are kept as text: `*` is every item and every named value. */
  texts: string[][];
  decimals: string[][];
};

export type Place = {
  /** As people read it. */
  path: string;
  /** The same as in `Notes`. */
  names: readonly string[];
  depth: number;
  /** True where the author writes for us (json-schema.ts). */
  exacting: boolean;
  notes: Notes;
};

/** Alternatives share what stands around them, which is read once for each: what is small can be much to read. */
const MAX_PARTS = 2_000;

const KEYWORDS: Readonly<Record<Kind, readonly string[]>> = {
  choice: ['type', 'enum', 'const'],
  text: ['type', 'minLength', 'maxLength', 'pattern', 'allOf', 'format'],
  integer: ['type', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  number: ['type', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  boolean: ['type'],
  list: ['type', 'items', 'minItems', 'maxItems'],
  object: ['type', 'properties', 'required', 'additionalProperties'],
  record: ['type', 'additionalProperties', 'propertyNames'],
  union: ['anyOf', 'oneOf'],
};

/** Without them more is good, and nothing means anything else; `x-…` is somebody's own note. */
const NARROWING: readonly string[] = [
  'format',
  'multipleOf',
  'uniqueItems',
  'contains',
  'minContains',
  'maxContains',
  'minProperties',
  'maxProperties',
  'propertyNames',
  'dependentRequired',
  'unevaluatedItems',
  'unevaluatedProperties',
  'contentEncoding',
  'contentMediaType',
  'contentSchema',
  'discriminator',
  'example',
  'readOnly',
  'writeOnly',
];
const MAX_KEYWORD_CHARS = 40;

export const startingPlace = (exacting: boolean): Place => ({
  path: 'input',
  names: [],
  depth: 0,
  exacting,
  notes: { problems: [], unchecked: [], rules: [], parts: 0, texts: [], decimals: [] },
});

/** `name`: of an argument, or `*`. */
export const within = (place: Place, name: string, shown = `.${name}`): Place => ({
  ...place,
  path: `${place.path}${shown}`,
  names: [...place.names, name],
  depth: place.depth + 1,
});

export function say({ path, notes }: Place, problem: string): void {
  notes.problems.push(`${path} ${problem}.`);
}

export function refused(place: Place, problem: string): z.ZodType {
  say(place, problem);
  return z.never();
}

/** Left to whoever gets the arguments. Never where the author writes for us. */
export function leaveUnchecked({ path, notes }: Place, keyword: string): void {
  const note = `${path.replace(/^input\.?/, '') || 'all together'}: ${keyword.slice(0, MAX_KEYWORD_CHARS)}`;
  if (!notes.unchecked.includes(note)) notes.unchecked.push(note);
}

/** Every keyword is enforced, left out loudly or refused. */
export function checkKeywords(node: Node, kind: Kind, place: Place): void {
  for (const keyword of Object.keys(node)) {
    if (ANNOTATIONS.includes(keyword) || KEYWORDS[kind].includes(keyword)) continue;
    const isLess = NARROWING.includes(keyword) || keyword.startsWith('x-');
    if (isLess && !place.exacting) leaveUnchecked(place, keyword);
    else
      say(place, `uses "${keyword.slice(0, MAX_KEYWORD_CHARS)}", which is not enforced here: leave it out`);
  }
}

/** False once there is more than anybody reviews. */
export function countPart(place: Place): boolean {
  place.notes.parts += 1;
  if (place.notes.parts === MAX_PARTS + 1) say(place, 'is more than can be read here');
  return place.notes.parts <= MAX_PARTS;
}

/** True where a text could be taken for a number that is kept as text, or the other way round. */
export const areMixed = ({ texts, decimals }: Notes): boolean =>
  decimals.some((one) => texts.some((other) => isSamePlace(one, other)));

const isSamePlace = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length &&
  one.every((name, at) => name === other[at] || name === '*' || other[at] === '*');

/** Which of the keywords of another kind stand in a node that may be of either: they say nothing of this one. */
export function ofKind(node: Node, type: unknown, kind: Kind | null): Node {
  const others = Object.entries(KEYWORDS).flatMap(([name, words]) => (name === kind ? [] : words));
  const own = kind === null ? [] : KEYWORDS[kind];
  const kept = Object.entries(node).filter(([keyword]) => own.includes(keyword) || !others.includes(keyword));
  return { ...Object.fromEntries(kept), type };
}
