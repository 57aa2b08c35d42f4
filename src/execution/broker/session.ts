/**
 * Sessions of upstreams that know people by a cookie only: opened here, in the parent, over the pinned way, and kept
 * for a while. The action's code sees neither the login nor the cookie.
 */
import { request } from 'undici';
import type { CredentialHeader, SessionCredential } from './credential.ts';
import { EgressRefused } from './refusal.ts';
import type { Route } from './upstream.ts';

/** Far shorter than any upstream's own limit (Buildbot: a week), so that a changed password is noticed soon. */
const SESSION_MS = 10 * 60_000;
/** Cookies of one login, and the length of one, in characters: a header that every server takes. */
const MAX_COOKIES = 8;
const MAX_COOKIE_CHARS = 4_096;
/** Name and value as RFC 6265 allows them, without the quotes. */
const COOKIE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*)$/;

type Session = { authorization: string; cookies: Map<string, string>; untilMs: number };

/** The last cookie of a name counts: a server may set an anonymous one first. */
function cookiesOf(header: string | string[] | undefined): Map<string, string> {
  const cookies = new Map<string, string>();
  for (const line of header === undefined ? [] : [header].flat()) {
    const pair = (line.split(';')[0] ?? '').trim();
    const [, name, value] = COOKIE.exec(pair) ?? [];
    if (name !== undefined && value && pair.length <= MAX_COOKIE_CHARS) cookies.set(name, value);
  }
  return cookies;
}

function asHeader({ cookies }: Session): CredentialHeader {
  const pairs = [...cookies].map(([name, value]) => `${name}=${value}`);
  return { header: 'cookie', value: pairs.join('; '), secrets: [...cookies.values()] };
}

async function logIn(credential: SessionCredential, route: Route, signal: AbortSignal): Promise<Session> {
  let answer: Awaited<ReturnType<typeof request>>;
  try {
    answer = await request(route.url(credential.login, ''), {
      method: 'GET',
      headers: { authorization: credential.authorization, 'user-agent': 'countersign' },
      dispatcher: route.dispatcher,
      signal,
    });
    await answer.body.dump();
  } catch (cause) {
    throw new EgressRefused('login_refused', 'no answer', { cause });
  }
  const cookies = cookiesOf(answer.headers['set-cookie']);
  // A redirect to the first page is how a login that went well ends; it is not followed.
  if (answer.statusCode >= 400 || cookies.size === 0 || cookies.size > MAX_COOKIES) {
    throw new EgressRefused('login_refused', String(answer.statusCode));
  }
  return { authorization: credential.authorization, cookies, untilMs: performance.now() + SESSION_MS };
}

export function createSessions() {
  const open = new Map<string, Session>();
  return {
    /** The cookie to send; logs in where no session is open. Throws `login_refused`; the call itself has not left. */
    async headerFor(
      host: string,
      credential: SessionCredential,
      route: Route,
      signal: AbortSignal,
    ): Promise<CredentialHeader> {
      const known = open.get(host);
      if (known?.authorization === credential.authorization && performance.now() < known.untilMs)
        return asHeader(known);
      const session = await logIn(credential, route, signal);
      open.set(host, session);
      return asHeader(session);
    },
    /** The upstream no longer takes it: the next call logs in anew. */
    forget: (host: string): void => void open.delete(host),
  };
}
export type Sessions = ReturnType<typeof createSessions>;
