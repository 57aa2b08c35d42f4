/** Access for some hours: approved once, taken back by itself, whatever happens in between. */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PrincipalId } from '../../src/model/ids.ts';
import type { RequestView } from '../../src/model/request.ts';
import { settles, startAssistant, type TestAssistant } from '../support/assistant.ts';
import { useDatabase } from '../support/database.ts';
import { FakeGitHubTeams } from '../support/github-teams/fake-github-teams.ts';

describe('access for some hours', () => {
  const database = useDatabase();
  let github: FakeGitHubTeams;
  let house: TestAssistant;

  beforeAll(async () => {
    github = await FakeGitHubTeams.start(`gh-${crypto.randomUUID()}`);
    github.teams.set('dba', new Set());
    const lines = {
      connectors: {
        access: {
          use: 'github-teams',
          settings: {
            org: 'acme',
            logins: { alice: 'alice-gh' },
            teams: {
              dba: { slug: 'dba', title: 'Database administrators' },
              web: { slug: 'web', title: 'Web' },
            },
          },
        },
      },
      upstreams: { 'api.github.com': { base_url: github.wire.baseUrl, addresses: ['127.0.0.1/32'] } },
      credentials: { 'github-org': { scheme: 'bearer', host: 'api.github.com', env: 'ORG_TOKEN' } },
    };
    house = await startAssistant(database, {
      extra: Object.entries(lines)
        .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
        .join('\n'),
      environment: { LOCAL_MODE_WITH_CONNECTORS: '1', ORG_TOKEN: github.token },
    });
  });
  afterEach(async () => {
    github.teams.set('dba', new Set());
    github.recover();
    github.changes.splice(0);
    // What one story leaves open is not another's.
    await database.owner.query('update endings set ended_at = clock_timestamp() where ended_at is null');
  });
  afterAll(async () => {
    await house?.running.stop();
    house?.home.remove();
    await github?.stop();
  });

  async function given(): Promise<RequestView> {
    const asked = await house.ask('alice', 'access grant person=alice team=dba hours=8');
    expect(asked.needs, JSON.stringify(asked)).toMatchObject([{ kind: 'approve', group: 'oncall' }]);
    await house.done('bob', asked, 'approve');
    const ended = await house.until(asked, 'succeeded');
    expect([...github.teams.get('dba')!]).toEqual(['alice-gh']);
    return ended;
  }
  const due = (request: RequestView) =>
    database.owner.query(
      `update endings set due_at = clock_timestamp() - interval '1 second', next_at = clock_timestamp()
       where request = $1`,
      [request.id],
    );
  const ending = async (request: RequestView) =>
    database.owner.one<{ attempt: string | null; attempts: number; ended: boolean; hours: number }>(
      `select attempt, attempts, ended_at is not null as ended,
         round(extract(epoch from e.due_at - r.finished_at) / 3600)::int as hours
       from endings e join requests r on r.id = e.request where e.request = $1`,
      [request.id],
    );
  /** Pauses are minutes. */
  const lookNow = (request: RequestView) =>
    database.owner.query('update endings set next_at = clock_timestamp() where request = $1', [request.id]);
  const settled = (request: RequestView) =>
    settles(async () => (await ending(request)).ended, 'it is taken back and that is noted');

  it('is taken back when they are over, by a request that nobody has to approve again', async () => {
    const request = await given();
    expect(await ending(request)).toMatchObject({ attempt: null, ended: false, hours: 8 });
    await due(request);
    const attempt = await settles(async () => (await ending(request)).attempt, 'it is due');
    const taken = await house.until({ ...request, id: attempt as RequestView['id'] }, 'succeeded');
    expect(taken).toMatchObject({
      action: 'access.revoke',
      requester: 'alice',
      arguments: { person: 'alice', team: 'dba' },
      reasons: [`Its time is over: the end was approved with request ${request.id}.`],
    });
    expect(github.changes).toEqual(['PUT dba alice-gh', 'DELETE dba alice-gh']);
    const types = (await house.entries(taken)).filter((entry) => entry.request === taken.id);
    expect(types.map((entry) => entry.type)).toEqual(
      expect.arrayContaining([
        'proposal.made',
        'request.confirmed',
        'execution.started',
        'execution.finished',
      ]),
    );
    expect(types.find((entry) => entry.type === 'request.confirmed')?.data).toMatchObject({ by: 'ending' });
  });

  it('is not given to whoever was made a member for good meanwhile: its end would take that', async () => {
    const asked = await house.ask('alice', 'access grant person=alice team=dba hours=8');
    github.teams.get('dba')!.add('alice-gh');
    await house.done('bob', asked, 'approve');
    const stopped = await house.until(asked, 'denied');
    expect(stopped.result).toMatchObject({
      code: 'preview_failed',
      message: expect.stringContaining('alice is in dba already'),
    });
    expect(github.changes).toEqual([]);
    expect(await database.owner.query('select 1 from endings where request = $1', [asked.id])).toEqual([]);
  });

  it('is taken back though policy would let nobody ask for that any more', async () => {
    const request = await given();
    const file = 'policies/access.cedar';
    const before = readFileSync(house.home.file(file), 'utf8');
    house.home.edit(file, (text) => text.replaceAll('Group::"engineers"', 'Group::"operators"'));
    await house.running.reload();
    await due(request);
    await settled(request);
    expect([...github.teams.get('dba')!]).toEqual([]);
    house.home.edit(file, () => before);
    await house.running.reload();
  });

  it('is not taken back before its time, by nobody who claims that it is over', async () => {
    const request = await given();
    // A row that points at some request of the same action does not make it permitted.
    const early = await house.say('dave', 'access revoke person=alice team=dba');
    expect(early.requests).toMatchObject([{ state: 'denied' }]);
    await database.owner.query('update endings set attempt = $2 where request = $1', [
      request.id,
      early.requests[0]!.id,
    ]);
    expect([...github.teams.get('dba')!]).toEqual(['alice-gh']);
  });

  it('is not taken back in another system that has taken the place of its own', async () => {
    const request = await given();
    await database.owner.query("update requests set connector = 'another' where id = $1", [request.id]);
    await due(request);
    const isPutOff = async () =>
      (
        await database.owner.one<{ off: boolean }>(
          "select next_at > clock_timestamp() + interval '5 minutes' as off from endings where request = $1",
          [request.id],
        )
      ).off;
    await settles(isPutOff, 'a person is asked to take it back');
    expect(await ending(request)).toMatchObject({ attempt: null, ended: false });
    expect(github.changes).toEqual(['PUT dba alice-gh']);
  });

  it('is tried again after a failure, and operators hear of it', async () => {
    const request = await given();
    github.wire.refuseNext(401);
    await due(request);
    const first = await settles(async () => (await ending(request)).attempt, 'the first try');
    await house.until({ ...request, id: first as RequestView['id'] }, 'failed');
    await lookNow(request);
    await settles(async () => (await ending(request)).attempt === null, 'it is seen that it failed');
    await lookNow(request);
    await settled(request);
    expect(github.teams.get('dba')!.size).toBe(0);
    expect((await ending(request)).attempts).toBe(2);
  });

  it('ends when it is undone: what is given again since is not taken by the first end', async () => {
    const first = await given();
    const undo = await house.ask('alice', `undo ${first.id}`);
    await house.done('bob', undo, 'approve');
    await house.until(undo, 'succeeded');
    expect(await ending(first)).toMatchObject({ ended: true, attempt: null, attempts: 0 });
    const second = await given();
    expect(await ending(second)).toMatchObject({ ended: false, attempt: null });
  });

  it('ends when somebody else takes it back early, and nothing else ends with it', async () => {
    github.teams.set('web', new Set());
    const first = await given();
    const other = await house.ask('alice', 'access grant person=alice team=web hours=8');
    await house.done('bob', other, 'approve');
    await house.until(other, 'succeeded');
    const revoke = await house.ask('bob', 'access revoke person=alice team=dba');
    await house.done('carol', revoke, 'approve');
    await house.until(revoke, 'succeeded');
    expect(await ending(first)).toMatchObject({ ended: true, attempts: 0 });
    expect(await ending(other)).toMatchObject({ ended: false });
  });

  /** What cannot be looked for is looked for again for minutes, until a person is asked. */
  async function unknownAfterMinutes(request: Pick<RequestView, 'id'>) {
    const longAgo = "clock_timestamp() - interval '1 hour'";
    await settles(async () => {
      const shifted = await database.owner.query(
        `update requests set looks_failing_since = ${longAgo}, lease_until = ${longAgo}
         where id = $1 and looks_failed > 0 and state = 'executing' returning id`,
        [request.id],
      );
      return shifted.length > 0;
    }, 'it is looked for in vain');
    return house.until(request as RequestView, 'unknown');
  }

  /** The request that takes it back, once its time is over, where GitHub has answered both tries with 502. */
  async function unknownEnd(request: RequestView, trouble: { done: boolean; silent: boolean }) {
    github.trouble = trouble;
    await due(request);
    const attempt = await settles(async () => (await ending(request)).attempt, 'the first try');
    const made = { ...request, id: attempt as RequestView['id'] };
    const unknown = await (trouble.silent ? unknownAfterMinutes(made) : house.until(made, 'unknown'));
    github.recover();
    return unknown;
  }
  const offersTo = async (person: string, request: RequestView) =>
    (await house.assistant.requestPage(request.id, person as PrincipalId))?.message.card?.offers;

  it('is tried again where nobody knows whether it was taken back, and operators hear of it', async () => {
    const request = await given();
    const unknown = await unknownEnd(request, { done: false, silent: false });
    expect([...github.teams.get('dba')!]).toEqual(['alice-gh']);
    await lookNow(request);
    await settles(async () => (await ending(request)).attempt === null, 'it is seen that nobody knows');
    const alerts = (await house.entries(request)).filter(({ type }) => type === 'alert.raised');
    expect(alerts).toMatchObject([
      { request: request.id, data: { code: 'not_taken_back', attempt: unknown.id, state: 'unknown' } },
    ]);
    await lookNow(request);
    await settled(request);
    expect([...github.teams.get('dba')!]).toEqual([]);
    expect((await ending(request)).attempts).toBe(2);
  });

  it('is not called taken back by whoever was given it', async () => {
    const request = await given();
    const unknown = await unknownEnd(request, { done: false, silent: false });
    expect(await offersTo('alice', unknown)).toEqual(['report']);
    expect(await offersTo('bob', unknown)).toContain('happened');
    const told = await database.owner.query<{ text: string }>(
      'select m.text from messages m join requests r on r.turn = m.turn where r.id = $1 order by serial desc limit 1',
      [unknown.id],
    );
    expect(told[0]?.text).toMatch(/Somebody who may approve it, or an operator, says what became of it\.$/);
    const stranger = await house.say('dave', `resolve ${unknown.id.slice(0, 8)} succeeded`);
    expect(stranger.reply).toBe('There is no request of that id whose outcome is unknown.');
    const said = await house.say('alice', `resolve ${unknown.id} succeeded`);
    expect(said.reply).toMatch(/^What is given for a time: only somebody who may approve it/);
    expect((await house.view(unknown.id)).state).toBe('unknown');
    expect((await ending(request)).ended).toBe(false);
  });

  it.each(['bob', 'erin'])(
    'is taken back once more where %s says that it was: that word ends nothing',
    async (person) => {
      const request = await given();
      const unknown = await unknownEnd(request, { done: false, silent: false });
      await house.say(person, `resolve ${unknown.id.slice(0, 8)} succeeded`);
      expect((await house.view(unknown.id)).state).toBe('succeeded');
      await settled(request);
      expect(github.changes).toEqual(['PUT dba alice-gh', 'DELETE dba alice-gh']);
      expect((await ending(request)).attempts).toBe(2);
    },
  );

  it('is taken back where somebody says that it was never given, which whoever asked may not say', async () => {
    github.trouble = { done: true, silent: true };
    const asked = await house.ask('alice', 'access grant person=alice team=dba hours=8');
    await house.done('bob', asked, 'approve');
    await unknownAfterMinutes(asked);
    github.recover();
    expect([...github.teams.get('dba')!]).toEqual(['alice-gh']);
    await house.say('alice', `resolve ${asked.id} failed`);
    expect((await house.view(asked.id)).state).toBe('unknown');
    expect(await ending(asked)).toMatchObject({ ended: false, attempts: 0 });
    await house.say('bob', `resolve ${asked.id} failed`);
    await settled(asked);
    expect([...github.teams.get('dba')!]).toEqual([]);
    const [made] = await database.owner.query<{ reasons: string[] }>(
      "select reasons from requests where action = 'access.revoke' order by created_at desc limit 1",
      [],
    );
    expect(made?.reasons[0]).toContain('taking it back makes sure');
  });

  it('that was given again is not taken by the end of the first, though nobody knew how that went', async () => {
    const first = await given();
    const unknown = await unknownEnd(first, { done: true, silent: true });
    expect([...github.teams.get('dba')!]).toEqual([]);
    const second = await given();
    expect(await ending(first)).toMatchObject({ ended: true });
    await house.say('bob', `resolve ${unknown.id} succeeded`);
    expect(await ending(second)).toMatchObject({ ended: false, attempt: null, attempts: 0 });
    expect([...github.teams.get('dba')!]).toEqual(['alice-gh']);
  });

  it.each(['not begun', 'said to be taken back'])(
    'that was given again stays, where an older release left its first end open, %s',
    async (left) => {
      const first = await given();
      const undo = await house.ask('alice', `undo ${first.id}`);
      await house.done('bob', undo, 'approve');
      await house.until(undo, 'succeeded');
      const second = await given();
      const attempt = left === 'not begun' ? null : undo.id;
      await database.owner.query('update endings set ended_at = null, attempt = $2 where request = $1', [
        first.id,
        attempt,
      ]);
      await due(first);
      await settled(first);
      expect([...github.teams.get('dba')!]).toEqual(['alice-gh']);
      expect(await ending(second)).toMatchObject({ ended: false, attempt: null, attempts: 0 });
    },
  );

  it('that somebody else took back early by their own word is taken back at once, and then it ends', async () => {
    const request = await given();
    github.trouble = { done: false, silent: false };
    const revoke = await house.ask('bob', 'access revoke person=alice team=dba');
    await house.done('carol', revoke, 'approve');
    await house.until(revoke, 'unknown');
    github.recover();
    await house.say('bob', `resolve ${revoke.id} succeeded`);
    expect((await house.view(revoke.id)).state).toBe('unknown');
    await house.say('carol', `resolve ${revoke.id} succeeded`);
    await settled(request);
    expect([...github.teams.get('dba')!]).toEqual([]);
  });

  it('stays while the kill switch is on, and goes when it is off again', async () => {
    const request = await given();
    await house.say('erin', 'kill on connector=github-teams reason=drill');
    await due(request);
    const attempt = await settles(async () => (await ending(request)).attempt, 'the first try');
    const stopped = await house.until({ ...request, id: attempt as RequestView['id'] }, 'cancelled');
    expect(stopped.result?.code).toBe('kill_switch');
    expect([...github.teams.get('dba')!]).toEqual(['alice-gh']);
    await house.say('erin', 'kill off connector=github-teams reason=over');
    await lookNow(request);
    await settles(async () => (await ending(request)).attempt === null, 'it is seen that it was stopped');
    await lookNow(request);
    await settled(request);
    expect(github.teams.get('dba')!.size).toBe(0);
  });
});
