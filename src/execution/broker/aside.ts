/**
 * A call of the broker's own, beside those of the action (a login, a crumb, a token): over the same pinned way, bounded, its
 * answer read as JSON, and recorded like every other call.
 */
import { counted, readBody } from './answer-body.ts';
import { EgressRefused } from './refusal.ts';
import { refusalOf, requestOver } from './sending.ts';
import { sha256 } from './sha256.ts';
import type { Route } from './upstream.ts';

/** Crumbs, installations and tokens are a few hundred bytes; GitHub's description of an installation is some KiB. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** The action's code waits for it. */
const ANSWER_WITHIN_MS = 10_000;
/** Detail of a refusal: whatever was asked for, there is no answer to it. */
export const NO_ANSWER = 'no answer';

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
  /** For how long it asks to be left alone, in milliseconds; 0 for not at all. */
  pauseMs: number;
  /** Null where the answer is not JSON, or too long. */
  json: unknown;
};

/** Why a call that needed what was asked for here does not leave. */
type Refused = 'login_refused' | 'mint_refused';

/** Of an answer that is no: with the pause that it asks for, if it does. */
export function refusedWith({ pauseMs }: AsideAnswer, reason: Refused, detail: string): EgressRefused {
  const refusal = new EgressRefused(reason, detail);
  return pauseMs > 0 ? EgressRefused.later('paused', pauseMs, refusal) : refusal;
}

/** Of what `askAside` threw. Throws what is no refusal: what cannot be recorded does not go on. */
export function unanswered(error: unknown, reason: Refused): EgressRefused {
  if (!(error instanceof EgressRefused)) throw error;
  // Our own time was over, or our door shut: that says nothing of the upstream.
  if (error.reason === 'time_budget' || error.reason === 'closed') return error;
  return new EgressRefused(reason, NO_ANSWER, { cause: error });
}

function jsonIn(bytes: Buffer | null): unknown {
  if (bytes === null) return null;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}

/** Each header as one text, in the form that `Answer.header` has. */
const once = (headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, sent]) => [name, [sent ?? []].flat().join(', ')]));

const isTooLarge = (error: unknown): boolean =>
  error instanceof EgressRefused && error.reason === 'response_too_large';

/** Throws `EgressRefused`, and what recording throws; no redirect is followed. `signal`: what ends it before its own time. */
export async function askAside(
  route: Route,
  { method, path, headers, body: value }: Aside,
  signal: AbortSignal | null,
): Promise<AsideAnswer> {
  const late = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const startedMs = performance.now();
  const body = value === undefined ? null : JSON.stringify(value);
  const heard = async (status: number, responseBytes: number, bytes: Buffer | null) =>
    route.own?.heard({
      method,
      path,
      effect: method === 'GET' ? 'read' : 'write',
      requestBytes: Buffer.byteLength(body ?? ''),
      requestSha256: sha256(body ?? ''),
      status,
      responseBytes,
      // Given to no action; it may be a credential, which a digest would let anybody check a guess against.
      responseSha256: null,
      durationMs: Math.round(performance.now() - startedMs),
      attempt: 1,
      credentialEchoed: false,
      own: true,
      ...(bytes === null ? { unread: true as const } : {}),
    });
  const broken = async (error: unknown): Promise<EgressRefused> => {
    const refusal = refusalOf(error);
    const { reason: code, detail, sent } = refusal;
    await route.own?.broken({ method, path, code, detail, sent, attempt: 1, own: true });
    return refusal;
  };
  const answer = await requestOver(route, route.url(path, ''), {
    method,
    headers: {
      accept: 'application/json',
      'user-agent': 'countersign',
      ...(body === null ? {} : { 'content-type': 'application/json; charset=utf-8' }),
      ...headers,
    },
    body,
    signal: signal === null ? late : AbortSignal.any([signal, late]),
  }).catch(async (error: unknown) => {
    throw await broken(error);
  });
  const reading = counted(answer.body);
  const bytes = await readBody(reading.body, MAX_ANSWER_BYTES, null).catch(async (error: unknown) => {
    await heard(answer.statusCode, reading.bytesRead(), null);
    if (isTooLarge(error)) return null;
    throw await broken(error);
  });
  if (bytes !== null) await heard(answer.statusCode, bytes.length, bytes);
  const said = { status: answer.statusCode, headers: once(answer.headers), bytes: bytes ?? Buffer.alloc(0) };
  const date = Date.parse(said.headers.date ?? '');
  return {
    status: said.status,
    cookies: answer.headers['set-cookie'],
    dateMs: Number.isNaN(date) ? null : date,
    pauseMs: route.own?.paused(said) ?? 0,
    json: jsonIn(bytes),
  };
}
