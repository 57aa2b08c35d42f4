/** What the calls of a door carry, by the kind of credential. What outlives a call or a door is kept here. */
import type { Effect } from '../../model/request.ts';
import type { DoorSpec } from './call.ts';
import { type Carried, type Credential, headerOf } from './credential.ts';
import { createCrumbs } from './crumb.ts';
import { createMinting } from './minting.ts';
import { createSessions } from './session.ts';
import type { Route } from './upstream.ts';

export type DoorCarrying = {
  /**
   * The headers of one call; its secrets are all that this upstream was given through this door so far, as it may show in one answer
   * what came with another call. Throws `login_refused` or `mint_refused`; the call itself has not left.
   */
  headersFor(
    call: { name: string; host: string; effect: Effect },
    granted: Credential,
    route: Route,
    signal: AbortSignal,
  ): Promise<Carried>;
  /** The upstream did not know who we are: what is kept of that is dropped. */
  forget(host: string): void;
  /** The door is closed: what was made for it alone is taken back, in bounded time. */
  release(): Promise<void>;
};

export type Carrying = {
  open(spec: DoorSpec): DoorCarrying;
  /** Takes back what is kept between doors. */
  close(): Promise<void>;
};

/** Adds what a call carries to what its upstream was given before. */
function createGiven() {
  const given = new Map<string, Set<string>>();
  return (host: string, { headers, secrets }: Carried): Carried => {
    const all = new Set([...(given.get(host) ?? []), ...secrets]);
    given.set(host, all);
    return { headers, secrets: [...all] };
  };
}

export function createCarrying(): Carrying {
  const sessions = createSessions();
  const crumbs = createCrumbs();
  const minting = createMinting();
  return {
    close: () => minting.close(),
    open(spec) {
      const minted = minting.open(spec);
      const withGiven = createGiven();
      const carriedBy: DoorCarrying['headersFor'] = async (
        { name, host, effect },
        granted,
        route,
        signal,
      ) => {
        if (typeof granted === 'string' || granted.kind === 'header') return headerOf(granted);
        switch (granted.kind) {
          case 'session':
            return sessions.headersFor(host, granted, route, signal);
          case 'crumb':
            // A read needs none.
            return effect === 'write'
              ? crumbs.headersFor(host, granted, route, signal)
              : headerOf(granted.authorization);
          case 'github-app':
            return minted.headersFor({ name, host }, granted, route);
        }
      };
      return {
        headersFor: async (call, ...granted) => withGiven(call.host, await carriedBy(call, ...granted)),
        forget(host) {
          sessions.forget(host);
          crumbs.forget(host);
          minted.refused();
        },
        release: () => minted.release(),
      };
    },
  };
}
