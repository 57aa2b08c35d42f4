/**
 * A call of the broker's own, beside those of the action (a login, a crumb, a token): over the same pinned way, bounded, its
 * answer read as JSON, and recorded like every other call.
 */
import type { Dispatcher } from 'undici';
import { sha256 } from './sha256.ts';
import { type Route, requestOver } from './upstream.ts';

/** Crumbs, installations and tokens are a few hundred bytes; GitHub's description of an installation is some KiB. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** The action's code waits for it. */
const ANSWER_WITHIN_MS = 10_000;

export type Aside = {
  method: 'GET' | 'POST' | 'DELETE';
  /** Below the upstream's address. */
  path: string;
  headers: Readonly<Record<string, string>>;
  body?: unknown;
};

export type AsideAnswer = {
  status: number;
  cookies: string | string[] | undefined;
  /** Epoch milliseconds of the upstream's clock; null where it does not say. */
  dateMs: number | null;
  /** Null where the answer is not JSON, or too long. */
  json: unknown;
};

/** Null where it is too long. */
async function readBytes(body: Dispatcher.ResponseData['body']): Promise<Buffer | null> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function jsonIn(bytes: Buffer | null): unknown {
  if (bytes === null) return null;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}

/** Throws what undici throws, and what recording throws; no redirect is followed. `signal`: what ends it before its own time. */
export async function askAside(route: Route, call: Aside, signal: AbortSignal | null): Promise<AsideAnswer> {
  const late = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const startedMs = performance.now();
  const body = call.body === undefined ? null : JSON.stringify(call.body);
  const answer = await requestOver(route, route.url(call.path, ''), {
    method: call.method,
    headers: {
      accept: 'application/json',
      'user-agent': 'countersign',
      ...(call.body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
      ...call.headers,
    },
    body,
    signal: signal === null ? late : AbortSignal.any([signal, late]),
  });
  const bytes = await readBytes(answer.body);
  await route.heard?.({
    method: call.method,
    path: call.path,
    effect: call.method === 'GET' ? 'read' : 'write',
    requestBytes: Buffer.byteLength(body ?? ''),
    requestSha256: sha256(body ?? ''),
    status: answer.statusCode,
    responseBytes: bytes?.length ?? MAX_ANSWER_BYTES,
    responseSha256: sha256(bytes ?? ''),
    durationMs: Math.round(performance.now() - startedMs),
    attempt: 1,
    credentialEchoed: false,
    own: true,
    ...(bytes === null ? { unread: true as const } : {}),
  });
  const date = Date.parse(String(answer.headers.date ?? ''));
  return {
    status: answer.statusCode,
    cookies: answer.headers['set-cookie'],
    dateMs: Number.isNaN(date) ? null : date,
    json: jsonIn(bytes),
  };
}
