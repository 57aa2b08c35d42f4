/**
 * Templates of an action from elsewhere: data that says where a digested value stands, instead of a function that puts it
 * there. Pure; read by the core, which declares what may leave, and by the child, which asks for it. A value that is
 * not there leaves the whole template unfilled: half of a request is another request.
 */
import type { EgressValues } from '../action.ts';
import type { Json } from '../model/request.ts';
import { isStrangeKey } from './plain.ts';

/** `args.title`, `args.place.room`, `settings.project`, `pinned.commit`, `handle.run`, `data.note`, `mark`, `requester`. */
const REFERENCE =
  /^(?:mark|requester|(?:args|settings|pinned|handle|data)(?:\.[A-Za-z][A-Za-z0-9_-]{0,63}){1,4})$/;
const SEGMENT_REFERENCE = /^\{([^{}]+)\}$/;
/** Unreserved characters of RFC 3986: nothing that a server could read in two ways. */
const LITERAL_SEGMENT = /^[A-Za-z0-9._~-]{1,100}$/;

/** Not there yet, or not at all: whoever asked for it gets nothing. */
export class Unfilled extends Error {}

export type Found = Pick<EgressValues, 'args' | 'settings' | 'pinned' | 'handle' | 'mark' | 'requester'> & {
  /** What a run returned with its result, for what takes it back. */
  data?: Json;
};

/** A place in a template, with what stands there where the value is missing. */
export type Fill = { $fill: string; or?: Json };

const isReference = (text: string): boolean =>
  REFERENCE.test(text) && !text.split('.').some((name) => isStrangeKey(name));

/** Own values only: what every object has is no argument. */
function lookUp(reference: string, values: Found): Json | undefined {
  if (!isReference(reference)) return undefined;
  let value: unknown = values;
  for (const name of reference.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
      return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  // A mark that was not made yet (before a run) is none.
  return value === '' && reference === 'mark' ? undefined : (value as Json | undefined);
}

/** @throws Unfilled */
function textAt(reference: string, values: Found): string {
  const value = lookUp(reference, values);
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Unfilled(reference);
}

/** One part of a path: `{args.repo}` as a whole, or plain text; null for anything else. */
export type PathPart = { literal: string } | { reference: string };

export function readPath(path: string): PathPart[] | null {
  if (!path.startsWith('/')) return null;
  const parts: PathPart[] = [];
  for (const segment of path.slice(1).split('/')) {
    const reference = SEGMENT_REFERENCE.exec(segment)?.[1];
    if (reference !== undefined && isReference(reference)) parts.push({ reference });
    else if (LITERAL_SEGMENT.test(segment) && segment !== '.' && segment !== '..')
      parts.push({ literal: segment });
    else return null;
  }
  return parts;
}

/** The value of each part; whether it may stand as one segment is for the broker to say. @throws Unfilled */
export function fillPath(parts: readonly PathPart[], values: Found): string[] {
  return parts.map((part) => ('literal' in part ? part.literal : textAt(part.reference, values)));
}

/** What a template may be besides plain JSON. */
type Special = { kind: 'fill'; fill: Fill } | { kind: 'text'; parts: (string | Fill)[] };

export function isFill(value: unknown): value is Fill {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const keys = Object.keys(value);
  const { $fill } = value as { $fill?: unknown };
  return (
    typeof $fill === 'string' && isReference($fill) && keys.every((key) => key === '$fill' || key === 'or')
  );
}

/** Null: plain JSON. Undefined: begins like a place and is none. */
function specialOf(value: { [key: string]: Json }): Special | null | undefined {
  if (!Object.keys(value).some((key) => key.startsWith('$'))) return null;
  if (isFill(value)) return { kind: 'fill', fill: value };
  const { $text } = value;
  if (Object.keys(value).length !== 1 || !Array.isArray($text)) return undefined;
  const isText = $text.every((part) => typeof part === 'string' || isFill(part));
  return isText ? { kind: 'text', parts: $text as (string | Fill)[] } : undefined;
}

/** Every place of a template, or null where something in it begins like a place and is none. */
export function fillsOf(template: Json): Fill[] | null {
  if (typeof template !== 'object' || template === null) return [];
  if (Array.isArray(template)) return joined(template.map(fillsOf));
  const special = specialOf(template);
  if (special === undefined) return null;
  if (special?.kind === 'fill') return [special.fill];
  if (special?.kind === 'text') return special.parts.filter((part) => typeof part !== 'string');
  return joined(Object.values(template).map(fillsOf));
}

function joined(all: (Fill[] | null)[]): Fill[] | null {
  return all.includes(null) ? null : all.flatMap((fills) => fills ?? []);
}

/** A body. @throws Unfilled */
export function fillJson(template: Json, values: Found): Json {
  if (typeof template !== 'object' || template === null) return template;
  if (Array.isArray(template)) return template.map((item) => fillJson(item, values));
  const special = specialOf(template);
  if (special === undefined) throw new Unfilled('not a template');
  if (special?.kind === 'fill') return filled(special.fill, values);
  if (special?.kind === 'text') return special.parts.map((part) => textOf(part, values)).join('');
  return Object.fromEntries(Object.entries(template).map(([name, value]) => [name, fillJson(value, values)]));
}

/** A query's or a header's value. @throws Unfilled */
export function fillText(template: Json, values: Found): string {
  const value = fillJson(template, values);
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Unfilled('not text');
}

function filled({ $fill, or }: Fill, values: Found): Json {
  const value = lookUp($fill, values) ?? or;
  if (value === undefined) throw new Unfilled($fill);
  return value;
}

function textOf(part: string | Fill, values: Found): string {
  return typeof part === 'string' ? part : fillText(part, values);
}

/** `{args.team}` anywhere in a line of text: a resource's id. Null where a brace stands for nothing. */
export function readLine(line: string): PathPart[] | null {
  const parts = line.split(/(\{[^{}]*\})/).filter((part) => part !== '');
  const read = parts.map((part): PathPart | null => {
    const reference = SEGMENT_REFERENCE.exec(part)?.[1];
    if (reference !== undefined) return isReference(reference) ? { reference } : null;
    return /[{}]/.test(part) ? null : { literal: part };
  });
  return read.includes(null) ? null : (read as PathPart[]);
}

/** @throws Unfilled */
export const fillLine = (parts: readonly PathPart[], values: Found): string =>
  fillPath(parts, values).join('');
