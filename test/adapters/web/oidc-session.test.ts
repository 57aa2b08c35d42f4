/** What a session is worth, for how long, and what other pages can do with it: nothing. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request as send } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ABSOLUTE_MS, IDLE_MS } from '../../../adapters/web/sign-in/sessions.ts';
import { useDatabase } from '../../support/database.ts';
import { startProvider, type TestProvider } from '../../support/oidc/provider.ts';
import { Visitor } from '../../support/oidc/visitor.ts';
import { type Listed, serveWorkspace, type Workspace } from '../../support/oidc/workspace.ts';

const SESSION = '__Host-countersign';
const ALICE: Listed = { id: 'alice', subject: 'subject-of-alice' };
const BOB: Listed = { id: 'bob', subject: 'subject-of-bob' };
const MINUTE_MS = 60_000;
const A_REQUEST = '/requests/6f1d9d0e-6d6a-4e52-9a3c-4b1f5f0b7a11';

const database = useDatabase();
let provider: TestProvider;
let clientFolder: string;
let workspace: Workspace;
let alice: Visitor;

const serve = () =>
  serveWorkspace({
    db: database.db,
    issuer: provider.issuer,
    people: [ALICE, BOB],
    publicUrl: 'https://countersign.example',
    clientFolder,
  });
const signedIn = async (person: Listed, at = workspace) => {
  provider.subject = person.subject;
  const visitor = new Visitor(at);
  expect((await visitor.signIn()).status).toBe(303);
  return visitor;
};

beforeAll(async () => {
  provider = await startProvider();
  clientFolder = mkdtempSync(join(tmpdir(), 'countersign-oidc-client-'));
  mkdirSync(join(clientFolder, 'assets'));
  writeFileSync(join(clientFolder, 'index.html'), '<title>Countersign</title>');
});
afterAll(async () => {
  rmSync(clientFolder, { recursive: true });
  await provider.stop();
});
beforeEach(async () => {
  workspace = await serve();
  alice = await signedIn(ALICE);
});
afterEach(() => workspace.close());

const messages = { path: '/api/workspace/messages', body: { text: 'hello' } };
const says = (visitor: Visitor, headers: Record<string, string> = {}) =>
  visitor.change(messages.path, messages.body, headers);

describe('without a session', () => {
  it('a page leads to the sign-in and back, and says nothing else', async () => {
    const stranger = new Visitor(workspace);
    const answer = await stranger.open(A_REQUEST);
    expect([answer.status, answer.headers.location]).toEqual([
      303,
      `/sign-in?to=${encodeURIComponent(A_REQUEST)}`,
    ]);
    const page = await stranger.open(answer.headers.location ?? '');
    expect(page.text).toContain('A link never says who you are');
    expect(page.text).toContain(`name="to" value="${A_REQUEST}"`);
    expect(stranger.cookies.size).toBe(0);
  });

  it('every route of the workspace answers 401, and there is no local mode', async () => {
    const stranger = new Visitor(workspace);
    for (const path of [
      'session',
      'me',
      'actions',
      'threads',
      'mine',
      'waiting',
      'operations',
      'audit',
      'changes',
    ]) {
      const { status, body } = await stranger.read(`/api/workspace/${path}`);
      expect([status, body], path).toMatchObject([401, { error: { code: 'sign_in_needed' } }]);
    }
    expect((await says(stranger)).status).toBe(401);
    expect((await stranger.read('/api/local/people')).status).toBe(404);
    expect(workspace.assistant.deliveries).toHaveLength(0);
  });
});

describe('the page of the built-in desk', () => {
  it('is for local mode alone: whoever is signed in asks for a ticket, and policy answers', async () => {
    expect((await alice.read('/api/workspace/session')).body).toMatchObject({ desk: false });
    expect((await alice.read('/api/workspace/desk')).status).toBe(404);
  });
});

describe('who one is', () => {
  it('is what the session says, whatever a link, a header or a body says', async () => {
    const headers = { 'x-countersign-as': 'bob', referer: 'https://app.slack.example/' };
    expect((await alice.read('/api/workspace/me?from=slack&user=U0BOB', headers)).body).toMatchObject({
      id: 'alice',
    });
    expect((await alice.read('/api/workspace/session?as=bob', headers)).body).toMatchObject({
      people: [{ id: 'alice' }],
      startAs: 'alice',
    });
    expect((await alice.change(messages.path, { ...messages.body, principal: 'bob' })).status).toBe(400);
    const stranger = new Visitor(workspace);
    expect((await stranger.read('/api/workspace/me?from=slack', headers)).status).toBe(401);
    expect((await stranger.open(`${A_REQUEST}?from=slack`)).status).toBe(303);
  });

  it('is the account that deliveries carry', async () => {
    expect((await says(alice)).status).toBe(200);
    expect(workspace.assistant.deliveries.at(-1)).toMatchObject({
      account: { platform: 'web', issuer: provider.issuer, subject: ALICE.subject },
      place: { platform: 'web', tenant: provider.issuer, container: 'alice' },
    });
  });
});

describe('a session', () => {
  it('opens pages, also from a link elsewhere', async () => {
    expect((await alice.open(A_REQUEST)).status).toBe(200);
  });

  it('lives in the database: another process knows it, and a restart ends none', async () => {
    const another = await serve();
    const there = new Visitor(another);
    for (const [name, value] of alice.cookies) there.cookies.set(name, value);
    expect(await there.whoAmI()).toBe('alice');
    await another.close();
  });

  it(`is over when nothing was done for ${IDLE_MS / MINUTE_MS} minutes`, async () => {
    workspace.pass(IDLE_MS - MINUTE_MS);
    expect(await alice.whoAmI()).toBe('alice');
    workspace.pass(IDLE_MS - MINUTE_MS);
    expect(await alice.whoAmI()).toBe('alice');
    workspace.pass(IDLE_MS);
    expect(await alice.whoAmI()).toBeNull();
  });

  it('is not kept alive by a page that only watches', async () => {
    const watch = () => alice.read('/api/workspace/me', { 'x-countersign-background': '1' });
    workspace.pass(IDLE_MS - MINUTE_MS);
    expect((await watch()).status).toBe(200);
    workspace.pass(MINUTE_MS);
    expect((await watch()).status).toBe(401);
  });

  it(`is over after ${ABSOLUTE_MS / MINUTE_MS / 60} hours, whatever was done`, async () => {
    const step = IDLE_MS - MINUTE_MS;
    for (let passed = 0; passed + step < ABSOLUTE_MS; passed += step) {
      workspace.pass(step);
      expect(await alice.whoAmI()).toBe('alice');
    }
    workspace.pass(step);
    expect(await alice.whoAmI()).toBeNull();
  });

  it('leaves the database once nobody can use or repeat it', async () => {
    workspace.pass(ABSOLUTE_MS + MINUTE_MS);
    await signedIn(BOB);
    const rows = await database.db.query<{ principal: string }>('select principal from web_sessions');
    expect(rows).toEqual([{ principal: 'bob' }]);
  });

  it('ends at once when the person leaves the directory, and for good', async () => {
    workspace.list([BOB]);
    expect(await alice.whoAmI()).toBeNull();
    workspace.list([ALICE, BOB]);
    expect(await alice.whoAmI()).toBeNull();
  });

  it('ends when the person is switched off, or the account is linked to somebody else', async () => {
    workspace.list([{ ...ALICE, active: false }, BOB]);
    expect(await alice.whoAmI()).toBeNull();
    workspace.list([ALICE, BOB]);
    const again = await signedIn(ALICE);
    workspace.list([{ id: 'bob', subject: ALICE.subject }]);
    expect(await again.whoAmI()).toBeNull();
  });
});

describe('signing out', () => {
  it('ends the session on the server, and offers to end the provider’s', async () => {
    const id = alice.cookies.get(SESSION) ?? '';
    const { status, body } = await alice.change('/api/workspace/sign-out', {});
    expect([status, body]).toEqual([200, { next: '/signed-out' }]);
    expect(alice.cookies.has(SESSION)).toBe(false);
    alice.cookies.set(SESSION, id);
    expect(await alice.whoAmI()).toBeNull();
    const { text } = await alice.open('/signed-out', 'same-origin');
    const back = encodeURIComponent('https://countersign.example/signed-out');
    expect(text).toContain(
      `href="${provider.issuer}/endsession?post_logout_redirect_uri=${back}&amp;client_id=`,
    );
  });

  it('is no GET, and needs the token as every change does', async () => {
    expect((await alice.read('/api/workspace/sign-out')).status).toBe(404);
    const refused = await alice.change('/api/workspace/sign-out', {}, { 'x-countersign-csrf': '' });
    expect(refused.status).toBe(403);
    await alice.open('/signed-out');
    expect(await alice.whoAmI()).toBe('alice');
  });
});

describe('a change', () => {
  const changes = () => workspace.assistant.deliveries.length;

  it('is made by a page of ours, with its token', async () => {
    expect((await says(alice)).status).toBe(200);
    expect(changes()).toBe(1);
  });

  it.each([
    ['another origin', { origin: 'https://evil.example' }],
    ['no origin', { origin: '' }],
    ['a page without one', { origin: 'null' }],
    ['another scheme', { origin: 'http://countersign.example' }],
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another address', { host: '127.0.0.1' }],
    ['no token', { 'x-countersign-csrf': '' }],
    ['another token', { 'x-countersign-csrf': 'x'.repeat(43) }],
  ])('is refused from %s', async (_what, headers) => {
    const { status, body } = await says(alice, headers);
    expect([status, body]).toMatchObject([403, { error: { code: 'forbidden_origin' } }]);
    expect(changes()).toBe(0);
  });

  it('is refused with the token of another session, the person’s own included', async () => {
    for (const other of [await signedIn(BOB), await signedIn(ALICE)]) {
      expect((await says(alice, { 'x-countersign-csrf': await other.csrf() })).status).toBe(403);
    }
    expect(changes()).toBe(0);
  });

  it('by Stop is held to the same: the token, the origin, the session', async () => {
    const said = (await says(alice)).body as { thread: string };
    const path = `/api/workspace/threads/${said.thread}/stops`;
    const csrf = await alice.csrf();
    const token = { 'x-countersign-csrf': csrf };
    expect((await alice.change(path, {}, { 'x-countersign-csrf': '' })).status).toBe(403);
    expect((await alice.change(path, {}, { ...token, origin: 'https://evil.example' })).status).toBe(403);
    expect((await new Visitor(workspace).change(path, {}, token)).status).toBe(401);
    expect(workspace.assistant.stops).toEqual([]);
    expect((await alice.change(path, {}, token)).status).toBe(200);
    expect(workspace.assistant.stops).toMatchObject([{ principal: 'alice', place: { thread: said.thread } }]);
  });

  it('is refused as a form, which other pages could send', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await says(alice, headers)).status).toBe(415);
  });

  it('covers the beginning of a sign-in: another page cannot start one', async () => {
    const stranger = new Visitor(workspace);
    for (const origin of ['https://evil.example', 'null', '']) {
      expect((await stranger.send('POST', '/sign-in', { origin })).status).toBe(403);
    }
    expect((await stranger.read('/sign-in')).headers['set-cookie']).toBeUndefined();
    expect(stranger.cookies.size).toBe(0);
  });
});

describe('the address', () => {
  it('is that of PUBLIC_URL alone', async () => {
    for (const host of [
      'localhost',
      `127.0.0.1:${workspace.port}`,
      'evil.example',
      'countersign.example:80',
    ]) {
      expect((await alice.read('/api/workspace/me', { host })).status, host).toBe(403);
    }
    expect((await alice.read('/api/workspace/me', { host: 'countersign.example:443' })).status).toBe(200);
  });

  it('lets no other site read, and no frame hold a page', async () => {
    expect((await alice.read('/api/workspace/me', { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    const { headers } = await alice.open('/sign-in');
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['cache-control']).toBe('no-store');
  });
});

describe('live changes', () => {
  const watch = async (visitor: Visitor) => {
    const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { host: workspace.publicUrl.host, cookie, 'x-countersign-background': '1' };
    const asked = send({ port: workspace.port, path: '/api/workspace/changes', headers });
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    let text = '';
    const heard = () => text;
    response.on('data', (data: Buffer) => {
      text += data.toString();
    });
    // A stream that the server drops ends with an error here.
    const over = new Promise<void>((resolve) => response.on('error', () => resolve()).on('close', resolve));
    await expect.poll(heard).toContain(': open\n\n');
    return { heard, over, stop: () => asked.destroy() };
  };

  it('tell of one’s own threads and requests, and of nobody else’s', async () => {
    const bob = await signedIn(BOB);
    const [hers, his] = [await watch(alice), await watch(bob)];
    const mine = ((await says(alice)).body as { thread: string }).thread;
    const theirs = ((await says(bob)).body as { thread: string }).thread;
    // Streams keep the order: once she hears of her last, what came before it was kept from her.
    const last = ((await says(alice)).body as { thread: string }).thread;
    await expect.poll(hers.heard).toContain(last);
    await expect.poll(his.heard).toContain(theirs);
    expect(hers.heard()).toContain(mine);
    expect(hers.heard()).not.toContain(theirs);
    expect(his.heard()).not.toContain(mine);
    hers.stop();
    his.stop();
  });

  it('end with the session', async () => {
    const { heard, over } = await watch(alice);
    await alice.change('/api/workspace/sign-out', {});
    await says(await signedIn(BOB));
    await over;
    expect(heard()).toBe(': open\n\n');
  });

  it('end when the person leaves', async () => {
    const { heard, over } = await watch(alice);
    const bob = await signedIn(BOB);
    workspace.list([BOB]);
    await says(bob);
    await over;
    expect(heard()).toBe(': open\n\n');
  });
});
