import { execFileSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PrincipalId, RequestId } from '../../src/model/ids.ts';
import type { RequestView } from '../../src/model/request.ts';
import { settles, useAssistant } from '../support/assistant.ts';
import { allowAWeek, hoursPass, passToNextStep, plannedStep } from './reach-support.ts';

/** Bob is on call, until carol takes over; whoever is next is erin, who may not approve, and then the group. */
const ROUTES = `
routes:
  - action: ci.trigger
    environment: test
    schedule: platform
    remind_after: 4h
    escalate_after: 12h
    escalate_to: [{ person: erin }, { group: oncall }]
on_call:
  schedules:
    platform:
      rotation: { people: [dave], starts: 2020-01-01T00:00:00Z, every: 7d }
      overrides: [{ people: [dave, bob], from: 2020-01-01T00:00:00Z, until: 2120-01-01T00:00:00Z }]
    night: { rotation: { people: [carol], starts: 2020-01-01T00:00:00Z, every: 9999d } }
`;

const GIT = {
  ...process.env,
  GIT_AUTHOR_NAME: 'Mallory',
  GIT_AUTHOR_EMAIL: 'mallory@example.com',
  GIT_COMMITTER_NAME: 'Mallory',
  GIT_COMMITTER_EMAIL: 'mallory@example.com',
};

describe('a request that nobody decides', () => {
  const house = useAssistant({ extra: ROUTES });

  beforeAll(() => allowAWeek(house()));

  const checks = async (): Promise<RequestView> => {
    const { ask, done } = house();
    return done('alice', await ask('alice', 'run the checks of web on main'), 'confirm');
  };
  const asked = (request: { id: string }) =>
    house()
      .database.owner.query<{ person: string }>(
        'select person from reached where request = $1 and not handed_over order by person',
        [request.id],
      )
      .then((rows) => rows.map((row) => row.person));
  const named = (request: { id: string }, ...people: string[]) =>
    settles(async () => (await asked(request)).join() === people.join(), `${people.join()} are asked`);
  /** To whom this person's card offers to hand it over; their button is there exactly where that is somebody. */
  const offered = async (person: string, { id }: { id: string }): Promise<string[]> => {
    const { assistant } = house().running;
    const found = await assistant.takers(id as RequestId, person as PrincipalId);
    const page = await assistant.requestPage(id as RequestId, person as PrincipalId);
    expect(page?.message.card?.offers?.includes('hand_over') ?? false).toBe(found !== null);
    return found?.people.map((it) => it.id) ?? [];
  };
  const waiting = (request: { id: string }) => plannedStep(house().database.owner, request);
  const nextStep = (request: { id: string }) => passToNextStep(house().database.owner, request);

  it('is put to who is on call and may approve, then to the next, and runs when they approve', async () => {
    const { until, entries, done, view } = house();
    const request = await checks();
    // Dave stands first in the schedule and may not approve.
    await named(request, 'bob');
    expect(await waiting(request)).toMatchObject({ hours: 4, step: 0 });

    expect([await nextStep(request), await nextStep(request)]).toEqual([4, 4]);
    expect(await asked(request)).toEqual(['bob']);
    // Erin may not approve either: the escalation goes on to the group at once.
    expect(await nextStep(request)).toBe(4);
    expect(await asked(request)).toEqual(['bob', 'carol']);
    expect((await view(request.id)).state).toBe('pending');

    await done('carol', request, 'approve');
    await until(request, 'succeeded');
    const log = await entries(request);
    const escalated = log.filter((entry) => entry.type === 'approval.escalated');
    expect(escalated).toMatchObject([
      { data: { target: 'group:oncall', to: ['carol'], digest: request.digest } },
    ]);
    expect(escalated[0]).not.toHaveProperty('principal');
  });

  it('is left alone once it is decided: its next step finds nothing to do', async () => {
    const { done, story } = house();
    const request = await checks();
    await named(request, 'bob');
    await done('bob', request, 'deny', { reason: 'not today' });
    const job = (await waiting(request))!;
    await hoursPass(house().database.owner, request, job.hours);
    await settles(
      async () =>
        (await house().database.owner.maybe(
          `select 1 from pgboss.job where id = $1 and state = 'completed'`,
          [job.id],
        )) !== null,
      'the job ends',
    );
    expect(await asked(request)).toEqual(['bob']);
    expect(await waiting(request)).toBeNull();
    expect(await story(request)).not.toContain('approval.escalated');
  });

  it('is handed over by who is asked, to who may approve, and to nobody else', async () => {
    const { say, done, until, entries } = house();
    const request = await checks();
    await named(request, 'bob');
    const hand = async (from: string, to: string) =>
      (await say(from, `delegate ${request.id.slice(0, 8)} to ${to}`)).reply;

    expect(await hand('alice', 'carol')).toMatch(/You asked for this yourself/);
    // A beginning tells nobody of what is none of theirs; a whole id is refused, on the record.
    expect(await hand('dave', 'carol')).toMatch(/no request of that id/);
    expect((await say('dave', `delegate ${request.id} to carol`)).reply).toMatch(/No rule lets Dave Davis/);
    expect(await hand('carol', 'bob')).toMatch(/You are not asked about this one/);
    expect(await hand('bob', 'dave')).toMatch(/Dave Davis may not approve this/);
    expect(await hand('bob', 'alice')).toMatch(/Alice Adams may not approve this/);
    expect(await hand('bob', 'bob')).toMatch(/That is you/);
    expect(await hand('bob', 'somebody')).toMatch(/I know nobody of that name/);
    expect(await asked(request)).toEqual(['bob']);

    expect(await offered('bob', request)).toEqual(['carol']);
    expect(await offered('carol', request)).toEqual([]);
    expect(await offered('dave', request)).toEqual([]);

    expect(await hand('bob', 'Carol Clark')).toMatch(/Carol Clark is asked now/);
    expect(await offered('bob', request)).toEqual([]);
    expect(await offered('carol', request)).toEqual(['bob']);
    expect(await asked(request)).toEqual(['carol']);
    expect(await hand('bob', 'carol')).toMatch(/Carol Clark is asked already/);
    expect(await hand('bob', 'bob')).toMatch(/That is you/);
    expect(await asked(request)).toEqual(['carol']);
    // It was bob's: carol may give it back, and he may hand it over once more.
    expect(await hand('carol', 'bob')).toMatch(/Bob Brown is asked now/);
    expect(await hand('bob', 'carol')).toMatch(/Carol Clark is asked now/);
    expect(await asked(request)).toEqual(['carol']);

    await done('carol', request, 'approve');
    await until(request, 'succeeded');
    const log = await entries(request);
    expect(log.filter((entry) => entry.type === 'approval.delegated')).toMatchObject([
      { principal: 'bob', data: { to: 'carol', digest: request.digest } },
      { principal: 'carol', data: { to: 'bob' } },
      { principal: 'bob', data: { to: 'carol' } },
    ]);
    expect(
      log
        .filter((entry) => entry.type === 'approval.refused')
        .map((entry) => [entry.principal, entry.data?.decision]),
    ).toEqual([
      ['alice', 'delegate'],
      ['dave', 'delegate'],
      ['carol', 'delegate'],
    ]);
    expect(await hand('carol', 'bob')).toMatch(/no request of that id that waits/);
  });

  it('is handed over on its page as it stands there, by whose it is, and not otherwise', async () => {
    const { running, entries, done } = house();
    const request = await checks();
    await named(request, 'bob');
    const hand = (principal: string, to: string, digest = request.digest) =>
      running.assistant.handOver({
        request: request.id as RequestId,
        principal: principal as PrincipalId,
        digest,
        to,
      });
    expect(await hand('bob', 'carol', '0'.repeat(64))).toMatchObject({
      kind: 'ignored',
      words: expect.stringMatching(/out of date/),
    });
    expect(await hand('dave', 'carol')).toMatchObject({ kind: 'refused' });
    expect(await hand('nobody', 'carol')).toMatchObject({ kind: 'refused' });
    expect(await hand('bob', 'dave')).toMatchObject({ kind: 'ignored' });
    expect(await hand('bob', '')).toMatchObject({ kind: 'ignored' });
    expect(await asked(request)).toEqual(['bob']);
    expect(await hand('bob', 'carol')).toMatchObject({
      kind: 'done',
      words: expect.stringMatching(/^Carol Clark is asked now/),
    });
    expect(await asked(request)).toEqual(['carol']);
    const refused = (await entries(request)).filter((entry) => entry.type === 'approval.refused');
    expect(refused).toMatchObject([{ principal: 'dave', data: { decision: 'delegate' } }]);
    await done('carol', request, 'approve');
  });

  it('says who is on call', async () => {
    const { say } = house();
    const everything = (await say('dave', 'who is on call?')).reply;
    expect(everything).toBe('platform: Dave Davis, then Bob Brown\nnight: Carol Clark');
    expect((await say('dave', 'who is on call for night')).reply).toBe('night: Carol Clark');
    expect((await say('dave', 'who is on call for day')).reply).toMatch(/no on-call schedule "day"/);
  });

  it('is checked again by policy, people and pinned state of the moment when it is approved after a day and a half', async () => {
    const { done, decide, view, until, home, running } = house();
    const [kept, lost] = [await checks(), await checks()];
    for (const request of [kept, lost]) {
      await named(request, 'bob');
      await hoursPass(house().database.owner, request, 36);
    }
    home.edit('people.yaml', (text) =>
      text.replace('[employees, engineers, oncall]', '[employees, engineers]'),
    );
    await running.reload();
    // The first of the two in the file was bob: what he was asked for he may not approve any more.
    expect((await decide('bob', lost, 'approve')).kind).toBe('refused');
    await done('carol', kept, 'approve');
    await until(kept, 'succeeded');

    // Main has moved on while it waited.
    const moved = await checks();
    await hoursPass(house().database.owner, moved, 36);
    const git = (...args: string[]): string =>
      execFileSync('git', ['-C', home.file('web.git'), ...args], { encoding: 'utf8', env: GIT }).trim();
    const before = git('rev-parse', 'main');
    git('update-ref', 'refs/heads/main', git('commit-tree', '-p', before, '-m', 'More', `${before}^{tree}`));
    await done('carol', moved, 'approve');
    expect((await until(moved, 'denied')).result).toMatchObject({ code: 'pinned_moved' });

    home.edit('policies/ci.cedar', (text) =>
      text.replace(
        'Group::"engineers", action == Action::"ci.trigger"',
        'Group::"operators", action == Action::"ci.trigger"',
      ),
    );
    await running.reload();
    expect((await decide('carol', lost, 'approve')).kind).toBe('conflict');
    expect((await view(lost.id)).state).toBe('denied');
  });
});
