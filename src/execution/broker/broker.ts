/**
 * The egress broker: the one door out, where credentials live. What action code asks for is matched against what its
 * action declared and the approved arguments fill; what then leaves is built from the declaration, not from what the
 * code sent. Written for a caller that is the attacker.
 */
import type { BuiltInHost } from '../../action.ts';
import type { BrokerHooks, DoorSpec } from './call.ts';
import { createCarrying } from './carrying.ts';
import { type CircuitState, createCircuits } from './circuit.ts';
import { type Clock, SYSTEM_CLOCK } from './clock.ts';
import type { Credentials } from './credential.ts';
import { type Door, openDoor } from './door.ts';
import { revokeToken } from './github-app.ts';
import { createPauses } from './pause.ts';
import { EgressRefused } from './refusal.ts';
import type { Scan } from './searchable.ts';
import {
  createRouter,
  ownCallsOf,
  parseUpstreams,
  type Resolve,
  resolveBySystem,
  type UpstreamConfig,
} from './upstream.ts';

export type BrokerConfig = {
  /** By the host that rules name; a host that is neither here nor built in cannot be reached. */
  upstreams: Readonly<Record<string, UpstreamConfig>>;
  credentials: Credentials;
  /** Served in this process, by host; they take precedence over upstreams. */
  builtIns: Readonly<Record<string, BuiltInHost>>;
  scan: Scan;
  /** Default: the system's resolver. */
  resolve?: Resolve;
  /** Default: the system's. */
  clock?: Clock;
};

/** How the broker finds an upstream now. */
export type UpstreamHealth = {
  host: string;
  circuit: CircuitState;
  /** It asked to be left alone for so long; 0 for not at all. */
  pausedSeconds: number;
};

export type Broker = {
  open(spec: DoorSpec): Door;
  /**
   * Takes back a token that another process has left behind; null once it opens nothing any more, else why that is not known. `hooks`
   * record the call.
   */
  takeBack(
    token: { host: string; secret: string },
    signal: AbortSignal,
    hooks: Pick<BrokerHooks, 'afterCall' | 'refused'>,
  ): Promise<string | null>;
  /** Every configured upstream. */
  upstreams(): UpstreamHealth[];
  close(): Promise<void>;
};

/** Nobody waits for it. */
const TAKEN_BACK_WITHIN_MS = 10_000;

/** Throws `config_invalid` when an upstream cannot be used. */
export function createBroker(config: BrokerConfig): Broker {
  const router = createRouter(config.resolve ?? resolveBySystem);
  const clock = config.clock ?? SYSTEM_CLOCK;
  const patience = { circuits: createCircuits(clock), pauses: createPauses(clock), clock };
  const upstreams = parseUpstreams(config.upstreams);
  const carrying = createCarrying();
  const deps = {
    upstreams,
    builtIns: new Map(Object.entries(config.builtIns)),
    credentials: config.credentials,
    scan: config.scan,
    router,
    patience,
    carrying,
  };
  return {
    open: (spec) => openDoor(deps, spec),
    async takeBack({ host, secret }, signal, hooks) {
      const upstream = upstreams.get(host);
      if (upstream === undefined) return 'no_upstream';
      const within = AbortSignal.any([signal, AbortSignal.timeout(TAKEN_BACK_WITHIN_MS)]);
      try {
        const route = await router.route(upstream, 'write', within);
        return await revokeToken({ ...route, own: ownCallsOf(host, hooks) }, secret, within);
      } catch (error) {
        if (error instanceof EgressRefused) return error.reason;
        throw error;
      }
    },
    upstreams: () =>
      [...upstreams.keys()].map((host) => ({
        host,
        circuit: patience.circuits.stateOf(host),
        pausedSeconds: Math.ceil(patience.pauses.longestFor(host) / 1_000),
      })),
    async close() {
      await carrying.close();
      await router.close();
    },
  };
}
