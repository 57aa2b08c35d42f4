import { describe, expect, it } from 'vitest';
import type { DoorSpec } from '../../../src/execution/broker/call.ts';
import { FAILURES_TO_OPEN } from '../../../src/execution/broker/circuit.ts';
import type { Credential } from '../../../src/execution/broker/credential.ts';
import { impatient, openTo } from './child.ts';
import { json, type Script, type Seen, startUpstream } from './upstream-server.ts';

const PASSWORD = ['correct', 'horse', crypto.randomUUID()].join('-');
const BASIC = `Basic ${Buffer.from(`ops:${PASSWORD}`).toString('base64')}`;
const WRITE = { method: 'POST', path: '/repos/acme/issues', body: { title: 'VPN down', body: 'mark-1' } };
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

describe("a call of the broker's own", () => {
  /** A system whose login answers one after another of these, and gives a cookie from then on. */
  async function startLogin(answers: Script[]) {
    const upstream = await startUpstream((response, seen, request) => {
      if (!seen.url.endsWith('/auth/login')) return json(response, {});
      const next = answers.shift();
      if (next !== undefined) return next(response, seen, request);
      response.writeHead(302, { location: '/', 'set-cookie': `SESSION=${crypto.randomUUID()}` }).end();
    });
    const opened = await openTo({
      upstreams: upstream.config,
      credentials: { get: async () => SESSION },
      clock: impatient(),
    });
    const end = async () => {
      await opened.end();
      await upstream.close();
    };
    return { ...opened, upstream, end };
  }
  const answering =
    (code: number, headers: Record<string, string> = {}): Script =>
    (response) =>
      void response.writeHead(code, headers).end('{}');
  const halfWay: Script = (response) =>
    void response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy());

  it.each([429, 503])('that is answered %d with a long pause is not made again before', async (code) => {
    const opened = await startLogin([answering(code, { 'retry-after': '120' })]);
    for (const call of [{}, {}, WRITE])
      expect((await opened.ask(call)).headers).toMatchObject({
        'x-egress-refused': 'paused',
        'x-egress-sent': 'no',
        'retry-after': '120',
      });
    expect(opened.upstream.seen).toHaveLength(1);
    expect(opened.upstreams()).toMatchObject([{ pausedSeconds: 120 }]);
    await opened.end();
  });

  it.each([{}, WRITE])('that is answered with a short pause is made again after it: %j', async (call) => {
    const opened = await startLogin([answering(429, { 'retry-after': '2' })]);
    expect((await opened.ask(call)).status).toBe(200);
    expect(opened.upstream.seen).toHaveLength(3);
    await opened.end();
  });

  it.each<[string, Script]>([
    ['a server error', answering(500)],
    ['no answer', (response) => void response.destroy()],
    ['half an answer', halfWay],
  ])('that gets %s each time opens the circuit', async (_what, script) => {
    const opened = await startLogin(Array(20).fill(script));
    for (let call = 0; call < FAILURES_TO_OPEN; call += 1)
      expect((await opened.ask({})).headers['x-egress-refused']).toBe('login_refused');
    expect((await opened.ask({})).headers['x-egress-refused']).toBe('circuit_open');
    expect(opened.upstream.seen).toHaveLength(FAILURES_TO_OPEN);
    await opened.end();
  });

  it('that breaks off half way is recorded as such, beside the call that waited for it', async () => {
    const opened = await startLogin([halfWay]);
    await opened.ask({});
    const login = { own: true, method: 'GET', path: '/auth/login' };
    expect(opened.heard.calls).toMatchObject([
      { ...login, status: 200, unread: true, responseBytes: 4, responseSha256: null },
    ]);
    expect(opened.heard.refused).toMatchObject([
      { ...login, code: 'interrupted', sent: true },
      { code: 'login_refused', detail: 'no answer', sent: false },
    ]);
    await opened.end();
  });

  it('that gets no answer at all is recorded, too', async () => {
    const opened = await startLogin([(response) => void response.destroy()]);
    await opened.ask({});
    expect(opened.heard.calls).toEqual([]);
    expect(opened.heard.refused).toMatchObject([
      { own: true, path: '/auth/login', host: 'api.example.com', code: 'interrupted', sent: true },
      { code: 'login_refused' },
    ]);
    await opened.end();
  });

  it('that cannot be recorded shuts the door: nothing goes on unseen', async () => {
    const upstream = await startUpstream((response) => json(response, {}));
    const hooks = { afterCall: async () => Promise.reject(new Error('no database')) };
    const opened = await openTo(
      { upstreams: upstream.config, credentials: { get: async () => SESSION } },
      { hooks: hooks as unknown as DoorSpec['hooks'] },
    );
    expect((await opened.ask({})).headers['x-egress-refused']).toBe('unrecorded');
    expect(upstream.seen).toHaveLength(1);
    expect(opened.door.summary().failure).toMatchObject({ message: 'no database' });
    await opened.end();
    await upstream.close();
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
