/** Which headers pass, both ways. Everything else is dropped; what could smuggle a second request is refused. */
import type { Effect } from '../../model/request.ts';
import { MCP_SESSION_HEADER } from './mcp-session.ts';
import { EgressRefused } from './refusal.ts';

/** Set by the sandbox's fetch: where the call is meant to go. */
export const HOST_HEADER = 'x-egress-host';
export const SCHEME_HEADER = 'x-egress-scheme';
/** Set on every answer of the broker. */
export const REFUSED_HEADER = 'x-egress-refused';
export const SENT_HEADER = 'x-egress-sent';
export const LABEL_HEADER = 'x-egress-label';

/** Closed sets, so that a header's value cannot carry anything out. */
const ACCEPTED = new Set([
  'application/json',
  'application/vnd.github+json',
  'application/vnd.github.v3+json',
  // What every message to an MCP server must say that it takes (Streamable HTTP transport).
  'application/json, text/event-stream',
]);
/** The revisions of MCP that its SDK can agree on with a server (modelcontextprotocol.io/specification/versioning). */
const MCP_VERSIONS = new Set(['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05', '2024-10-07']);
/** What a rule may declare for `accept` besides: PagerDuty's version, and logs as they are. */
const DECLARABLE_ACCEPTED = new Set([
  ...ACCEPTED,
  'application/vnd.pagerduty+json;version=2',
  'text/plain',
  '*/*',
]);
/** Longest declared header value, in characters: the longest e-mail address (RFC 5321) has 254. */
const MAX_DECLARED_CHARS = 254;
/** One plain e-mail address: no name, no list, nothing that a header parser could split. */
const EMAIL = /^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$/;
/** Every header that a rule may declare, and what it may say. `from`: on whose behalf PagerDuty is asked. */
const DECLARABLE: Readonly<Record<string, (value: string) => boolean>> = {
  accept: (value) => DECLARABLE_ACCEPTED.has(value),
  from: (value) => value.length <= MAX_DECLARED_CHARS && EMAIL.test(value),
};
const API_VERSION = /^20[0-9]{2}-[01][0-9]-[0-3][0-9]$/;
/** Upstreams are told who we are, not which version of what runs inside. */
const USER_AGENT = 'countersign';

/** What action code may learn of an answer besides status and body. */
const RESPONSE_HEADERS = [
  'content-type',
  'etag',
  'retry-after',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'ratelimit-limit',
  'ratelimit-remaining',
  'ratelimit-reset',
  'x-github-request-id',
  'idempotency-replayed',
  // How many there are, and which page comes next.
  'x-total-count',
  'x-total',
  'x-next-page',
  // Up to which byte of a log that grows this was, and whether more of it will come (Jenkins).
  'x-text-size',
  'x-more-data',
] as const;
const MAX_HEADER_VALUE_CHARS = 300;
/** GitHub's four links to pages with long queries have about 1,000. */
const MAX_LINK_CHARS = 4_096;
const LINK = /^<([^<>]*)>\s*;\s*rel="?(first|prev|next|last)"?$/;

/** A rule's headers as they leave; null where one of them is not on the list. */
export function declarableHeaders(declared: Readonly<Record<string, string>>): Record<string, string> | null {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(declared)) {
    if (!Object.hasOwn(DECLARABLE, name) || typeof value !== 'string' || !DECLARABLE[name]?.(value))
      return null;
    headers[name] = value;
  }
  return headers;
}

/** Reads the child's headers from Node's raw list. Refuses repeats and any doubt about where the body ends. */
export function readHeaders(raw: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    if (headers.has(name)) throw new EgressRefused('duplicate_header', name.slice(0, 60));
    headers.set(name, raw[index + 1] ?? '');
  }
  if (!headers.has('host')) throw new EgressRefused('malformed', 'host');
  const encoding = headers.get('transfer-encoding');
  if (encoding !== undefined && (encoding !== 'chunked' || headers.has('content-length'))) {
    throw new EgressRefused('malformed', 'transfer-encoding');
  }
  for (const name of ['upgrade', 'expect', 'content-encoding', 'trailer']) {
    if (headers.has(name)) throw new EgressRefused('malformed', name);
  }
  return headers;
}

/**
 * The headers that leave. The child's Authorization, cookies and everything unlisted are dropped, not forwarded.
 * `idempotencyKey` is this execution's own: every write carries it, whether the code sent it or not; another one is
 * refused with `foreign_key`.
 */
export function outgoingHeaders(
  child: ReadonlyMap<string, string>,
  call: {
    effect: Effect;
    hasBody: boolean;
    /** What the rule declares, checked by `declarableHeaders`. */
    declared: Readonly<Record<string, string>>;
    idempotencyKey: string | null;
    /** The session that this upstream opened through this door, if it did. */
    session: string | null;
    /** Names in small letters. */
    credential: { headers: Readonly<Record<string, string>> } | null;
  },
): Record<string, string> {
  const headers: Record<string, string> = {
    'user-agent': USER_AGENT,
    // Compressed answers could not be searched for the credential.
    'accept-encoding': 'identity',
  };
  const accept = child.get('accept') ?? '';
  headers.accept = ACCEPTED.has(accept) ? accept : 'application/json';
  const version = child.get('x-github-api-version');
  if (version !== undefined && API_VERSION.test(version)) headers['x-github-api-version'] = version;
  const revision = child.get('mcp-protocol-version');
  if (revision !== undefined && MCP_VERSIONS.has(revision)) headers['mcp-protocol-version'] = revision;
  const session = child.get(MCP_SESSION_HEADER);
  if (session !== undefined) {
    if (session !== call.session) throw new EgressRefused('foreign_session');
    headers[MCP_SESSION_HEADER] = session;
  }
  const key = child.get('idempotency-key');
  if (key !== undefined && key !== call.idempotencyKey) throw new EgressRefused('foreign_key');
  if (call.effect === 'write' && call.idempotencyKey !== null) {
    headers['idempotency-key'] = call.idempotencyKey;
  }
  Object.assign(headers, call.declared);
  if (call.hasBody) headers['content-type'] = 'application/json; charset=utf-8';
  Object.assign(headers, call.credential?.headers);
  return headers;
}

/** A place at this upstream as the child would ask for it: path and query below its base; null for anywhere else. */
function placeAt(base: URL, reference: string): string | null {
  if (
    reference.length > MAX_LINK_CHARS ||
    !/^[\x21-\x7e]+$/.test(reference) ||
    !URL.canParse(reference, base)
  )
    return null;
  const url = new URL(reference, base);
  const prefix = base.pathname.replace(/\/$/, '');
  if (url.origin !== base.origin || url.username !== '' || !url.pathname.startsWith(`${prefix}/`))
    return null;
  const place = `${url.pathname.slice(prefix.length)}${url.search}`;
  // Two slashes in front would be read as another host.
  return place.startsWith('//') ? null : place;
}

/** The links to other pages (RFC 8288) that lead to this upstream. */
function linksAt(base: URL, header: string): string {
  if (header.length > MAX_LINK_CHARS) return '';
  const links = header.split(/,(?=\s*<)/).flatMap((part) => {
    const [, reference = '', rel] = LINK.exec(part.trim()) ?? [];
    const place = reference === '' ? null : placeAt(base, reference);
    return place === null ? [] : [`<${place}>; rel="${rel}"`];
  });
  return links.join(', ');
}

/**
 * The headers of an answer that go back to the child. `location` and `link` only where they lead to this upstream
 * (`base`: its address), and then as path and query, so that no other place comes in.
 */
export function incomingHeaders(read: (name: string) => string | null, base: URL): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of RESPONSE_HEADERS) {
    const value = read(name);
    if (value !== null && value.length <= MAX_HEADER_VALUE_CHARS && /^[\x20-\x7e]*$/.test(value)) {
      headers[name] = value;
    }
  }
  const location = placeAt(base, read('location') ?? '');
  if (location !== null) headers.location = location;
  const link = linksAt(base, read('link') ?? '');
  if (link !== '') headers.link = link;
  return headers;
}
