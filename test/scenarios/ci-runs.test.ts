import { describe, expect, it } from 'vitest';
import { LEVELS, useAssistant } from '../support/assistant.ts';

/** Never whole in this file: a look-alike is put together when it runs. */
const SECRET = ['ghp', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'].join('_');
const JOBS = `jobs:
  checks: {title: Checks, repositories: [web], environment: test, command: [sh, -c, "echo all is well"]}
  leaky: {title: Leaky, repositories: [web], environment: test, command: [sh, -c, 'echo "token ghp""_${SECRET.slice(4)}"; exit 3']}
  endless: {title: Endless, repositories: [web], environment: test, command: [sh, -c, "echo begun; sleep 3000"], limits: {seconds: 3000}}
`;

describe.each(LEVELS)('a run of CI that is there, at $level', ({ level, skip }) => {
  describe.skipIf(skip)('from words to proof', () => {
    const house = useAssistant({ level, jobs: JOBS });
    const trigger = async (job: string) => {
      const { submit, done } = house();
      const asked = (await submit('alice', 'ci.trigger', { repo: 'web', ref: 'main', job })).requests[0]!;
      await done('bob', asked, 'approve');
      return asked;
    };
    const dataOf = (request: { result?: { data?: unknown } | undefined }) =>
      (request.result?.data ?? {}) as { run: string; commit: string };
    const runOf = (request: Parameters<typeof dataOf>[0]): string => dataOf(request).run;

    it('is stopped by one typed line of an engineer, and whoever started it is told for whom', async () => {
      const { ask, until, eventually, assistant, database } = house();
      const going = await trigger('endless');
      await eventually(async () => {
        const page = await assistant.requestPage(going.id, 'alice' as never);
        return page?.message.card?.output?.includes('begun');
      }, 'the job prints');
      const [row] = await database.owner.query<{ number: string }>(
        "select number from ci_runs where job = 'endless'",
      );
      const asked = await ask('bob', `ci cancel run=R-${row?.number}`);
      expect(asked.resource).toMatchObject({ type: 'Job', attributes: { environment: 'production' } });
      const stopped = await until(asked, 'succeeded');
      expect(stopped.result?.message).toBe(`endless of web (R-${row?.number}) was stopped.`);
      const ended = await until(going, 'failed');
      expect(ended.result).toMatchObject({
        code: 'cancelled',
        message: expect.stringMatching(/was stopped for bob \(Bob Brown\)/),
      });
      const refused = await ask('dave', `ci cancel run=R-${row?.number}`);
      expect(refused).toMatchObject({ state: 'denied', result: { code: 'no_permit' } });
    });

    it('runs again as its own job asks for, or as production does where nobody says which it is', async () => {
      const { ask, done, until } = house();
      const first = await until(await trigger('checks'), 'succeeded');
      const run = runOf(first);
      const unnamed = await ask('alice', `ci rerun run=${run}`);
      expect(unnamed).toMatchObject({
        risk: 'high',
        needs: [{ kind: 'approve', group: 'oncall', count: 2 }],
      });
      const wrong = await ask('alice', `ci rerun run=${run} repo=web job=leaky`);
      expect(wrong).toMatchObject({
        state: 'failed',
        result: {
          message: expect.stringContaining(`${run} is a run of checks of web, not of what you named`),
        },
      });
      const named = await ask('alice', `ci rerun run=${run} repo=web job=checks`);
      expect(named).toMatchObject({
        risk: 'medium',
        needs: [{ kind: 'approve', group: 'oncall', count: 1 }],
      });
      await done('carol', named, 'approve');
      const again = await until(named, 'succeeded');
      expect(runOf(again)).not.toBe(run);
      expect(dataOf(again).commit).toBe(dataOf(first).commit);
    });

    it('shows its output to engineers alone, without the secrets that it printed', async () => {
      const { ask, until, database } = house();
      const failed = await until(await trigger('leaky'), 'failed');
      expect(JSON.stringify(failed)).not.toContain(SECRET);
      const read = await until(await ask('alice', `logs of run ${runOf(failed)}`), 'succeeded');
      expect(read.action).toBe('ci.logs');
      expect(read.result?.output).toMatch(/token \[masked: /);
      expect(JSON.stringify(read)).not.toContain(SECRET);
      expect(await ask('dave', `ci logs run=${runOf(failed)}`)).toMatchObject({ state: 'denied' });
      const kept = await database.owner.query('select 1 from requests where result::text like $1', [
        `%${SECRET}%`,
      ]);
      expect(kept).toEqual([]);
    });

    it.each([
      ['run R-1 again', 'ci.rerun'],
      ['stop run R-1', 'ci.cancel'],
      ['why did run R-1 fail', 'ci.logs'],
    ])('is meant by the words "%s"', async (words, action) => {
      expect(await house().ask('alice', words)).toMatchObject({ action, arguments: { run: 'R-1' } });
    });
  });
});
