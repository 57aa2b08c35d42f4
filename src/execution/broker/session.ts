/**
 * Sessions of upstreams that know people by a cookie only: opened here, in the parent, over the pinned way, and kept
 * for a while. The action's code sees neither the login nor the cookie.
 */
import { askAside, refusedWith, unanswered } from './aside.ts';
import { cookieHeader, cookiesOf } from './cookies.ts';
import type { Carried, SessionCredential } from './credential.ts';
import type { Route } from './upstream.ts';

/** Far shorter than any upstream's own limit (Buildbot: a week), so that a changed password is noticed soon. */
const SESSION_MS = 10 * 60_000;
type Session = { authorization: string; cookies: Map<string, string>; untilMs: number };

/** The login carried the password: a system may show it long after. */
function carried({ authorization, cookies }: Session): Carried {
  return { headers: { cookie: cookieHeader(cookies) }, secrets: [authorization, ...cookies.values()] };
}

async function logIn(credential: SessionCredential, route: Route, signal: AbortSignal): Promise<Session> {
  const { login: path, authorization } = credential;
  const call = { method: 'GET', path, headers: { authorization } } as const;
  const answer = await askAside(route, call, signal).catch((error: unknown) => {
    throw unanswered(error, 'login_refused');
  });
  const cookies = cookiesOf(answer.cookies);
  // A redirect to the first page is how a login that went well ends; it is not followed.
  if (answer.status >= 400 || cookies === null || cookies.size === 0) {
    throw refusedWith(answer, 'login_refused', String(answer.status));
  }
  return { authorization: credential.authorization, cookies, untilMs: performance.now() + SESSION_MS };
}

export function createSessions() {
  const open = new Map<string, Session>();
  return {
    /** The cookie to send; logs in where no session is open. Throws `login_refused`; the call itself has not left. */
    async headersFor(
      host: string,
      credential: SessionCredential,
      route: Route,
      signal: AbortSignal,
    ): Promise<Carried> {
      const known = open.get(host);
      if (known?.authorization === credential.authorization && performance.now() < known.untilMs)
        return carried(known);
      const session = await logIn(credential, route, signal);
      open.set(host, session);
      return carried(session);
    },
    /** The upstream no longer takes it: the next call logs in anew. */
    forget: (host: string): void => void open.delete(host),
  };
}
export type Sessions = ReturnType<typeof createSessions>;
