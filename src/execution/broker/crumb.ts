/**
 * Crumbs: what Jenkins wants with every write, bound to a session, so that no page can write in a visitor's name
 * (jenkins.io, "CSRF Protection"). Got here, in the parent, over the pinned way, and kept for a while.
 */
import { z } from 'zod';
import { askAside, refusedWith, unanswered } from './aside.ts';
import { cookieHeader, cookiesOf } from './cookies.ts';
import type { Carried, CrumbCredential } from './credential.ts';
import type { Route } from './upstream.ts';

/** A session of Jenkins ends after half an hour without a call; far shorter, so that a changed password is noticed. */
const CRUMB_MS = 10 * 60_000;
/** `Jenkins-Crumb`, `.crumb` of older servers: an upstream must not choose any other header of our call. */
const Crumb = z.object({
  crumb: z.string().regex(/^[\x21-\x7e]{1,1024}$/),
  crumbRequestField: z.string().regex(/^(?:\.crumb|[A-Za-z-]{0,40}crumb)$/i),
});

type Held = {
  authorization: string;
  /** Null: the server wants no crumbs. */
  crumb: z.output<typeof Crumb> | null;
  cookies: ReadonlyMap<string, string>;
  untilMs: number;
};

async function fetchCrumb(credential: CrumbCredential, route: Route, signal: AbortSignal): Promise<Held> {
  const { authorization, path } = credential;
  const call = { method: 'GET', path, headers: { authorization } } as const;
  const answer = await askAside(route, call, signal).catch((error: unknown) => {
    throw unanswered(error, 'login_refused');
  });
  const untilMs = performance.now() + CRUMB_MS;
  // There is no issuer where the protection is off.
  if (answer.status === 404) return { authorization, crumb: null, cookies: new Map(), untilMs };
  const crumb = Crumb.safeParse(answer.json);
  const cookies = cookiesOf(answer.cookies);
  if (answer.status !== 200 || !crumb.success || cookies === null)
    throw refusedWith(answer, 'login_refused', String(answer.status));
  return { authorization, crumb: crumb.data, cookies, untilMs };
}

function carried({ authorization, crumb, cookies }: Held): Carried {
  if (crumb === null) return { headers: { authorization }, secrets: [authorization] };
  return {
    headers: {
      authorization,
      [crumb.crumbRequestField.toLowerCase()]: crumb.crumb,
      ...(cookies.size === 0 ? {} : { cookie: cookieHeader(cookies) }),
    },
    secrets: [authorization, crumb.crumb, ...cookies.values()],
  };
}

export function createCrumbs() {
  const held = new Map<string, Held>();
  return {
    /** What a write carries. Throws `login_refused`; the call itself has not left. */
    async headersFor(
      host: string,
      credential: CrumbCredential,
      route: Route,
      signal: AbortSignal,
    ): Promise<Carried> {
      const known = held.get(host);
      if (known?.authorization === credential.authorization && performance.now() < known.untilMs)
        return carried(known);
      const fresh = await fetchCrumb(credential, route, signal);
      held.set(host, fresh);
      return carried(fresh);
    },
    /** The upstream no longer takes it: the next write gets another. */
    forget: (host: string): void => void held.delete(host),
  };
}
export type Crumbs = ReturnType<typeof createCrumbs>;
