import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { switchOn } from '../../src/intake/killswitch.ts';
import { holdAt, LEVELS, runCommand, settles, useAssistant } from '../support/assistant.ts';
import { erin } from '../support/core.ts';

/** As shipped, and one that would go on for an hour. */
const JOBS = `jobs:
  checks: {title: Checks, repositories: [web], environment: test, command: [sh, checks]}
  endless: {title: Endless, repositories: [web], environment: test, command: [sh, -c, "echo begun; sleep 3000"], limits: {seconds: 3000}}
`;

describe.each(LEVELS)('the kill switch from a second process, at $level', ({ level, skip }) => {
  describe.skipIf(skip)('holds everywhere', () => {
    const house = useAssistant({ level, jobs: JOBS });
    const switchTo = (to: 'on' | 'off', ...scope: string[]) =>
      runCommand(house().home, house().database, 'kill', to, ...scope, '--reason', 'an exercise');

    it('voids what is pending, says so on its card, and refuses what is asked next', async () => {
      const { assistant, ask, done, until, story, decide } = house();
      const asked = await ask('alice', 'run the checks of web on main');
      await done('alice', asked, 'confirm');

      expect(await switchTo('on')).toMatchObject({
        exit: 0,
        out: expect.stringContaining('1 pending request'),
      });
      const voided = await until(asked, 'cancelled');
      expect(voided.result).toMatchObject({
        code: 'kill_switch',
        message: expect.stringContaining('exercise'),
      });
      const page = (await assistant.requestPage(asked.id, 'alice' as never))!;
      expect(page.message.card?.outcome?.text).toContain('an exercise');
      expect(page.message.card?.buttons).toEqual([]);
      const approvers = await assistant.requestPage(asked.id, 'bob' as never);
      expect(approvers?.message.card?.outcome?.text, 'who was asked reads why').toContain('an exercise');
      expect(approvers?.message.card?.buttons).toEqual([]);
      expect(await assistant.requestPage(asked.id, 'dave' as never), 'and nobody else').toBeNull();
      expect((await decide('bob', asked, 'approve')).kind).toBe('refused');
      const said = await house().say('alice', 'the door squeaks, please open a ticket');
      expect(said).toMatchObject({ requests: [], reply: expect.stringContaining('switched off') });
      expect((await house().submit('alice', 'ticket.create', { title: 'By form' })).requests).toMatchObject([
        { state: 'denied', result: { code: 'kill_switch' } },
      ]);
      expect((await story(asked)).slice(-2)).toEqual(['request.cancelled', 'approval.refused']);

      expect(await switchTo('off')).toMatchObject({ exit: 0 });
      expect((await ask('alice', 'the door squeaks, please open a ticket')).state).toBe('pending');
    });

    it('stops a job that is running in the built-in runner, and nothing that it does not cover', async () => {
      const { done, until, eventually, assistant, submit, story } = house();
      const running = async () => {
        const job = { repo: 'web', ref: 'main', job: 'endless' };
        const asked = (await submit('alice', 'ci.trigger', job)).requests[0]!;
        await done('bob', asked, 'approve');
        await eventually(async () => {
          const page = await assistant.requestPage(asked.id, 'alice' as never);
          return page?.message.card?.output?.includes('begun');
        }, 'the job prints');
        return asked;
      };
      const asked = await running();
      expect(await switchTo('on', '--action', 'ticket.create')).toMatchObject({ exit: 0 });
      expect((await house().view(asked.id)).state).toBe('executing');
      expect(await switchTo('on', '--principal', 'alice')).toMatchObject({ exit: 0 });
      const ended = await until(asked, 'failed');
      expect(ended.result).toMatchObject({
        code: 'kill_switch',
        message: expect.stringContaining('stopped by the kill switch'),
        output: 'begun\n',
      });
      expect((await story(asked)).at(-1)).toBe('reply.sent');
      await switchTo('off', '--principal', 'alice');
      await switchTo('off', '--action', 'ticket.create');

      const again = await running();
      expect(await switchTo('on')).toMatchObject({ exit: 0 });
      expect((await until(again, 'failed')).result).toMatchObject({ code: 'kill_switch' });
      await switchTo('off');
    });

    it('stops an execution between its claim and its first write', async () => {
      const { ask, done, database, running, tickets, until, story } = house();
      const asked = await ask('alice', 'the heating knocks, please open a ticket');
      const claim = await holdAt(database, {
        table: 'requests',
        on: 'update',
        when: "new.state = 'executing' and old.state = 'approved'",
      });
      await done('alice', asked, 'confirm');
      await claim.reached();
      // Queued behind the claim, so that it has the row before the broker commits the intent of a write.
      const row = new pg.Client({ connectionString: database.ownerUrl });
      // The database goes with the test, and a failed test leaves it connected.
      row.on('error', () => undefined);
      await row.connect();
      await row.query('begin');
      const locked = row.query('select state from requests where id = $1 for update', [asked.id]);
      await settles(
        async () =>
          (
            await database.owner.query(
              "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like 'select state from requests%'",
            )
          ).length > 0,
        'the test stands behind the claim',
      );
      await claim.release();
      expect((await locked).rows).toEqual([{ state: 'executing' }]);

      // As the command does it, without its start: on a busy machine that takes longer than a write waits for its row.
      const switching = { db: database.db, audit: running.house.audit, afterVoid: async () => undefined };
      const scope = { action: 'ticket.create', principal: null, connector: null };
      await switchOn(switching, scope, { name: erin, principal: erin }, 'an exercise');
      await row.query('rollback');
      await row.end();
      await claim.remove();

      const ended = await until(asked, 'failed');
      expect(ended.result).toMatchObject({ code: 'kill_switch' });
      expect((await tickets()).map((ticket) => ticket.title)).not.toContain('the heating knocks');
      expect(await database.owner.query('select 1 from intents where request = $1', [asked.id])).toEqual([]);
      expect(await story(asked)).toContain('egress.refused');

      // Another action is not covered.
      expect((await ask('alice', 'run the checks of web on main')).state).toBe('pending');
      await switchTo('off', '--action', 'ticket.create');
    });
  });
});
