/**
 * GitHub Apps, as far as tokens go (docs.github.com: "Generating a JSON Web Token (JWT) for a GitHub App", REST "Apps"):
 * where the app is installed, a token for one repository, and taking it back. Every answer is untrusted.
 */
import { createSign, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { CredentialScope } from '../../action.ts';
import { type Aside, type AsideAnswer, askAside, NO_ANSWER, refusedWith, unanswered } from './aside.ts';
import { EgressRefused } from './refusal.ts';
import { refusalOf } from './sending.ts';
import type { Route } from './upstream.ts';

/** GitHub's advice: its clock may be behind ours. */
const ISSUED_BEFORE_SECONDS = 60;
/** GitHub takes ten minutes at most, counted by its own clock. */
const VALID_SECONDS = 9 * 60;
/** Beyond it the difference of clocks is why GitHub does not take what we sign. */
const SKEW_MS = 30_000;
const API = { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' };
/** Granted with every permission on a repository; nobody can ask for less. */
const ALWAYS_GIVEN = 'metadata';
/** Detail of a refusal after which, as after no answer, a token may exist that we have not seen. */
const UNREADABLE = 'unreadable answer';

export type AppKey = { appId: string; key: KeyObject };

/** What came back, before anybody believes that it is what was asked for. */
export type Token = {
  secret: string;
  expiresAt: string;
  permissions: Record<string, string>;
  exact: boolean;
};

const Installation = z.object({
  id: z.int().positive(),
  suspended_at: z.string().nullish(),
});
const Issued = z.object({
  token: z.string().regex(/^[\x21-\x7e]{8,4096}$/),
  expires_at: z.iso.datetime({ offset: true }),
  permissions: z.record(z.string().max(100), z.string().max(20)).default({}),
  repository_selection: z.string().optional(),
  repositories: z.array(z.object({ full_name: z.string() })).optional(),
});

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A JSON Web Token by which the app speaks for itself, RS256. */
export function signJwt({ appId, key }: AppKey, nowMs: number): string {
  const now = Math.floor(nowMs / 1000);
  const claims = { iat: now - ISSUED_BEFORE_SECONDS, exp: now + VALID_SECONDS, iss: appId };
  const signed = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`;
}

async function ask(route: Route, call: Aside): Promise<AsideAnswer> {
  // Not the door's own signal: a token that is made and not received could not be taken back.
  return askAside(route, { ...call, headers: { ...API, ...call.headers } }, null).catch((error: unknown) => {
    throw unanswered(error, 'mint_refused');
  });
}

function refusedBy(answer: AsideAnswer, nowMs: number): EgressRefused {
  const { status, dateMs } = answer;
  const isOff = dateMs !== null && Math.abs(dateMs - nowMs) > SKEW_MS;
  const words: Record<number, string> = {
    401: isOff ? 'clock' : 'app or key not known',
    403: 'suspended or not allowed',
    404: 'not installed',
    422: 'not granted to the installation',
    429: 'rate limited',
  };
  return refusedWith(answer, 'mint_refused', words[status] ?? String(status));
}

/** Where the app is installed for this repository. `jwt`: by `signJwt`, just now. Throws `mint_refused`. */
export async function findInstallation(
  route: Route,
  jwt: string,
  { owner, repo }: CredentialScope['repository'],
): Promise<number> {
  const nowMs = Date.now();
  const answer = await ask(route, {
    method: 'GET',
    path: `/repos/${encodeURIComponent(owner)}/${encodeURIComponent(repo)}/installation`,
    headers: { authorization: `Bearer ${jwt}` },
  });
  if (answer.status !== 200) throw refusedBy(answer, nowMs);
  const found = Installation.safeParse(answer.json);
  if (!found.success) throw new EgressRefused('mint_refused', UNREADABLE);
  if (found.data.suspended_at) throw new EgressRefused('mint_refused', 'suspended or not allowed');
  return found.data.id;
}

/** A token for exactly this, or for something else: `exact` says which. `jwt`: by `signJwt`, just now. Throws `mint_refused`. */
export async function issueToken(
  route: Route,
  jwt: string,
  installation: number,
  scope: CredentialScope,
): Promise<Token> {
  const nowMs = Date.now();
  const answer = await ask(route, {
    method: 'POST',
    path: `/app/installations/${installation}/access_tokens`,
    headers: { authorization: `Bearer ${jwt}` },
    body: { repositories: [scope.repository.repo], permissions: scope.permissions },
  });
  if (answer.status !== 201) throw refusedBy(answer, nowMs);
  const issued = Issued.safeParse(answer.json);
  if (!issued.success) throw new EgressRefused('mint_refused', UNREADABLE);
  const { token, expires_at, permissions } = issued.data;
  return {
    secret: token,
    expiresAt: new Date(expires_at).toISOString(),
    permissions,
    exact: isExact(issued.data, scope),
  };
}

/** Whether what `issueToken` threw says that there is no token: GitHub's own no, or that nothing had left. */
export function isNotMade(error: unknown): boolean {
  if (!(error instanceof EgressRefused)) return false;
  const { reason, detail, cause } = error;
  if (reason === 'paused') return isNotMade(cause);
  if (reason !== 'mint_refused') return !error.sent;
  if (detail === NO_ANSWER) return !refusalOf(cause).sent;
  // A status stands there where it is none of those that mean no: a server's error says nothing.
  return detail !== UNREADABLE && !/^[235][0-9]{2}$/.test(detail ?? '');
}

function isExact(issued: z.output<typeof Issued>, { repository, permissions }: CredentialScope): boolean {
  const [only, ...others] = issued.repositories ?? [];
  const wanted = `${repository.owner}/${repository.repo}`.toLowerCase();
  const isOne =
    issued.repository_selection === 'selected' &&
    others.length === 0 &&
    only?.full_name.toLowerCase() === wanted;
  const given = Object.entries(issued.permissions);
  return (
    isOne &&
    given.every(([name, level]) => permissions[name] === level || (name === ALWAYS_GIVEN && level === 'read'))
  );
}

/** Takes a token back; null once it opens nothing any more, else why that is not known. */
export async function revokeToken(route: Route, secret: string, signal: AbortSignal): Promise<string | null> {
  try {
    const headers = { ...API, authorization: `Bearer ${secret}` };
    const { status } = await askAside(
      route,
      { method: 'DELETE', path: '/installation/token', headers },
      signal,
    );
    // 401: it is not valid any more, which is what was wanted.
    return status === 204 || status === 401 ? null : String(status);
  } catch {
    return NO_ANSWER;
  }
}
