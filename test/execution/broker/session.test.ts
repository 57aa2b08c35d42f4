import { describe, expect, it } from 'vitest';
import type { Credential } from '../../../src/execution/broker/credential.ts';
import { openTo } from './child.ts';
import { json, type Seen, startUpstream } from './upstream-server.ts';

const PASSWORD = ['correct', 'horse', crypto.randomUUID()].join('-');
const BASIC = `Basic ${Buffer.from(`ops:${PASSWORD}`).toString('base64')}`;
const SESSION: Credential = { kind: 'session', login: '/auth/login', authorization: BASIC };

/** A system that knows people by a cookie; `lost` forgets every session, as a restart would. */
async function startCookieSystem() {
  let valid = crypto.randomUUID();
  const upstream = await startUpstream((response, { url, headers }) => {
    if (url === '/v3/auth/login') {
      if (headers.authorization !== BASIC) return json(response, {}, 401);
      const cookies = ['SESSION=anonymous-visitor; Path=/', `SESSION=${valid}; Path=/; HttpOnly`];
      return response.writeHead(302, { location: '/', 'set-cookie': cookies }).end();
    }
    const known = headers.cookie === `SESSION=${valid}`;
    const wrote = { basic: BASIC, password: PASSWORD };
    return json(response, { known, echoed: headers.cookie, wrote }, known ? 200 : 403);
  });
  const logins = () => upstream.seen.filter(({ url }: Seen) => url.endsWith('/auth/login')).length;
  const lose = (): void => {
    valid = crypto.randomUUID();
  };
  return { ...upstream, logins, lose, cookie: () => valid };
}

async function open(system: Awaited<ReturnType<typeof startCookieSystem>>, credential: Credential = SESSION) {
  return openTo({ upstreams: system.config, credentials: { get: async () => credential } });
}

describe('a session', () => {
  it('is opened once by the broker and carried by every call', async () => {
    const system = await startCookieSystem();
    const opened = await open(system);
    expect((await opened.ask({})).status).toBe(200);
    expect((await opened.ask({})).status).toBe(200);
    expect(system.logins()).toBe(1);
    await opened.end();
    await system.close();
  });

  it('shows neither password nor cookie to the action, even when the upstream echoes it', async () => {
    const system = await startCookieSystem();
    const opened = await open(system);
    const answer = await opened.ask({});
    for (const secret of [system.cookie(), PASSWORD, BASIC.slice('Basic '.length)])
      expect(answer.body).not.toContain(secret);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(opened.heard.calls).toMatchObject([
      { own: true, path: '/auth/login', status: 302 },
      { path: '/repos/acme/issues/12', credentialEchoed: true },
    ]);
    // The login itself carried the password, and nothing after it did.
    expect(system.seen.map(({ headers }) => headers.authorization)).toEqual([BASIC, undefined]);
    await opened.end();
    await system.close();
  });

  it('that the upstream forgot is opened anew for the next call', async () => {
    const system = await startCookieSystem();
    const opened = await open(system);
    await opened.ask({});
    system.lose();
    expect((await opened.ask({})).status).toBe(403);
    expect((await opened.ask({})).status).toBe(200);
    expect(system.logins()).toBe(2);
    await opened.end();
    await system.close();
  });

  it('that is not given stops the call before it leaves', async () => {
    const system = await startCookieSystem();
    const opened = await open(system, { ...SESSION, authorization: 'Basic d3Jvbmc6d3Jvbmc=' });
    const answer = await opened.ask({});
    expect(answer.headers).toMatchObject({ 'x-egress-refused': 'login_refused', 'x-egress-sent': 'no' });
    expect(system.seen).toHaveLength(1);
    await opened.end();
    await system.close();
  });
});

it('a credential in a header of its own name goes there, and only there', async () => {
  const token = ['glpat', crypto.randomUUID()].join('-');
  const upstream = await startUpstream((response, { headers }) => json(response, headers));
  const opened = await openTo({
    upstreams: upstream.config,
    credentials: { get: async () => ({ kind: 'header', header: 'private-token', value: token }) },
  });
  const answer = await opened.ask({ headers: { 'private-token': 'mine', cookie: 'a=b' } });
  expect(upstream.seen[0]?.headers).toMatchObject({ 'private-token': token });
  expect(upstream.seen[0]?.headers).not.toHaveProperty('authorization');
  expect(upstream.seen[0]?.headers).not.toHaveProperty('cookie');
  expect(answer.body).not.toContain(token);
  await opened.end();
  await upstream.close();
});

it('a secret that is a part of its header is masked where it is echoed alone', async () => {
  const token = ['pd', crypto.randomUUID()].join('-');
  const upstream = await startUpstream((response) => json(response, { yours: token }));
  const credential = {
    kind: 'header',
    header: 'authorization',
    value: `Token token=${token}`,
    also: [token],
  };
  const opened = await openTo({
    upstreams: upstream.config,
    credentials: { get: async () => credential as Credential },
  });
  const answer = await opened.ask({});
  expect(upstream.seen[0]?.headers.authorization).toBe(`Token token=${token}`);
  expect(answer.body).not.toContain(token);
  await opened.end();
  await upstream.close();
});
