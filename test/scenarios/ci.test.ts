import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { LEVELS, useAssistant } from '../support/assistant.ts';

/** The sample's jobs, in milliseconds instead of seconds. */
const JOBS = `
jobs:
  checks:
    title: Checks of the project
    repositories: [web]
    environment: test
    command: [sh, quick, checks]
    limits: {seconds: 20, memoryMb: 128, outputKb: 256, processes: 16, scratchMb: 32}
  broken:
    title: Checks that fail
    repositories: [web]
    environment: test
    command: [sh, quick, broken]
    limits: {seconds: 20, memoryMb: 128, outputKb: 256, processes: 16, scratchMb: 32}
  release:
    title: Release to production
    repositories: [web]
    environment: production
    command: [sh, quick, release]
    limits: {seconds: 20, memoryMb: 128, outputKb: 256, processes: 16, scratchMb: 32}
`;
const QUICK = 'echo "this is $1"\n[ "$1" != broken ] || exit 3\n';

const UNTIL_IT_RUNS = [
  'turn.received',
  'egress.called',
  'proposal.made',
  'decision.made',
  'reply.sent',
  'request.confirmed',
  'approval.asked',
  'approval.given',
];
const UNTIL_IT_HAS_RUN = [
  'egress.called',
  'execution.started',
  'egress.called',
  'execution.finished',
  'reply.sent',
];

describe.each(LEVELS)('a CI job at $level', ({ level, skip }) => {
  describe.skipIf(skip)('from words to proof', () => {
    const house = useAssistant({ level, jobs: JOBS, files: { quick: QUICK } });

    it('runs once its requester has confirmed and somebody on call has approved', async () => {
      const { assistant, ask, done, until, story, entries, database } = house();
      const asked = await ask('alice', 'run the checks of web on main');
      expect(asked.needs).toEqual([
        { kind: 'confirm', count: 1, have: 0 },
        { kind: 'approve', group: 'oncall', count: 1, have: 0 },
      ]);
      const waiting = async (person: string) =>
        (await assistant.waitingFor(person as never)).map((message) => message.card?.request);
      expect(await waiting('bob')).not.toContain(asked.id);

      const confirmed = await done('alice', asked, 'confirm');
      expect(confirmed).toMatchObject({ state: 'pending', needs: [{ kind: 'approve', group: 'oncall' }] });
      expect(await waiting('bob')).toContain(asked.id);
      expect(await waiting('dave')).not.toContain(asked.id);
      await done('bob', asked, 'approve');
      const ended = await until(asked, 'succeeded');

      expect(ended.result).toMatchObject({ code: 'done', exitCode: 0 });
      expect(ended.approvals).toMatchObject([{ approver: 'bob' }]);
      const page = (await assistant.requestPage(asked.id, 'alice' as never))!;
      expect(page.message.card?.output).toContain('this is checks');
      expect(page.proof).toMatchObject({ verified: true });
      expect(await story(asked)).toEqual([...UNTIL_IT_RUNS, ...UNTIL_IT_HAS_RUN]);
      const started = (await entries(asked)).find((entry) => entry.type === 'execution.started');
      expect(started?.data).toMatchObject({ digest: asked.digest, approvals: ['bob'], level });
      const told = (await assistant.messages(page.message.thread, 'alice' as never))!.map((it) => it.text);
      expect(told).toContainEqual(expect.stringContaining('Bob Brown approved'));
      const runs = await database.owner.query('select 1 from ci_runs where state = $1', ['done']);
      expect(runs).toHaveLength(1);
    });

    it('that ends with another code than 0 has failed, with its output', async () => {
      const { ask, done, until } = house();
      const asked = await ask('alice', 'ci trigger repo=web ref=main job=broken');
      await done('bob', asked, 'approve');
      const ended = await until(asked, 'failed');
      expect(ended.result).toMatchObject({ code: 'exit_nonzero', exitCode: 3 });
      expect(ended.result?.output).toContain('this is broken');
    });

    it('to production runs only after two of those on call, never after one', async () => {
      const { ask, done, decide, until, story, database } = house();
      const asked = await ask('alice', 'run the release of web on main');
      await done('alice', asked, 'confirm');
      const one = await done('bob', asked, 'approve');
      expect(one).toMatchObject({
        state: 'pending',
        needs: [{ kind: 'approve', group: 'oncall', count: 2, have: 1 }],
      });
      const again = await decide('bob', asked, 'approve');
      expect(again.kind).toBe('conflict');
      expect(await database.owner.query("select 1 from ci_runs where job = 'release'")).toEqual([]);

      await done('carol', asked, 'approve');
      await until(asked, 'succeeded');
      expect(await story(asked)).toEqual([
        ...UNTIL_IT_RUNS,
        'approval.ignored',
        'approval.given',
        ...UNTIL_IT_HAS_RUN,
      ]);
    });

    it('does not run where the branch has moved since it was approved', async () => {
      const { ask, done, home, story } = house();
      const asked = await ask('alice', 'run the checks of web on main');
      await done('alice', asked, 'confirm');
      const git = (...args: string[]): string =>
        execFileSync('git', ['-C', home.file('web.git'), ...args], {
          encoding: 'utf8',
          env: {
            ...process.env,
            GIT_AUTHOR_NAME: 'Mallory',
            GIT_AUTHOR_EMAIL: 'mallory@example.com',
            GIT_COMMITTER_NAME: 'Mallory',
            GIT_COMMITTER_EMAIL: 'mallory@example.com',
          },
        }).trim();
      const before = git('rev-parse', 'main');
      git(
        'update-ref',
        'refs/heads/main',
        git('commit-tree', '-p', before, '-m', 'More', `${before}^{tree}`),
      );
      await done('bob', asked, 'approve');
      const { until } = house();
      const ended = await until(asked, 'denied');
      expect(ended.result).toMatchObject({ code: 'pinned_moved' });
      expect(await story(asked)).toEqual([...UNTIL_IT_RUNS, 'egress.called', 'decision.made']);
      git('update-ref', 'refs/heads/main', before);
    });
  });
});
