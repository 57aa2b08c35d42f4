/** `/api/workspace/links`: for whoever is signed in, by their session and nothing else. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { useDatabase } from '../../support/database.ts';
import { memoryLinking } from '../../support/oidc/linking.ts';
import { startProvider, type TestProvider } from '../../support/oidc/provider.ts';
import { Visitor } from '../../support/oidc/visitor.ts';
import { serveWorkspace, type Workspace } from '../../support/oidc/workspace.ts';

const LINKS = '/api/workspace/links';
const ACCOUNT = { platform: 'slack' as const, enterprise: null, team: 'T0ACME', user: 'UNEW' };
const NOBODYS = 'aaaaaaaa-0000-4000-8000-000000000001';

const database = useDatabase();
let provider: TestProvider;
let workspace: Workspace;
let world: ReturnType<typeof memoryLinking>;
let alice: Visitor;
const me = () => ({ principal: 'alice' as never, issuer: provider.issuer, subject: 'subject-of-alice' });

const serve = (linking?: typeof world.linking) =>
  serveWorkspace({
    db: database.db,
    issuer: provider.issuer,
    people: [{ id: 'alice', subject: 'subject-of-alice' }],
    publicUrl: 'https://countersign.example',
    ...(linking === undefined ? {} : { linking }),
  });

beforeAll(async () => {
  provider = await startProvider();
});
afterAll(() => provider.stop());
beforeEach(async () => {
  provider.subject = 'subject-of-alice';
  world = memoryLinking(() => workspace.assistant);
  workspace = await serve(world.linking);
  alice = new Visitor(workspace);
  await alice.signIn();
});
afterEach(() => workspace.close());

it('gives a code, shows who asks, and takes a yes, as the account that is signed in', async () => {
  expect((await alice.read('/api/workspace/session')).body).toMatchObject({ links: true });
  const { status, body } = await alice.change(`${LINKS}/codes`, {});
  expect([status, body]).toMatchObject([200, { code: 'abcd-efgh-jkmn-pqrs' }]);
  world.send(me(), ACCOUNT, 'Al');
  const page = (await alice.read(LINKS)).body as { asking: { id: string } };
  expect(page).toMatchObject({ links: [], waiting: null, asking: { account: ACCOUNT, name: 'Al' } });
  expect((await alice.change(`${LINKS}/questions/${page.asking.id}`, { yes: true })).status).toBe(200);
  expect((await alice.read(LINKS)).body).toMatchObject({ links: [{ account: ACCOUNT }], asking: null });
  expect((await alice.change(`${LINKS}/${page.asking.id}/removal`, {})).status).toBe(200);
  expect((await alice.read(LINKS)).body).toMatchObject({ links: [] });
  expect(world.calls).toEqual(['begin', 'yes', 'remove'].map((did) => ({ did, by: me() })));
});

it('does nothing for whoever is not signed in, or without the token of a page of ours', async () => {
  const stranger = new Visitor(workspace);
  expect((await stranger.read(LINKS)).status).toBe(401);
  for (const path of [`${LINKS}/codes`, `${LINKS}/questions/${NOBODYS}`, `${LINKS}/${NOBODYS}/removal`]) {
    const body = path.includes('questions') ? { yes: true } : {};
    expect((await stranger.change(path, body)).status, path).toBe(401);
    expect((await alice.change(path, body, { 'x-countersign-csrf': '' })).status, path).toBe(403);
    expect((await alice.change(path, body, { origin: 'https://evil.example' })).status, path).toBe(403);
    expect((await alice.read(path)).status, path).toBe(404);
  }
  expect(world.calls).toEqual([]);
});

it('says what is over, what is not there, and what has no such shape', async () => {
  const answers = [
    [`${LINKS}/questions/${NOBODYS}`, { yes: true }, 409],
    [`${LINKS}/questions/it`, { yes: true }, 404],
    [`${LINKS}/questions/${NOBODYS}`, { yes: 'yes' }, 400],
    [`${LINKS}/${NOBODYS}/removal`, {}, 404],
    [`${LINKS}/codes`, { for: 'bob' }, 400],
  ] as const;
  for (const [path, body, status] of answers)
    expect((await alice.change(path, body)).status, path).toBe(status);
});

it('is not there where nobody may link accounts', async () => {
  const off = await serve();
  const visitor = new Visitor(off);
  await visitor.signIn();
  expect((await visitor.read('/api/workspace/session')).body).toMatchObject({ links: false });
  expect((await visitor.read(LINKS)).status).toBe(404);
  expect((await visitor.change(`${LINKS}/codes`, {})).status).toBe(404);
  await off.close();
});
