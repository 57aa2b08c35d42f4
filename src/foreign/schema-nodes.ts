/** One node of somebody's JSON Schema as data: which kind it is, and what other people write in more words than are needed. Pure. */
import { isDeepStrictEqual } from 'node:util';

export type Node = Readonly<Record<string, unknown>>;
export type Kind =
  | 'choice'
  | 'text'
  | 'integer'
  | 'number'
  | 'boolean'
  | 'list'
  | 'object'
  | 'record'
  | 'union';

/** Say nothing about which values are good. */
export const ANNOTATIONS: readonly string[] = [
  '$schema',
  '$id',
  '$comment',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'says',
];

export function asNode(value: unknown): Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Node) : {};
}

export function kindOf(node: Node): Kind | null {
  if (node.enum !== undefined || node.const !== undefined) return 'choice';
  const alternatives = alternativesOf(node);
  if (alternatives !== null)
    return alternatives.options.every(isOnlyRequired) ? kindOf(alternatives.outer) : 'union';
  if (Array.isArray(node.type)) return 'union';
  switch (node.type) {
    case 'string':
      return 'text';
    case 'integer':
      return 'integer';
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'array':
      return 'list';
    case 'object':
      return isRecord(node) ? 'record' : 'object';
    default:
      return null;
  }
}

const isRecord = (node: Node): boolean =>
  node.properties === undefined &&
  node.additionalProperties !== false &&
  node.additionalProperties !== undefined;

/** `outer`: what stands around the options, without its labels: it holds for each of them. */
export type Alternatives = { options: Node[]; isOne: boolean; outer: Node };

/** `anyOf` or `oneOf`; null where there is none, or both. */
export function alternativesOf(node: Node): Alternatives | null {
  const { anyOf, oneOf, ...outer } = node;
  const options = anyOf ?? oneOf;
  if (!Array.isArray(options) || options.length === 0 || (anyOf !== undefined && oneOf !== undefined))
    return null;
  return { options: options.map(asNode), isOne: oneOf !== undefined, outer };
}

/** Says which arguments there must be, and nothing else. */
const isOnlyRequired = (node: Node): boolean =>
  Array.isArray(node.required) &&
  node.required.length > 0 &&
  Object.entries(node).every(
    ([keyword, value]) =>
      keyword === 'required' || ANNOTATIONS.includes(keyword) || (keyword === 'type' && value === 'object'),
  );

/** Without what only labels it. */
export const unlabelled = (node: Node): Node =>
  Object.fromEntries(Object.entries(node).filter(([keyword]) => !ANNOTATIONS.includes(keyword)));

/** Options of these alone are no options. */
const CHOOSING = ['anyOf', 'oneOf', 'allOf'] as const;

/**
 * The same in fewer words: `X or null` is X (null is nothing that anybody says here: an argument is left out instead), and a choice of
 * one is that one.
 */
export function simplified(node: Node): Node {
  const bare = withoutNull(node);
  for (const word of CHOOSING) {
    const { [word]: options, ...outer } = bare;
    if (!Array.isArray(options) || options.length !== 1) continue;
    const both = merged(outer, asNode(options[0]));
    if (both !== null) return simplified(both);
  }
  return bare;
}

/** Both at once, under the outer one's labels; null where they say two things of one keyword. */
export function merged(outer: Node, inner: Node): Node | null {
  const both: Record<string, unknown> = { ...inner, ...outer };
  for (const [keyword, within] of Object.entries(inner)) {
    const around = outer[keyword];
    if (around === undefined || ANNOTATIONS.includes(keyword)) continue;
    if (keyword === 'required' && Array.isArray(around) && Array.isArray(within))
      both.required = [...new Set([...around, ...within])];
    else if (keyword === 'properties' && areApart(asNode(around), asNode(within)))
      both.properties = { ...asNode(around), ...asNode(within) };
    else if (!isDeepStrictEqual(around, within)) return null;
  }
  return both;
}

/** No argument is said to be two things. */
const areApart = (some: Node, others: Node): boolean =>
  Object.entries(some).every(
    ([name, one]) => others[name] === undefined || isDeepStrictEqual(others[name], one),
  );

function withoutNull(node: Node): Node {
  const kept = Object.entries(node).filter(
    ([keyword, value]) =>
      !(keyword === 'default' && value === null) && !(keyword === 'nullable' && typeof value === 'boolean'),
  );
  return Object.fromEntries(kept.map(([keyword, value]) => [keyword, besidesNull(keyword, value)]));
}

function besidesNull(keyword: string, value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  switch (keyword) {
    case 'type': {
      const types = value.filter((type) => type !== 'null');
      return types.length === 1 ? types[0] : types;
    }
    case 'enum':
      return value.filter((choice) => choice !== null);
    case 'anyOf':
    case 'oneOf':
      return value.filter((option) => !isNull(asNode(option)));
    default:
      return value;
  }
}

const isNull = (node: Node): boolean =>
  node.type === 'null' || node.const === null || isDeepStrictEqual(node.enum, [null]);
