import { describe, expect, it } from 'vitest';
import { LEVELS, useAssistant } from '../support/assistant.ts';

const RUNBOOKS = `
runbooks:
  restart-web:
    title: Restart the web servers
    repository: web
    ref: main
    environment: staging
    command: [sh, restart]
    inputs:
      wave: {type: choice, title: Wave, choices: [first, all], default: first}
    limits: {seconds: 20, memoryMb: 128, outputKb: 256, processes: 16, scratchMb: 32}
  fail-over:
    title: Fail over
    repository: web
    ref: main
    environment: production
    command: [sh, restart]
`;
const RESTART = 'echo "restarting the $INPUT_WAVE wave"\n';

describe.each(LEVELS)('a runbook at $level', ({ level, skip }) => {
  describe.skipIf(skip)('from words to its end', () => {
    const house = useAssistant({
      level,
      files: { restart: RESTART, 'runbooks.yaml': RUNBOOKS },
      extra: 'runbooks: web/runbooks.yaml',
    });

    it('runs as it stood when it was approved, and shows what it printed', async () => {
      const { ask, done, until, entries } = house();
      const asked = await ask('alice', 'run the runbook restart-web');
      expect(asked).toMatchObject({ action: 'runbook.run', risk: 'medium' });
      const confirmed = await done('alice', asked, 'confirm');
      await done('bob', confirmed, 'approve');
      const ended = await until(asked, 'succeeded');
      expect(ended.result?.output).toContain('restarting the first wave');
      expect((await entries(asked)).map((entry) => entry.type)).toContain('execution.finished');
    });

    it('takes only inputs that it declares', async () => {
      const { say } = house();
      const said = await say('alice', 'runbook run runbook=restart-web inputs.wave=second');
      expect(said.requests).toMatchObject([{ state: 'failed' }]);
      expect(said.reply).toContain('wave');
    });

    it('needs two approvals in production, so that whoever is on call alone is told at once', async () => {
      const { say } = house();
      const said = await say('bob', 'runbook run runbook=fail-over');
      expect(said.requests).toMatchObject([{ state: 'denied', risk: 'high' }]);
    });

    it('that nobody described is refused as one of production, before anything is looked up', async () => {
      const { say } = house();
      const said = await say('alice', 'runbook run runbook=nonsense');
      expect(said.reply).toContain('There is no runbook called nonsense');
    });

    it('is no job of CI: neither triggered nor run again as one', async () => {
      const { ask, say, done, until } = house();
      const named = await say('alice', 'ci trigger repo=web ref=main job=restart-web');
      expect(named.reply).toContain('no job called restart-web');
      const asked = await ask('alice', 'runbook run runbook=restart-web');
      await done('carol', asked, 'approve');
      const { run } = (await until(asked, 'succeeded')).result!.data as { run: string };
      const again = await say('alice', `ci rerun run=${run}`);
      expect(again.requests).toMatchObject([{ state: 'failed' }]);
      expect(again.reply).toContain('has no job called runbook.restart-web');
    });
  });
});
