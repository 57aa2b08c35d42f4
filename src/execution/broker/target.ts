/** The address of a call, read in exactly one way or not at all. The child that wrote it is untrusted. */
import { EgressRefused } from './refusal.ts';

export type Target = {
  host: string;
  /** Decoded, none empty. */
  segments: string[];
  query: Map<string, string>;
};

/** Longest request target read, in characters; twice what any declared call needs. */
const MAX_TARGET_CHARS = 4_096;
/** Longest value of a query parameter whose value is free, in characters. */
const MAX_QUERY_VALUE_CHARS = 200;
/** `pchar` of RFC 3986 between slashes; nothing that a server could normalise. */
const PATH = /^(?:\/[A-Za-z0-9\-._~!$&'()*+,;=:@%]+)+$/;
/** Encoded slash, backslash, dot, percent and control characters: read differently by different servers. */
const TRICKS = /%(?:2f|5c|2e|25|[01][0-9a-f]|7f)/i;
const HOST = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;

function refuse(detail: string): never {
  throw new EgressRefused('ambiguous_target', detail);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return refuse('encoding');
  }
}

/**
 * True for text that is safe as one path segment once encoded: no server can take it for two segments, for a
 * parent folder, or for something encoded twice.
 */
export function isPlainSegment(text: string): boolean {
  return (
    text.length > 0 &&
    text.length <= 200 &&
    text.isWellFormed() &&
    text !== '.' &&
    text !== '..' &&
    !/[/\\%]/.test(text) &&
    !CONTROL.test(text)
  );
}

function parseQuery(text: string | null): Map<string, string> {
  const query = new Map<string, string>();
  if (text === null) return query;
  for (const [name, value] of new URLSearchParams(text)) {
    if (query.has(name)) return refuse('repeated query parameter');
    if (CONTROL.test(name) || CONTROL.test(value)) return refuse('control character');
    query.set(name, value);
  }
  return query;
}

/**
 * Parses an origin-form request target (RFC 9112, 3.2.1) and the host it is meant for.
 * Refuses with `ambiguous_target` whatever two parsers could read differently.
 */
export function parseTarget(raw: string, host: string, scheme: string): Target {
  if (!HOST.test(host) || host.includes('..')) return refuse('host');
  if (scheme !== 'https' && scheme !== 'http') return refuse('scheme');
  if (raw.length > MAX_TARGET_CHARS) return refuse('length');
  const mark = raw.indexOf('?');
  const path = mark === -1 ? raw : raw.slice(0, mark);
  if (!PATH.test(path) || TRICKS.test(path)) return refuse('path');
  const segments = path.slice(1).split('/').map(decode);
  if (!segments.every(isPlainSegment)) return refuse('path');
  if (/[#\\]/.test(raw)) return refuse('path');
  const parsed = new URL(raw, `${scheme}://${host}`);
  if (parsed.pathname !== path) return refuse('path');
  return { host, segments, query: parseQuery(mark === -1 ? null : raw.slice(mark + 1)) };
}

/** True for a value that may stand where a rule leaves a query parameter's value free. */
export function isFreeQueryValue(value: string): boolean {
  return value.length <= MAX_QUERY_VALUE_CHARS;
}
