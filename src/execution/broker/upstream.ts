/**
 * The way to an outside system: the name is resolved here, the address checked, the connection pinned to exactly that
 * address (so that a second, different answer of the name server changes nothing), the certificate verified. No
 * redirect is followed.
 */
import { X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { Agent, type Dispatcher, request } from 'undici';
import { AppError } from '../../errors.ts';
import type { Effect } from '../../model/request.ts';
import { type AddressRange, isAllowedAddress, isLoopback, parseRanges } from './addresses.ts';
import type { BrokerAnswer } from './call.ts';
import { type FileStore, parseFileStores } from './files.ts';
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
  /** Records a call of the broker's own. Absent where nothing is executed: doctor only looks. */
  heard?: (call: Omit<BrokerAnswer, 'host'>) => Promise<void>;
};

export type Answer = {
  status: number;
  header: (name: string) => string | null;
  body: AsyncIterable<Uint8Array>;
};

const CONNECT_TIMEOUT_MS = 5_000;
/** Long enough to serve one execution's calls over one connection, short enough to follow a change of address. */
const KEEP_ALIVE_MS = 10_000;
/** Hosts in the config times their addresses; beyond it the oldest connections are closed. */
const MAX_AGENTS = 32;
/**
 * Failures at which it is certain that no byte of the request has left, if they come from connecting: Linux reports the first
 * three on a connection that is there, too, when what was sent on it gets no answer (tcp(7), "Error handling").
 */
const WHILE_CONNECTING = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH']);
/** The same, whenever they come: connecting took too long; the connections of an address were being given up. */
const NEVER_SENT = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_CLOSED']);
/**
 * Certificates that are refused before the request leaves (nodejs.org/api/tls.html, "X509 certificate error codes"). An alert
 * of the other side about a certificate is none of these: it may come after the request.
 */
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
  return (
    reason === 'connection_failed' && (WHILE_CONNECTING.has(detail ?? '') || NEVER_SENT.has(detail ?? ''))
  );
}

/** Turns what undici throws into a refusal that knows whether anything may have left. */
export function refusalOf(error: unknown): EgressRefused {
  if (error instanceof EgressRefused) return error;
  const name = error instanceof Error ? error.name : '';
  const code = error instanceof Error && 'code' in error ? String(error.code) : name;
  const isConnecting = error instanceof Error && 'syscall' in error && error.syscall === 'connect';
  if ((isConnecting && WHILE_CONNECTING.has(code)) || NEVER_SENT.has(code) || CERTIFICATE_REFUSED.has(code)) {
    return new EgressRefused('connection_failed', code, { cause: error });
  }
  const late = name === 'TimeoutError' || name === 'AbortError' || code.endsWith('_TIMEOUT');
  return new EgressRefused(late ? 'timeout' : 'interrupted', code, { cause: error });
}

async function untilAborted(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  await once(signal, 'abort');
  throw signal.reason;
}

/** Keeps connections by upstream and pinned address. */
export function createRouter(resolve: Resolve) {
  const agents = new Map<string, Agent>();

  async function pin(upstream: Upstream, signal: AbortSignal): Promise<string> {
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

  function allowed(upstream: Upstream, addresses: readonly string[]): string {
    const [first] = addresses;
    if (first === undefined) throw new EgressRefused('name_unresolved', upstream.host);
    // One forbidden address among good ones is an attack or a mistake; neither is tried.
    if (!addresses.every((address) => isAllowedAddress(address, upstream.ranges))) {
      throw new EgressRefused('address_refused', upstream.host);
    }
    if (upstream.base.protocol === 'http:' && !isLoopback(first)) {
      throw new EgressRefused('plain_http', upstream.host);
    }
    return first;
  }

  function agentFor(upstream: Upstream, address: string, effect: Effect): Agent {
    const key = `${upstream.host} ${upstream.base.origin} ${address} ${effect}`;
    const known = agents.get(key);
    if (known) {
      // Last in line again: the one that nobody has used for longest is given up first.
      agents.delete(key);
      agents.set(key, known);
      return known;
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
        lookup: (_name, options, done) => {
          const family = isIP(address);
          if (options.all) done(null, [{ address, family }]);
          else done(null, address, family);
        },
      },
    });
    agents.set(key, agent);
    const [oldest] = agents.keys();
    if (agents.size > MAX_AGENTS && oldest !== undefined) {
      const stale = agents.get(oldest);
      agents.delete(oldest);
      stale?.close().catch(() => stale.destroy());
    }
    return agent;
  }

  return {
    /** Throws `name_unresolved`, `address_refused`, `plain_http`; nothing has left by then. */
    async route(upstream: Upstream, effect: Effect, signal: AbortSignal): Promise<Route> {
      const address = await pin(upstream, signal);
      const prefix = upstream.base.pathname.replace(/\/$/, '');
      return {
        url: (path, search) => new URL(`${prefix}${path}${search}`, upstream.base),
        dispatcher: agentFor(upstream, address, effect),
      };
    },
    async close(): Promise<void> {
      const all = [...agents.values()];
      agents.clear();
      await Promise.all(all.map((agent) => agent.destroy()));
    },
  };
}
export type Router = ReturnType<typeof createRouter>;

/** Sends one call and answers with its head; the body is read by the caller, within its limits. */
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
  const response = await request(route.url(call.path, call.search), {
    method: call.method,
    headers: call.headers,
    body: call.body,
    dispatcher: route.dispatcher,
    signal: call.signal,
  });
  return {
    status: response.statusCode,
    header: (name) => {
      const value = response.headers[name];
      return typeof value === 'string' ? value : null;
    },
    body: response.body,
  };
}
