/** Which headers pass, both ways. Everything else is dropped; what could smuggle a second request is refused. */
import type { Effect } from '../../model/request.ts';
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
]);
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
  'x-github-request-id',
  'idempotency-replayed',
] as const;
const MAX_HEADER_VALUE_CHARS = 300;

/** Reads the child's headers from Node's raw list. Refuses repeats and any doubt about where the body ends. */
export function readHeaders(raw: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    if (headers.has(name)) throw new EgressRefused('duplicate_header', name.slice(0, 60));
    headers.set(name, raw[index + 1] ?? '');
  }
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
    idempotencyKey: string | null;
    /** Name in small letters. */
    credential: { header: string; value: string } | null;
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
  const key = child.get('idempotency-key');
  if (key !== undefined && key !== call.idempotencyKey) throw new EgressRefused('foreign_key');
  if (call.effect === 'write' && call.idempotencyKey !== null) {
    headers['idempotency-key'] = call.idempotencyKey;
  }
  if (call.hasBody) headers['content-type'] = 'application/json; charset=utf-8';
  if (call.credential !== null) headers[call.credential.header] = call.credential.value;
  return headers;
}

/** The headers of an answer that go back to the child. */
export function incomingHeaders(read: (name: string) => string | null): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of RESPONSE_HEADERS) {
    const value = read(name);
    if (value !== null && value.length <= MAX_HEADER_VALUE_CHARS && /^[\x20-\x7e]*$/.test(value)) {
      headers[name] = value;
    }
  }
  return headers;
}
