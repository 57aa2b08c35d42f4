/**
 * The way to an outside system: the name is resolved here, its addresses checked, the connection pinned to exactly those
 * (so that a second, different answer of the name server changes nothing), the certificate verified. No redirect is
 * followed.
 */
import { X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { Agent, type Dispatcher, request } from 'undici';
import { AppError } from '../../errors.ts';
import type { Effect } from '../../model/request.ts';
import { type AddressRange, isAllowedAddress, isLoopback, parseRanges } from './addresses.ts';
import type { BrokerAnswer, BrokerHooks, BrokerRefusal } from './call.ts';
import { type FileStore, parseFileStores } from './files.ts';
import type { Answered } from './pause.ts';
import { EgressRefused } from './refusal.ts';

/** The operator's entry for one host that rules name. */
export type UpstreamConfig = {
  /** e.g. `https://api.github.com`, `https://github.example.com/api/v3`. Plain http to loopback addresses only. */
  baseUrl: string;
  /** CIDR ranges of addresses that are allowed though they are not public. */
  addresses?: readonly string[];
  /** PEM of the authority that signs its certificate, where that is not a public one. */
  ca?: string;
  /** Stores of files that it may redirect to, such as `https://*.blob.core.windows.net`. */
  files?: readonly string[];
};

/** All addresses of a name, as text. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

export type Upstream = {
  host: string;
  base: URL;
  ranges: AddressRange[];
  ca: string | undefined;
  files: FileStore[];
};

/** Where a call goes, once its address is known to be allowed. */
export type Route = {
  url: (path: string, search: string) => URL;
  dispatcher: Dispatcher;
  /** What is done about calls of the broker's own. Absent where nothing is executed: doctor only looks. */
  own?: OwnCalls;
};

type OwnCalls = {
  /** Records one that was answered. */
  heard(call: Omit<BrokerAnswer, 'host'>): Promise<void>;
  /** Records one that was not, or not to the end. */
  broken(refusal: Omit<BrokerRefusal, 'host'>): Promise<void>;
  /** Notes the pause that an answer asks for; milliseconds, 0 for none. */
  paused(answer: Answered): number;
};

/** Records those to this host; no pause is kept. */
export const ownCallsOf = (
  host: string,
  { afterCall, refused }: Pick<BrokerHooks, 'afterCall' | 'refused'>,
): OwnCalls => ({
  heard: (call) => afterCall({ ...call, host }),
  broken: (refusal) => refused({ ...refusal, host }),
  paused: () => 0,
});

export type Answer = {
  status: number;
  /** One that was sent several times is all of them with commas between (RFC 9110, 5.3): never as if it were not there. */
  header: (name: string) => string | null;
  body: AsyncIterable<Uint8Array>;
};

const CONNECT_TIMEOUT_MS = 5_000;
/** For one of several addresses, before the next is tried: half a way round the earth and back, with a packet lost. */
const NEXT_ADDRESS_AFTER_MS = 1_000;
/** Long enough to serve one execution's calls over one connection, short enough to follow a change of address. */
const KEEP_ALIVE_MS = 10_000;
/** Hosts in the config times their addresses; beyond it the oldest connections are closed. */
const MAX_AGENTS = 32;
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

export async function resolveBySystem(hostname: string): Promise<readonly string[]> {
  return (await lookup(hostname, { all: true })).map((entry) => entry.address);
}

/** Reads the operator's entries. Throws `config_invalid`. */
export function parseUpstreams(config: Readonly<Record<string, UpstreamConfig>>): Map<string, Upstream> {
  const upstreams = new Map<string, Upstream>();
  for (const [host, entry] of Object.entries(config)) {
    const base = URL.canParse(entry.baseUrl) ? new URL(entry.baseUrl) : null;
    const usable =
      base !== null &&
      /^https?:$/.test(base.protocol) &&
      base.username === '' &&
      base.search === '' &&
      !base.hash;
    if (!usable) {
      throw new AppError(
        'config_invalid',
        `The upstream ${host} needs a plain http or https address as baseUrl.`,
      );
    }
    if (entry.ca !== undefined) checkAuthority(host, entry.ca);
    upstreams.set(host, {
      host,
      base,
      ranges: parseRanges(host, entry.addresses ?? []),
      ca: entry.ca,
      files: parseFileStores(host, entry.files ?? []),
    });
  }
  return upstreams;
}

/** The store that has this file, as an upstream: reached by the same rules of names and addresses. */
export function storeOf(file: URL, upstream: Upstream): Upstream {
  return { ...upstream, base: new URL(file.origin), files: [] };
}

function checkAuthority(host: string, pem: string): void {
  try {
    new X509Certificate(pem);
  } catch (cause) {
    throw new AppError('config_invalid', `The certificate authority of the upstream ${host} is not PEM.`, {
      cause,
    });
  }
}

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

async function untilAborted(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  await once(signal, 'abort');
  throw signal.reason;
}

type Pinned = { agent: Agent; addresses: readonly string[] };

/** Keeps connections by upstream and pinned addresses. */
export function createRouter(resolve: Resolve) {
  const agents = new Map<string, Pinned>();

  async function pin(upstream: Upstream, signal: AbortSignal): Promise<readonly string[]> {
    const name = upstream.base.hostname.replace(/^\[|\]$/g, '');
    if (isIP(name) !== 0) return allowed(upstream, [name]);
    let addresses: readonly string[];
    try {
      // The system's resolver cannot be stopped, only left alone: a name server that is dead holds no call.
      addresses = await Promise.race([resolve(name), untilAborted(signal)]);
    } catch (cause) {
      throw new EgressRefused('name_unresolved', upstream.host, { cause });
    }
    return allowed(upstream, addresses);
  }

  function allowed(upstream: Upstream, addresses: readonly string[]): readonly string[] {
    if (addresses.length === 0) throw new EgressRefused('name_unresolved', upstream.host);
    // One forbidden address among good ones is an attack or a mistake; neither is tried.
    if (!addresses.every((address) => isAllowedAddress(address, upstream.ranges))) {
      throw new EgressRefused('address_refused', upstream.host);
    }
    if (upstream.base.protocol === 'http:' && !addresses.every(isLoopback)) {
      throw new EgressRefused('plain_http', upstream.host);
    }
    return addresses;
  }

  function agentFor(upstream: Upstream, addresses: readonly string[], effect: Effect): Agent {
    // In whatever order the name server has them today.
    const key = [upstream.host, upstream.base.origin, effect, ...addresses.toSorted()].join(' ');
    const known = agents.get(key);
    if (known) {
      known.addresses = addresses;
      // Last in line again: the one that nobody has used for longest is given up first.
      agents.delete(key);
      agents.set(key, known);
      return known.agent;
    }
    const agent = new Agent({
      connections: 8,
      // A write on a connection that the upstream is just closing would be lost without a word, its outcome unknown: 0 is
      // undici's word for a fresh connection each time.
      pipelining: effect === 'write' ? 0 : 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      allowH2: false,
      connect: {
        timeout: CONNECT_TIMEOUT_MS,
        // Said outright, so that no variable of the environment can switch it off.
        rejectUnauthorized: true,
        ...(upstream.ca === undefined ? {} : { ca: upstream.ca }),
        // One address after the other until there is a connection: the first may be of a machine that is down.
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER_MS,
        lookup: (_name, _options, done) =>
          done(
            null,
            pinned.addresses.map((address) => ({ address, family: isIP(address) })),
          ),
      },
    });
    const pinned: Pinned = { agent, addresses };
    agents.set(key, pinned);
    const [oldest] = agents.keys();
    if (agents.size > MAX_AGENTS && oldest !== undefined) {
      const stale = agents.get(oldest)?.agent;
      agents.delete(oldest);
      stale?.close().catch(() => stale.destroy());
    }
    return agent;
  }

  return {
    /** Throws `name_unresolved`, `address_refused`, `plain_http`; nothing has left by then. */
    async route(upstream: Upstream, effect: Effect, signal: AbortSignal): Promise<Route> {
      const addresses = await pin(upstream, signal);
      const prefix = upstream.base.pathname.replace(/\/$/, '');
      return {
        url: (path, search) => new URL(`${prefix}${path}${search}`, upstream.base),
        dispatcher: agentFor(upstream, addresses, effect),
      };
    },
    async close(): Promise<void> {
      const all = [...agents.values()];
      agents.clear();
      await Promise.all(all.map(({ agent }) => agent.destroy()));
    },
  };
}
export type Router = ReturnType<typeof createRouter>;

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
