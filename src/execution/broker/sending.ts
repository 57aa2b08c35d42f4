/** Sends one call over a pinned way, and knows of one that failed whether anything of it may have left. */
import { type Dispatcher, request } from 'undici';
import { EgressRefused } from './refusal.ts';
import type { Route } from './upstream.ts';

export type Answer = {
  status: number;
  /** One that was sent several times is all of them with commas between (RFC 9110, 5.3): never as if it were not there. */
  header: (name: string) => string | null;
  body: AsyncIterable<Uint8Array>;
};

/** Certificates that are refused (nodejs.org/api/tls.html, "X509 certificate error codes"): the next moment brings no other one. */
const CERTIFICATE_REFUSED = new Set([
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** True where a connection could not even be made: nothing of the call has left, and the next moment may be better. */
export function hasNeverConnected({ reason, detail }: EgressRefused): boolean {
  return reason === 'connection_failed' && !CERTIFICATE_REFUSED.has(detail ?? '');
}

/**
 * Turns what undici throws into a refusal that knows whether anything may have left. `hasBegun`: undici had begun to write the
 * call. Codes do not tell that: Linux reports a refused connection also on one that is there (tcp(7), "Error handling"), and one
 * that is reset may be so in the middle of its handshake.
 */
export function refusalOf(error: unknown, hasBegun = true): EgressRefused {
  if (error instanceof EgressRefused) return error;
  const name = error instanceof Error ? error.name : '';
  // Of the codes that are no text none says more than the name: 23 is a time-out.
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : name;
  const isOver = name === 'TimeoutError' || name === 'AbortError';
  // Connecting has a time of its own, which is shorter: what is over is what was left of the call's.
  if (!hasBegun)
    return new EgressRefused(isOver ? 'time_budget' : 'connection_failed', code, { cause: error });
  const isLate = isOver || code.endsWith('_TIMEOUT');
  return new EgressRefused(isLate ? 'timeout' : 'interrupted', code, { cause: error });
}

/** Hears when undici begins to write a call; whose time was over by then is given up there, unwritten. */
function hearing(handler: Dispatcher.DispatchHandler, begun: () => void): Dispatcher.DispatchHandler {
  return {
    onRequestStart(controller, context) {
      handler.onRequestStart?.(controller, context);
      if (!controller.aborted) begun();
    },
    onResponseStart: (...heard) => handler.onResponseStart?.(...heard),
    onResponseData: (...heard) => handler.onResponseData?.(...heard),
    onResponseEnd: (...heard) => handler.onResponseEnd?.(...heard),
    onResponseError: (...heard) => handler.onResponseError?.(...heard),
  };
}

/** Sends one call over a pinned way. Throws `EgressRefused` that knows whether anything of it may have left. */
export async function requestOver(
  { dispatcher }: Route,
  url: URL,
  call: Pick<Dispatcher.RequestOptions, 'body'> & {
    method: Dispatcher.HttpMethod;
    headers: Record<string, string>;
    signal: AbortSignal;
  },
): Promise<Dispatcher.ResponseData> {
  let hasBegun = false;
  const begun = () => {
    hasBegun = true;
  };
  const watched = dispatcher.compose(
    (dispatch) => (options, handler) => dispatch(options, hearing(handler, begun)),
  );
  try {
    return await request(url, { ...call, dispatcher: watched });
  } catch (error) {
    throw refusalOf(error, hasBegun);
  }
}

/** Sends one call and answers with its head; the body is read by the caller, within its limits. Throws as `requestOver` does. */
export async function send(
  route: Route,
  call: {
    method: Dispatcher.HttpMethod;
    path: string;
    search: string;
    body: string | null;
    headers: Record<string, string>;
    signal: AbortSignal;
  },
): Promise<Answer> {
  const { method, headers, body, signal } = call;
  const response = await requestOver(route, route.url(call.path, call.search), {
    method,
    headers,
    body,
    signal,
  });
  return {
    status: response.statusCode,
    header: (name) => {
      const sent = response.headers[name];
      return sent === undefined ? null : [sent].flat().join(', ');
    },
    body: response.body,
  };
}
