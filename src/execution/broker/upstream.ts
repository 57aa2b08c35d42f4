/**
 * The way to an outside system: the name is resolved here, its addresses checked, the connection pinned to exactly those
 * (so that a second, different answer of the name server changes nothing), the certificate verified. No redirect is
 * followed.
 */
import { X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { Agent, type Dispatcher } from 'undici';
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

const CONNECT_TIMEOUT_MS = 5_000;
/** For one of several addresses, before the next is tried: half a way round the earth and back, with a packet lost. */
const NEXT_ADDRESS_AFTER_MS = 1_000;
/** Long enough to serve one execution's calls over one connection, short enough to follow a change of address. */
const KEEP_ALIVE_MS = 10_000;
/** Hosts in the config times their addresses; beyond it the oldest connections are closed. */
const MAX_AGENTS = 32;
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
