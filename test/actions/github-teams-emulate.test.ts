/**
 * Membership for a time against an emulator of GitHub that somebody else wrote, every call through the real broker. It knows no
 * invitations, refuses nobody who has a token, and forgets no membership by itself; what GitHub does in these cases the fake of ours
 * shows (`github-teams.test.ts`).
 */
import { createEmulator, type Emulator } from 'emulate';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { githubTeams } from '../../actions/connectors/github-teams.ts';
import { freePort } from '../support/free-port.ts';
import { call } from './through-broker.ts';

const SETTINGS = githubTeams.settings.parse({
  org: 'acme',
  logins: { alice: 'alice-gh', bob: 'bob-gh', carol: 'carol-gh' },
  teams: { dba: { slug: 'dba', title: 'Database administrators' }, gone: { slug: 'gone', title: 'Gone' } },
});
const ALICE = { person: 'alice', team: 'dba', hours: 8 };
const token = ['ghp', crypto.randomUUID().replaceAll('-', '')].join('_');
let emulator: Emulator;

beforeAll(async () => {
  emulator = await createEmulator({
    service: 'github',
    port: await freePort(),
    seed: {
      tokens: { [token]: { login: 'owner', scopes: ['admin:org'] } },
      github: {
        users: ['owner', 'alice-gh', 'bob-gh', 'carol-gh'].map((login) => ({ login })),
        orgs: [
          {
            login: 'acme',
            members: [{ login: 'owner', role: 'admin' }, { login: 'alice-gh' }, { login: 'bob-gh' }],
          },
        ],
      },
    },
  });
  await rest('/orgs/acme/teams', 'POST', { name: 'dba' });
  await rest('/orgs/acme/teams/dba/memberships/bob-gh', 'PUT', { role: 'member' });
});
afterAll(() => emulator?.close());

async function rest(at: string, method = 'GET', body?: object): Promise<unknown> {
  const response = await fetch(`${emulator.url}${at}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${at}: ${response.status} ${await response.text()}`);
  return response.json();
}
const members = async (): Promise<string[]> =>
  ((await rest('/orgs/acme/teams/dba/members')) as { login: string }[]).map(({ login }) => login);

const on = async (operation: 'grant' | 'revoke', name: 'preview' | 'run' | 'reconcile', args = ALICE) => {
  const config = {
    upstreams: { 'api.github.com': { baseUrl: emulator.url, addresses: ['127.0.0.0/8'] } },
    credentials: { get: async (which: string) => (which === 'github-org' ? `Bearer ${token}` : null) },
  };
  return (await call(config, githubTeams.operations[operation]!, name, { args, settings: SETTINGS })).value;
};

it('access is given for a time, found again, and taken back', async () => {
  expect(await on('grant', 'preview')).toMatchObject({
    summary: 'Make alice a member of dba on GitHub for 8 hours.',
    pinned: { membership: 'none' },
  });
  expect(await on('grant', 'reconcile')).toEqual({ kind: 'cannot_tell' });
  const given = await on('grant', 'run');
  expect(given).toMatchObject({ kind: 'done', result: { data: { person: 'alice', team: 'dba' } } });
  expect(await members()).toContain('alice-gh');
  expect(await on('grant', 'reconcile')).toEqual({ kind: 'happened', outcome: given });
  expect(await on('revoke', 'preview')).toMatchObject({
    facts: expect.arrayContaining([{ label: 'Now', value: 'is in it as member' }]),
  });
  expect(await on('revoke', 'run')).toMatchObject({ kind: 'done' });
  expect(await members()).not.toContain('alice-gh');
  expect(await on('revoke', 'reconcile')).toMatchObject({ kind: 'happened' });
});

it('access that is gone already is taken back without a word of trouble', async () => {
  expect(await on('revoke', 'run')).toMatchObject({ kind: 'done' });
});

it.each([
  ['to whoever has it for good', { ...ALICE, person: 'bob' }, 'bob is in dba already.'],
  [
    'to whoever is not in the organisation',
    { ...ALICE, person: 'carol' },
    'is not a member of acme on GitHub',
  ],
  [
    'in a team that is not there',
    { ...ALICE, team: 'gone' },
    'GitHub has no such organisation, team or member',
  ],
])('access is refused %s', async (_what, args, words) => {
  expect(await on('grant', 'preview', args)).toEqual({ refused: expect.stringContaining(words) });
});
