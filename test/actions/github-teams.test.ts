/** Membership for a time in a pretended organisation, every call through the real broker. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { githubTeams } from '../../actions/connectors/github-teams.ts';
import { COVERAGE } from '../support/github-teams/coverage.ts';
import { FakeGitHubTeams, ROUTES, SAID } from '../support/github-teams/fake-github-teams.ts';
import { call } from './through-broker.ts';

const SETTINGS = githubTeams.settings.parse({
  org: 'acme',
  logins: { alice: 'alice-gh', bob: 'bob-gh', carol: 'carol-gh' },
  teams: { dba: { slug: 'dba', title: 'Database administrators' }, gone: { slug: 'gone', title: 'Gone' } },
});
const ALICE = { person: 'alice', team: 'dba', hours: 8 };

let fake: FakeGitHubTeams;
beforeAll(async () => {
  fake = await FakeGitHubTeams.start(`gh-${crypto.randomUUID()}`);
});
beforeEach(() => fake.teams.set('dba', new Set(['bob-gh'])));
afterAll(() => fake.stop());

const on = async (
  operation: 'grant' | 'revoke',
  name: 'preview' | 'run' | 'reconcile',
  args: typeof ALICE,
) => {
  const config = {
    upstreams: { 'api.github.com': { baseUrl: fake.wire.baseUrl, addresses: ['127.0.0.0/8'] } },
    credentials: { get: async (name: string) => (name === 'github-org' ? `Bearer ${fake.token}` : null) },
  };
  return (await call(config, githubTeams.operations[operation]!, name, { args, settings: SETTINGS })).value;
};

describe('access', () => {
  it('is previewed with whom it is about, and with its end', async () => {
    expect(await on('grant', 'preview', ALICE)).toEqual({
      summary: 'Make alice a member of dba on GitHub for 8 hours.',
      facts: [
        { label: 'Team', value: 'Database administrators (acme/dba, 1 members)' },
        { label: 'Person', value: 'alice, on GitHub alice-gh' },
        { label: 'Ends', value: 'taken back by itself 8 hours after it was given' },
      ],
      pinned: { membership: 'none' },
    });
  });

  it('is given, and taken back', async () => {
    expect(await on('grant', 'reconcile', ALICE)).toEqual({ kind: 'cannot_tell' });
    const given = await on('grant', 'run', ALICE);
    expect(given).toMatchObject({ kind: 'done', result: { link: 'https://github.com/orgs/acme/teams/dba' } });
    expect([...fake.teams.get('dba')!]).toContain('alice-gh');
    expect(await on('grant', 'reconcile', ALICE)).toEqual({ kind: 'happened', outcome: given });
    expect(await on('revoke', 'run', ALICE)).toMatchObject({ kind: 'done' });
    expect([...fake.teams.get('dba')!]).toEqual(['bob-gh']);
  });

  it('that is gone already is taken back without a word of trouble', async () => {
    expect(await on('revoke', 'preview', ALICE)).toMatchObject({
      facts: expect.arrayContaining([{ label: 'Now', value: 'is not in it any more' }]),
    });
    expect(await on('revoke', 'run', ALICE)).toMatchObject({ kind: 'done' });
  });

  it.each([
    [
      'to whoever has it for good: its end would take that too',
      { ...ALICE, person: 'bob' },
      'is in dba already',
    ],
    ['to whoever is not in the organisation', { ...ALICE, person: 'carol' }, 'not a member of acme'],
    ['to whoever has no name there', { ...ALICE, person: 'dave' }, 'no name on GitHub is known'],
    ['to a team that nobody named', { ...ALICE, team: 'constructor' }, 'no team called constructor'],
    ['to a team that GitHub does not have', { ...ALICE, team: 'gone' }, 'GitHub has no such organisation'],
  ])('is not given %s', async (_what, args, words) => {
    expect(await on('grant', 'preview', args)).toMatchObject({ refused: expect.stringContaining(words) });
  });

  it('is not given while GitHub does not say who is a member, and that is what is said', async () => {
    fake.wire.refuseNext(403);
    expect(await on('grant', 'preview', ALICE)).toEqual({
      refused: expect.stringContaining('takes no more calls from the assistant for now'),
    });
  });

  it('that became an invitation is not called given', async () => {
    expect(await on('grant', 'run', { ...ALICE, person: 'carol' })).toMatchObject({ kind: 'unclear' });
  });

  it.each([
    [401, 'upstream_unauthorized'],
    [403, 'rate_limited'],
    [422, 'upstream_rejected'],
  ])('says in our words what GitHub refuses: %i', async (status, code) => {
    fake.wire.refuseNext(status);
    const answer = await on('grant', 'run', ALICE);
    expect(answer).toMatchObject({ kind: 'failed', result: { code } });
    expect(JSON.stringify(answer)).not.toContain(SAID);
  });
});

it('the fake covers what it says that it covers', () => {
  expect(Object.keys(ROUTES).sort()).toEqual([...COVERAGE.routes]);
});
