/** Egress rules filled from digested values: what may leave, down to the byte. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { EgressRule, EgressValues, FreeSegment, WritePhase } from '../../action.ts';
import type { Effect, Json } from '../../model/request.ts';
import { declarableHeaders } from './headers.ts';
import { EgressRefused } from './refusal.ts';
import { isFreeQueryValue, isPlainSegment, type Target } from './target.ts';

/** A rule once filled. Segments are decoded; a form, or null in `query`, where what stands there is free. */
export type Declared = {
  method: EgressRule['method'];
  host: string;
  segments: (string | RegExp)[];
  effect: Effect;
  query: Map<string, string | null>;
  body: Json;
  /** Names that lead to the one text of the body whose value is free; null where all of it is fixed. */
  freeText: readonly string[] | null;
  headers: Record<string, string>;
  credential: string | null;
} & Reading;

/** How the answer to a read is taken. */
type Reading = {
  /** One redirect may be followed, to a store of files that the operator lists. */
  fileElsewhere: boolean;
  /** How much of the answer's end is wanted; null: all of it. */
  endBytes: number | null;
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
} & Reading;

const PLACEHOLDER = /^\{([a-zA-Z]+)\}$/;

/** Anchored, and nothing in them that could be read as another segment; a commit is SHA-1 or SHA-256 in full. */
const FORMS: Readonly<Record<FreeSegment, RegExp>> = {
  number: /^[1-9][0-9]{0,18}$/,
  commits: /^(?:[0-9a-f]{40}\.\.\.[0-9a-f]{40}|[0-9a-f]{64}\.\.\.[0-9a-f]{64})$/,
};

function fillSegments(
  { path, free = {}, effect }: EgressRule,
  fill: Record<string, string>,
): Declared['segments'] | null {
  const segments: Declared['segments'] = [];
  for (const part of path.slice(1).split('/')) {
    const name = PLACEHOLDER.exec(part)?.[1];
    const form = name !== undefined && Object.hasOwn(free, name) ? free[name] : undefined;
    if (form !== undefined) {
      if (effect !== 'read') return null;
      segments.push(FORMS[form]);
      continue;
    }
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
  const segments = fillSegments(rule, rule.fill(values));
  const query = fillQuery(rule, values);
  const headers = declarableHeaders(rule.headers?.(values) ?? {});
  const freeText = rule.freeText ?? null;
  if (segments === null || query === null || headers === null) return null;
  const reading = { fileElsewhere: rule.fileElsewhere === true, endBytes: rule.endBytes ?? null };
  const isForReads = freeText !== null || reading.fileElsewhere || reading.endBytes !== null;
  if (isForReads && rule.effect === 'write') return null;
  return {
    method: rule.method,
    host: rule.host,
    segments,
    effect: rule.effect,
    query,
    // Through JSON once, so that it compares with what a parser gives.
    body: JSON.parse(JSON.stringify(rule.body(values) ?? null)),
    freeText,
    headers,
    credential: rule.credential,
    ...reading,
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

const isMet = (declared: string | RegExp, segment: string): boolean =>
  typeof declared === 'string' ? declared === segment : declared.test(segment);

/** The rules of one phase: every read, and the writes that are its own. */
export const inPhase = (rules: readonly EgressRule[], phase: WritePhase): EgressRule[] =>
  rules.filter((rule) => rule.effect === 'read' || (rule.phase ?? 'run') === phase);

/** The declarations that a call's method and address meet. Throws `not_declared`. */
export function candidates(declared: readonly Declared[], method: string, target: Target): Declared[] {
  const found = declared.filter(
    (rule) =>
      rule.method === method &&
      rule.host === target.host &&
      rule.segments.length === target.segments.length &&
      rule.segments.every((segment, index) => isMet(segment, target.segments[index] ?? '')),
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

/** A copy of `body` with `text` where `names` lead, if the declaration has a text there; otherwise `body`. */
function withText(body: Json, names: readonly string[], text: string): Json {
  const [name, ...deeper] = names;
  if (name === undefined) return typeof body === 'string' ? text : body;
  if (typeof body !== 'object' || body === null || Array.isArray(body) || !Object.hasOwn(body, name))
    return body;
  return { ...body, [name]: withText(body[name] ?? null, deeper, text) };
}

/** The declared body, with the free text as the call has it. */
function bodyFor({ body, freeText }: Declared, sent: Json | undefined): Json {
  if (freeText === null) return body;
  let found: Json | undefined = sent;
  for (const name of freeText) {
    if (typeof found !== 'object' || found === null || Array.isArray(found)) return body;
    found = Object.hasOwn(found, name) ? found[name] : undefined;
  }
  return typeof found === 'string' && isFreeQueryValue(found) ? withText(body, freeText, found) : body;
}

/** Picks the declaration that a call equals, and builds what leaves from it. */
export function match(found: readonly Declared[], target: Target, bodyText: string): Outgoing {
  const sameQuery = found.filter((rule) => queryMeets(rule, target.query));
  if (sameQuery.length === 0) throw new EgressRefused('query_not_declared');
  const body = parseBody(bodyText);
  const filled = sameQuery.map((candidate) => ({ ...candidate, body: bodyFor(candidate, body) }));
  const rule = filled.find((candidate) => isDeepStrictEqual(candidate.body, body));
  if (rule === undefined) throw new EgressRefused('body_not_declared');
  const search = new URLSearchParams();
  for (const [name, value] of rule.query) {
    const sent = value ?? target.query.get(name);
    if (sent !== undefined) search.append(name, sent);
  }
  return {
    method: rule.method,
    host: rule.host,
    // Those of the target met the rule's; its free ones are known from there only.
    path: `/${target.segments.map(encodeURIComponent).join('/')}`,
    search: search.size === 0 ? '' : `?${search}`,
    body: rule.body === null ? null : JSON.stringify(rule.body),
    headers: rule.headers,
    effect: rule.effect,
    credential: rule.credential,
    fileElsewhere: rule.fileElsewhere,
    endBytes: rule.endBytes,
  };
}
