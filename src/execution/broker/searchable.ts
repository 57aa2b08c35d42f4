/**
 * What of a call is searched for secrets: what the code wrote, and what would leave, in the forms in which a secret could
 * be spread over it. Pure.
 */
import type { Json } from '../../model/request.ts';
import { EgressRefused } from './refusal.ts';
import type { Outgoing } from './rules.ts';
import type { Target } from './target.ts';

/** Answers the type of a secret found in the text, or null. */
export type Scan = (text: string) => string | null;

/** Between parts that have nothing to do with each other: no rule about "a word, then a secret" reaches over it. */
const APART = '\n;\n';

/** Names and values of a body as they stand, decoded: an escape in JSON hides nothing. */
function collect(value: Json, names: string[], values: string[]): void {
  if (Array.isArray(value)) for (const item of value) collect(item, names, values);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, item] of Object.entries(value)) {
      names.push(name);
      collect(item, names, values);
    }
  } else if (value !== null) values.push(String(value));
}

/** Of what the code sent, before anything is compared: so that the attempt is known for what it is. */
export function searchableOf(target: Target, text: string): string {
  return [...target.segments, ...[...target.query].flat(), text].join(APART);
}

/** Neighbours that are read as one: a secret in more pieces than this is found only where the pieces are all there is. */
const PIECES = [2, 3, 4] as const;
/** What of a piece can belong to a secret that goes on in the next one, in characters: longer than any token. */
const EDGE_CHARS = 300;
/**
 * Of all pairs of texts together, in characters: searched within a fifth of a second, in which nothing else is done. That is 85
 * texts of a page, or 180 of a line.
 */
const PAIRED_CHARS = 5_000_000;
/** What the search of one more text takes, however short it is, as so many characters. */
const CHARS_A_PAIR = 100;

/** Neighbours joined without a gap, as whoever reads them at the other end can join them. */
function joined(parts: readonly string[]): string[] {
  const windows = PIECES.flatMap((size) =>
    parts.slice(0, Math.max(0, parts.length - size + 1)).map((_part, start) => {
      const [first = '', ...others] = parts.slice(start, start + size);
      const last = others.pop() ?? '';
      return first.slice(-EDGE_CHARS) + others.join('') + last.slice(0, EDGE_CHARS);
    }),
  );
  return [...windows, parts.join('')];
}

/**
 * Findings that stand on the words around them: joining makes such words up ("Forgot my password", then an id), so between
 * pieces only what is a secret by itself counts.
 */
const BY_WORDS = new Set(['password', 'secret', 'authorization_header', 'curl_password']);

function firstBetween(texts: Iterable<string>, scan: Scan): string | null {
  for (const text of new Set(texts)) {
    const type = scan(text);
    if (type !== null && !BY_WORDS.has(type)) return type;
  }
  return null;
}

/** The names in a list of alike things say nothing new, but that one may follow itself. */
function atMostTwice(parts: readonly string[]): string[] {
  const times = new Map<string, number>();
  return parts.filter((part) => {
    const time = (times.get(part) ?? 0) + 1;
    times.set(part, time);
    return time <= 2;
  });
}

/** Each with each other, in either order. Throws `EgressRefused` where these are too many. */
function pairs(parts: readonly string[]): string[] {
  const each = atMostTwice(parts).map(
    (part) => [part.slice(-EDGE_CHARS), part.slice(0, EDGE_CHARS)] as const,
  );
  const chars = each.reduce((sum, [tail, head]) => sum + tail.length + head.length + CHARS_A_PAIR, 0);
  // What was not searched does not leave: else whoever hides a secret would only have to add texts.
  if (chars * (each.length - 1) > PAIRED_CHARS) throw new EgressRefused('arguments_unsearched');
  return each.flatMap(([tail], at) => each.flatMap(([, head], then) => (at === then ? [] : [tail + head])));
}

/**
 * The type of a secret that is spread over the arguments of a request, or null. They do not leave as they stand: a connector writes
 * words of its own between them, sends them in another order, or in calls of their own; whoever reads them at the other end leaves
 * the words out. Throws `EgressRefused` (`arguments_unsearched`) where they are too many to say.
 */
export function secretOver(args: Readonly<Record<string, Json>>, scan: Scan): string | null {
  const names: string[] = [];
  const values: string[] = [];
  // The names of the arguments themselves are the action's, those within them whoever's who wrote them.
  for (const arg of Object.values(args)) collect(arg, names, values);
  const parts = [...values, ...names].filter((part) => part !== '');
  return firstBetween([...pairs(parts), ...joined(parts)], scan);
}

/**
 * The type of a secret in what would leave, or null: in the body, in each name and value, and over neighbours among the
 * body's values, its names, and path, query and body.
 */
export function secretIn(outgoing: Outgoing, scan: Scan): string | null {
  const names: string[] = [];
  const values: string[] = [];
  if (outgoing.body !== null) collect(JSON.parse(outgoing.body), names, values);
  const path = outgoing.path.slice(1).split('/').map(decodeURIComponent);
  const query = [...new URLSearchParams(outgoing.search)];
  const places = [...path, ...query.map(([, value]) => value), ...values];
  const whole = scan([outgoing.body ?? '', ...places, ...query.map(([name]) => name), ...names].join(APART));
  return whole ?? firstBetween([...joined(places), ...joined(names)], scan);
}
