/** Egress rules filled from digested values: what may leave, down to the byte. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { EgressRule, EgressValues } from '../../action.ts';
import type { Effect, Json } from '../../model/request.ts';
import { declarableHeaders } from './headers.ts';
import { EgressRefused } from './refusal.ts';
import { isFreeQueryValue, isPlainSegment, type Target } from './target.ts';

/** A rule once filled. Segments are decoded; `query` has null where any value may stand. */
export type Declared = {
  method: EgressRule['method'];
  host: string;
  segments: string[];
  effect: Effect;
  query: Map<string, string | null>;
  body: Json;
  headers: Record<string, string>;
  credential: string | null;
};

/** What is sent: built from the declaration, never copied from the child, so that nothing rides along. */
export type Outgoing = {
  method: EgressRule['method'];
  host: string;
  path: string;
  search: string;
  body: string | null;
  headers: Record<string, string>;
  effect: Effect;
  credential: string | null;
};

const PLACEHOLDER = /^\{([a-zA-Z]+)\}$/;

function fillSegments(path: string, fill: Record<string, string>): string[] | null {
  const segments: string[] = [];
  for (const part of path.slice(1).split('/')) {
    const name = PLACEHOLDER.exec(part)?.[1];
    const value = name === undefined ? part : fill[name];
    if (typeof value !== 'string' || !isPlainSegment(value)) return null;
    segments.push(value);
  }
  return segments;
}

function fillQuery(rule: EgressRule, values: EgressValues): Map<string, string | null> | null {
  const query = new Map<string, string | null>();
  for (const [name, value] of Object.entries(rule.query(values))) {
    if (value === null ? rule.effect === 'write' : typeof value !== 'string') return null;
    query.set(name, value);
  }
  return query;
}

function fillRule(rule: EgressRule, values: EgressValues): Declared | null {
  const segments = fillSegments(rule.path, rule.fill(values));
  const query = fillQuery(rule, values);
  const headers = declarableHeaders(rule.headers?.(values) ?? {});
  if (segments === null || query === null || headers === null) return null;
  return {
    method: rule.method,
    host: rule.host,
    segments,
    effect: rule.effect,
    query,
    // Through JSON once, so that it compares with what a parser gives.
    body: JSON.parse(JSON.stringify(rule.body(values) ?? null)),
    headers,
    credential: rule.credential,
  };
}

/**
 * Fills every rule that these values can fill. One that cannot be filled (it needs a handle, or a pinned commit,
 * that does not exist yet) opens nothing.
 */
export function declare(rules: readonly EgressRule[], values: EgressValues): Declared[] {
  const declared: Declared[] = [];
  for (const rule of rules) {
    try {
      const filled = fillRule(rule, values);
      if (filled !== null) declared.push(filled);
    } catch {
      // The rule's author's function met values it was not made for: nothing is declared by it.
    }
  }
  return declared;
}

/** The declarations that a call's method and address meet. Throws `not_declared`. */
export function candidates(declared: readonly Declared[], method: string, target: Target): Declared[] {
  const found = declared.filter(
    (rule) =>
      rule.method === method &&
      rule.host === target.host &&
      rule.segments.length === target.segments.length &&
      rule.segments.every((segment, index) => segment === target.segments[index]),
  );
  if (found.length === 0) throw new EgressRefused('not_declared');
  return found;
}

function queryMeets(rule: Declared, query: Map<string, string>): boolean {
  for (const [name, value] of query) {
    const declared = rule.query.get(name);
    if (declared === undefined) return false;
    if (declared === null ? !isFreeQueryValue(value) : declared !== value) return false;
  }
  return [...rule.query].every(([name, value]) => value === null || query.has(name));
}

function parseBody(text: string): Json | undefined {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new EgressRefused('body_not_declared', 'not JSON');
  }
}

/** Picks the declaration that a call equals, and builds what leaves from it. */
export function match(found: readonly Declared[], target: Target, bodyText: string): Outgoing {
  const sameQuery = found.filter((rule) => queryMeets(rule, target.query));
  if (sameQuery.length === 0) throw new EgressRefused('query_not_declared');
  const body = parseBody(bodyText);
  const rule = sameQuery.find((candidate) => isDeepStrictEqual(candidate.body, body));
  if (rule === undefined) throw new EgressRefused('body_not_declared');
  const search = new URLSearchParams();
  for (const [name, value] of rule.query) {
    const sent = value ?? target.query.get(name);
    if (sent !== undefined) search.append(name, sent);
  }
  return {
    method: rule.method,
    host: rule.host,
    path: `/${rule.segments.map(encodeURIComponent).join('/')}`,
    search: search.size === 0 ? '' : `?${search}`,
    body: rule.body === null ? null : JSON.stringify(rule.body),
    headers: rule.headers,
    effect: rule.effect,
    credential: rule.credential,
  };
}
