/**
 * A schema without references: each is put where it points, so that whoever reads the schema meets none. Only what stands in the
 * schema itself can be pointed at; nothing is fetched. Pure.
 */
import { asNode, merged, type Node } from './schema-nodes.ts';

export type Inlined = { ok: true; schema: Node } | { ok: false; problem: string };

/** After everything is where it points: what a person can still read at review. Small schemas can grow without end. */
const MAX_NODES = 1_000;
const MAX_POINTER_CHARS = 200;
const ONE_SCHEMA = ['items', 'additionalProperties', 'propertyNames'];
const LISTS_OF_SCHEMAS = ['anyOf', 'oneOf', 'allOf'];
/** Say nothing by themselves. */
const DEFINITIONS = ['$defs', 'definitions'];

class CannotInline extends Error {}

/** `root`: plain JSON. */
export function inlineReferences(root: Node): Inlined {
  let nodes = 0;

  const inlined = (value: unknown, via: readonly string[]): unknown => {
    // `true`, `{}` and the like.
    if (value !== asNode(value)) return value;
    nodes += 1;
    if (nodes > MAX_NODES)
      throw new CannotInline(`has more than ${MAX_NODES} parts once its references are in place`);
    const { $ref: pointer, ...beside } = value as Node;
    const here = withParts(beside, via);
    if (pointer === undefined) return here;
    if (typeof pointer !== 'string' || !pointer.startsWith('#') || pointer.length > MAX_POINTER_CHARS)
      throw new CannotInline('refers to something outside of itself');
    if (via.includes(pointer)) throw new CannotInline(`refers to itself (${pointer})`);
    const there = asNode(inlined(targetOf(root, pointer), [...via, pointer]));
    const both = merged(here, there);
    if (both === null)
      throw new CannotInline(`says two things of one keyword at its reference to ${pointer}`);
    return both;
  };

  const withParts = (node: Node, via: readonly string[]): Node => {
    const parts = Object.entries(node).flatMap(([keyword, value]): [string, unknown][] => {
      if (DEFINITIONS.includes(keyword)) return [];
      if (ONE_SCHEMA.includes(keyword)) return [[keyword, inlined(value, via)]];
      if (LISTS_OF_SCHEMAS.includes(keyword) && Array.isArray(value))
        return [[keyword, value.map((one) => inlined(one, via))]];
      if (keyword !== 'properties') return [[keyword, value]];
      const properties = Object.entries(asNode(value)).map(([name, one]) => [name, inlined(one, via)]);
      return [[keyword, Object.fromEntries(properties)]];
    });
    return Object.fromEntries(parts);
  };

  try {
    return { ok: true, schema: asNode(inlined(root, ['#'])) };
  } catch (error) {
    if (error instanceof CannotInline) return { ok: false, problem: error.message };
    throw error;
  }
}

/** JSON Pointer (RFC 6901) in a fragment: own members only. */
function targetOf(root: Node, pointer: string): Node {
  const nowhere = new CannotInline(`refers to ${pointer}, which it does not have`);
  const [first, ...names] = (decoded(pointer.slice(1)) ?? '?').split('/');
  if (first !== '') throw nowhere;
  let found: unknown = root;
  for (const part of names) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) throw nowhere;
    found = (found as Readonly<Record<string, unknown>>)[name];
  }
  if (found !== asNode(found)) throw nowhere;
  return found as Node;
}

function decoded(fragment: string): string | null {
  try {
    return decodeURIComponent(fragment);
  } catch {
    // Not percent-encoding: it names nothing.
    return null;
  }
}
