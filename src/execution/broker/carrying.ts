/** What the calls of one door carry, by the kind of credential; what is kept between calls is kept here. */
import type { Effect } from '../../model/request.ts';
import { type Carried, type Credential, headerOf } from './credential.ts';
import { type Crumbs, createCrumbs } from './crumb.ts';
import { createSessions, type Sessions } from './session.ts';
import type { Route } from './upstream.ts';

export type Carrying = {
  /** The headers of one call. Throws `login_refused`; the call itself has not left. */
  headersFor(
    call: { name: string; host: string; effect: Effect },
    granted: Credential,
    route: Route,
    signal: AbortSignal,
  ): Promise<Carried>;
  /** The upstream did not know who we are: what is kept of that is dropped. */
  forget(host: string): void;
};

export function createCarrying(): Carrying {
  const sessions: Sessions = createSessions();
  const crumbs: Crumbs = createCrumbs();
  return {
    async headersFor({ host, effect }, granted, route, signal) {
      if (typeof granted === 'string' || granted.kind === 'header') return headerOf(granted);
      switch (granted.kind) {
        case 'session':
          return sessions.headersFor(host, granted, route, signal);
        case 'crumb':
          // A read needs none, and would keep the session of the crumb busy for nothing.
          return effect === 'write'
            ? crumbs.headersFor(host, granted, route, signal)
            : headerOf(granted.authorization);
      }
    },
    forget(host) {
      sessions.forget(host);
      crumbs.forget(host);
    },
  };
}
