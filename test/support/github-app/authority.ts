/**
 * GitHub's side of a GitHub App, as docs.github.com describes it: JSON Web Tokens checked to the second, installations,
 * tokens narrowed to what was asked for, and their revocation; with the faults that a well-behaved emulator does not have.
 */
import { createVerify, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { json, type Seen, startUpstream } from '../../execution/broker/upstream-server.ts';

export type Faults = {
  /** Seconds that GitHub's clock is ahead of ours. */
  clockSeconds?: number;
  suspended?: boolean;
  /** Says so at the token only, as an installation that was suspended in between. */
  suspendedAtToken?: boolean;
  rateLimited?: boolean;
  /** Makes the token, and then answers so. */
  issuing?: '500' | '503 and a pause' | 'cut off' | 'unreadable';
  /** Gives more than was asked for. */
  broader?: 'permission' | 'level' | 'repository' | 'everything';
  /** Answers of `DELETE /installation/token`, one after another; then 204. */
  revocation?: (number | 'cut off')[];
};

type Issued = { token: string; permissions: Record<string, string>; revoked: boolean };

const DOCS = { documentation_url: 'https://docs.github.com/rest' };
/** An hour, as GitHub's. */
const TOKEN_MS = 3_600_000;
const MAX_JWT_SECONDS = 600;

const part = (text: string | undefined): Record<string, unknown> =>
  JSON.parse(Buffer.from(text ?? '', 'base64url').toString());

/** The message of a 401, or null where GitHub would take the token of the app. */
function problemOfJwt(jwt: string, key: KeyObject, appId: string, now: number): string | null {
  const [head, claims, signature] = jwt.split('.');
  const verified = createVerify('RSA-SHA256')
    .update(`${head}.${claims}`)
    .verify(key, signature ?? '', 'base64url');
  if (!verified || part(head).alg !== 'RS256') return 'A JSON web token could not be decoded';
  const { iat, exp, iss } = part(claims);
  if (typeof iat !== 'number' || iat > now)
    return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
  if (typeof exp !== 'number' || exp <= now)
    return "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires";
  if (exp > now + MAX_JWT_SECONDS) return "'Expiration time' claim ('exp') is too far in the future";
  return String(iss) === appId ? null : 'Integration not found';
}

/** What GitHub serves to a token that is good for it. */
export type Serve = (response: ServerResponse, seen: Seen & { path: string }) => void;

/** One app, installed for `acme` with `issues: write`; `acme/web` and `acme/other` are its repositories. */
export async function startAuthority(faults: Faults = {}, serve?: Serve) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const appId = '12345';
  const issued: Issued[] = [];
  let revocations = [...(faults.revocation ?? [])];
  const bearer = (seen: Seen) => (seen.headers.authorization ?? '').replace(/^Bearer /, '');
  const say = (response: ServerResponse, status: number, message: string) =>
    json(response, { message, ...DOCS, status: String(status) }, status);

  function asApp(response: ServerResponse, seen: Seen): boolean {
    const now = Math.floor(Date.now() / 1000) + (faults.clockSeconds ?? 0);
    response.setHeader('date', new Date(now * 1000).toUTCString());
    const problem = problemOfJwt(bearer(seen), publicKey, appId, now);
    if (problem !== null) say(response, 401, problem);
    return problem === null;
  }

  function issue(
    response: ServerResponse,
    body: { repositories?: string[]; permissions?: Record<string, string> },
  ) {
    if (faults.suspendedAtToken) return say(response, 403, 'This installation has been suspended');
    const asked = body.permissions ?? {};
    if (Object.keys(asked).some((name) => name !== 'issues'))
      return say(response, 422, 'The permissions requested are not granted to this installation.');
    const { broader } = faults;
    const permissions = {
      ...asked,
      // GitHub gives this with every other one.
      metadata: 'read',
      ...(broader === 'permission' ? { contents: 'read' } : {}),
      ...(broader === 'level' ? { issues: 'admin' } : {}),
    };
    const names = [...(body.repositories ?? []), ...(broader === 'repository' ? ['other'] : [])];
    const selection =
      broader === 'everything'
        ? { repository_selection: 'all' }
        : {
            repository_selection: 'selected',
            repositories: names.map((name) => ({ name, full_name: `acme/${name}`, private: true })),
          };
    const token = `ghs_${crypto.randomUUID().replaceAll('-', '')}`;
    issued.push({ token, permissions, revoked: false });
    if (faults.issuing === '503 and a pause') {
      response.setHeader('retry-after', '30');
      return say(response, 503, 'Service Unavailable');
    }
    if (faults.issuing === '500') return say(response, 500, 'Server Error');
    if (faults.issuing === 'cut off') return void response.destroy();
    if (faults.issuing === 'unreadable') return json(response, { token: 7 }, 201);
    json(
      response,
      { token, expires_at: new Date(Date.now() + TOKEN_MS).toISOString(), permissions, ...selection },
      201,
    );
  }

  const upstream = await startUpstream((response, seen) => {
    const path = seen.url.replace(/^\/v3/, '').split('?')[0] ?? '';
    if (path === '/repos/acme/web/installation') {
      if (!asApp(response, seen)) return;
      const suspended_at = faults.suspended ? new Date().toISOString() : null;
      return json(response, {
        id: 77,
        app_id: Number(appId),
        suspended_at,
        permissions: { issues: 'write' },
      });
    }
    if (/\/installation$/.test(path)) return void (asApp(response, seen) && say(response, 404, 'Not Found'));
    if (path === '/app/installations/77/access_tokens') {
      if (!asApp(response, seen)) return;
      if (faults.rateLimited) return say(response, 429, 'You have exceeded a secondary rate limit');
      return issue(response, JSON.parse(seen.body));
    }
    const known = issued.find(({ token, revoked }) => token === bearer(seen) && !revoked);
    if (known === undefined) return say(response, 401, 'Bad credentials');
    if (path === '/installation/token' && seen.method === 'DELETE') {
      const fault = revocations.shift();
      if (fault === 'cut off') return void response.destroy();
      if (fault !== undefined) return say(response, fault, 'Server Error');
      known.revoked = true;
      return void response.writeHead(204).end();
    }
    if (seen.method !== 'GET' && known.permissions.issues !== 'write')
      return say(response, 403, 'Resource not accessible by integration');
    if (serve) return serve(response, { ...seen, path });
    json(response, { yours: bearer(seen) });
  });
  return {
    ...upstream,
    issued,
    /** What `DELETE /installation/token` answers from now on, one after another; then 204. */
    failRevocations(statuses: number[]): void {
      revocations = [...statuses];
    },
    app: { kind: 'github-app' as const, appId, key: privateKey },
    asked: (pattern: RegExp) => upstream.seen.filter(({ method, url }) => pattern.test(`${method} ${url}`)),
  };
}
