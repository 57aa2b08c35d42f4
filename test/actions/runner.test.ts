import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations } from '../../actions/connectors/runner.operations.ts';
import { runner as connector } from '../../actions/connectors/runner.ts';
import { gitEnvironment } from '../../actions/systems/git.ts';
import { parseJobs, runnerSettings } from '../../actions/systems/jobs.ts';
import type { RunObstacle } from '../../actions/systems/run-work.ts';
import { createRunner, type Runner } from '../../actions/systems/runner.ts';
import { makeSampleRepository } from '../../actions/systems/sample-repository.ts';
import type { Look } from '../../src/action.ts';
import { runJob } from '../../src/execution/sandbox/job.ts';
import type { Json } from '../../src/model/request.ts';
import { useDatabase } from '../support/database.ts';
import { ciContract } from './ci-contract.ts';
import { call } from './through-broker.ts';

const FILES = fileURLToPath(new URL('../../samples/web', import.meta.url));
const JOBS = parseJobs(
  `jobs:
  checks: {title: Checks, repositories: [web], environment: test, command: [sh, checks]}
  fails: {title: Fails, repositories: [web], environment: test, command: [sh, -c, "echo before; exit 3"]}
  slow: {title: Slow, repositories: [web], environment: test, command: [sleep, "60"], limits: {seconds: 1}}
  endless: {title: Endless, repositories: [web], environment: test, command: [sh, -c, "echo begun; sleep 600"], limits: {seconds: 900}}
  talks: {title: Talks, repositories: [web], environment: test, command: [sh, -c, "head -c 800000 /dev/zero | tr '\\\\0' x"]}
  says:
    title: Says
    repositories: [web]
    environment: production
    command: [sh, -c, 'echo "<$INPUT_WORD>"']
    inputs: {word: {type: text, title: Word, pattern: "[a-z]+", default: hello}}
`,
  'jobs.yaml',
);

const database = useDatabase();
let folder = '';
let repository = '';
let sent: string[] = [];
let runner: Runner;
/** What stands against every run, as the assistant would say it. */
/** At which level runs were asked about. */
const asked: unknown[] = [];
let obstacle: RunObstacle | null | 'unreadable' = null;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'runner-'));
  repository = await makeSampleRepository(FILES, join(folder, 'web.git'));
  runner = createRunner({
    db: database.db,
    send: async (_tx, run) => void sent.push(run),
    jobs: JOBS,
    repositories: { web: repository },
    runJob: (job) => runJob({ ...job, level: 'kernel-lite' }),
    levelOf: async () => 'kernel-lite',
    obstacle: async ({ level }) => {
      asked.push(level);
      if (obstacle === 'unreadable') throw new Error('the switches cannot be read');
      return obstacle;
    },
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const through = () => ({ builtIns: { 'runner.internal': runner.host } });
const fresh = () => ({ mark: crypto.randomUUID(), key: crypto.randomUUID() });
const CHECKS = { repo: 'web', ref: 'main', job: 'checks' };

async function preview(args: Record<string, Json>) {
  return (await call(through(), operations.trigger, 'preview', { args })).value;
}

async function start(args: Record<string, Json>, given = fresh()) {
  const seen = await preview(args);
  if ('refused' in seen) throw new Error(seen.refused);
  const { value } = await call(through(), operations.trigger, 'run', { args, pinned: seen.pinned, ...given });
  return value;
}

async function follow(handle: Record<string, Json>): Promise<Look> {
  return (await call(through(), operations.trigger, 'follow', { handle })).value;
}

/** Starts a job and works on it, as the queue would; answers the last look. */
async function runToItsEnd(args: Record<string, Json>, signal = new AbortController().signal): Promise<Look> {
  sent = [];
  const started = await start(args);
  if (started.kind !== 'running') throw new Error(JSON.stringify(started));
  await runner.work(sent[0] ?? '', signal);
  return follow(started.handle);
}

describe('a preview', () => {
  it('pins the moving ref to a commit and shows what would run', async () => {
    const seen = await preview(CHECKS);
    expect(seen).toMatchObject({ pinned: { commit: expect.stringMatching(/^[0-9a-f]{40}$/) } });
    const labels = 'facts' in seen ? seen.facts.map((fact) => fact.label) : [];
    expect(labels).toEqual(['Job', 'Repository', 'Commit', 'Environment', 'Command', 'Limits']);
  });

  it.each([
    [{ ...CHECKS, repo: 'wbe' }, 'There is no repository called wbe.'],
    [
      { ...CHECKS, job: 'deploy' },
      'web has no job called deploy; it has checks, fails, slow, endless, talks, says.',
    ],
    [{ ...CHECKS, ref: 'mian' }, 'web has no branch, tag or commit called mian.'],
    [{ ...CHECKS, ref: 'main@{1}' }, 'web has no branch, tag or commit called main@{1}.'],
    [
      { ...CHECKS, job: 'says', inputs: { word: 'NO' } },
      'The input word does not have the form that the job asks for.',
    ],
    [{ ...CHECKS, inputs: { word: 'no' } }, 'The job has no input called word.'],
  ])('of %j is refused in words', async (args, refused) => {
    expect(await preview(args)).toEqual({ refused });
  });
});

describe('a run', () => {
  it('streams its output and ends with the exit code', async () => {
    const heard: string[] = [];
    const stop = await runner.onOutput((run) => void heard.push(run));
    const end = await runToItsEnd(CHECKS);
    await stop();
    expect(end).toMatchObject({ kind: 'done', result: { code: 'done', exitCode: 0 } });
    expect(end.output).toMatch(/^Checking the site\n[\s\S]*All checks passed\n$/);
    expect(heard.length).toBeGreaterThan(1);
    expect(new Set(heard)).toEqual(new Set(sent));
  });

  it('that fails says so with its exit code and the end of its output', async () => {
    const end = await runToItsEnd({ ...CHECKS, job: 'fails' });
    expect(end).toMatchObject({
      kind: 'failed',
      result: { code: 'exit_nonzero', exitCode: 3, output: 'before\n' },
    });
  });

  it('gets its inputs, checked and completed', async () => {
    expect((await runToItsEnd({ ...CHECKS, job: 'says' })).output).toBe('<hello>\n');
    expect((await runToItsEnd({ ...CHECKS, job: 'says', inputs: { word: 'bye' } })).output).toBe('<bye>\n');
  });

  it('that prints more than one look takes is shown whole, look by look', async () => {
    let look = await runToItsEnd({ ...CHECKS, job: 'talks' });
    let seen = look.output.length;
    expect(look.kind).toBe('running');
    while (look.kind === 'running') {
      look = await follow(look.handle);
      seen += look.output.length;
    }
    expect(look.kind).toBe('done');
    expect(seen).toBe(800_000);
  });

  it('is stopped at its time limit', async () => {
    expect(await runToItsEnd({ ...CHECKS, job: 'slow' })).toMatchObject({
      kind: 'failed',
      result: { code: 'timeout' },
    });
  });

  it('is broken off by a stop, and says that it was interrupted', async () => {
    const end = await runToItsEnd({ ...CHECKS, job: 'slow' }, AbortSignal.abort());
    expect(end).toMatchObject({ kind: 'failed', result: { code: 'runner_interrupted' } });
  });

  it.each([
    ['kill_switch', 'was stopped by the kill switch'],
    ['isolation_too_low', 'no longer isolates'],
  ] as const)('is stopped while it runs where %s comes in its way, and says so', async (code, words) => {
    const stop = await runner.onOutput(() => {
      obstacle = code;
    });
    const end = await runToItsEnd({ ...CHECKS, job: 'endless' });
    await stop();
    obstacle = null;
    expect(end).toMatchObject({
      kind: 'failed',
      result: { code, message: expect.stringContaining(words), output: 'begun\n' },
    });
  });

  it('does not begin where something stands against it already', async () => {
    obstacle = 'kill_switch';
    const end = await runToItsEnd({ ...CHECKS, job: 'endless' });
    obstacle = null;
    expect(end).toMatchObject({ kind: 'failed', result: { code: 'kill_switch', output: '' } });
  });

  it('is left to another machine where this one isolates it too weakly, and worked on by that one', async () => {
    obstacle = 'isolation_too_low';
    sent = [];
    const started = await start({ ...CHECKS, job: 'fails' });
    const [id = ''] = sent.splice(0);
    const signal = new AbortController().signal;
    await runner.work(id, signal);
    expect((await rowOf(id))?.state).toBe('queued');
    await runner.recover();
    expect(sent).toContain(id);
    obstacle = null;
    await runner.work(id, signal);
    const handle = started.kind === 'running' ? started.handle : {};
    expect((await follow(handle)).output).toBe('before\n');
    expect(asked.at(-1)).toBe('kernel-lite');
  });

  it('that no machine isolates well enough for ten minutes does not begin, and says why', async () => {
    obstacle = 'isolation_too_low';
    sent = [];
    const started = await start({ ...CHECKS, job: 'endless' });
    const [id = ''] = sent;
    const waits = (seconds: number) =>
      database.db.query(
        'update ci_runs set created_at = clock_timestamp() - make_interval(secs => $2) where id = $1',
        [id, seconds],
      );
    const signal = new AbortController().signal;
    await waits(570);
    await runner.work(id, signal);
    expect((await rowOf(id))?.state).toBe('queued');
    await waits(600);
    await runner.work(id, signal);
    obstacle = null;
    const handle = started.kind === 'running' ? started.handle : {};
    expect(await follow(handle)).toMatchObject({
      kind: 'failed',
      result: { code: 'isolation_too_low', output: '' },
    });
  });

  it('is stopped where the kill switch cannot be read', async () => {
    const stop = await runner.onOutput(() => {
      obstacle = 'unreadable';
    });
    const end = await runToItsEnd({ ...CHECKS, job: 'endless' });
    await stop();
    obstacle = null;
    expect(end).toMatchObject({ kind: 'failed', result: { code: 'runner_interrupted' } });
  });

  it('starts once however often the same execution asks', async () => {
    sent = [];
    const given = fresh();
    const first = await start(CHECKS, given);
    expect(await start(CHECKS, given)).toEqual(first);
    expect(sent).toHaveLength(1);
    const found = await call(through(), operations.trigger, 'reconcile', { args: CHECKS, ...given });
    expect(found.value).toEqual({ kind: 'happened', outcome: first });
  });

  it('whose worker died ends as interrupted, for whoever looks', async () => {
    sent = [];
    const started = await start(CHECKS);
    await database.db.query(
      `update ci_runs set state = 'running', worker = gen_random_uuid(), lease_until = clock_timestamp() - interval '1 s'
       where id = $1`,
      [sent[0]],
    );
    const handle = started.kind === 'running' ? started.handle : {};
    expect(await follow(handle)).toMatchObject({ kind: 'failed', result: { code: 'runner_interrupted' } });
  });

  it('that waited when the runner stopped is queued again, and worked on once', async () => {
    sent = [];
    const started = await start({ ...CHECKS, job: 'fails' });
    const id = sent[0] ?? '';
    await runner.recover();
    expect(sent).toContain(id);
    const signal = new AbortController().signal;
    await Promise.all([runner.work(id, signal), runner.work(id, signal)]);
    const handle = started.kind === 'running' ? started.handle : {};
    expect((await follow(handle)).output).toBe('before\n');
  });

  it('does not start when the job was described anew since the preview', async () => {
    const { value } = await call(through(), operations.trigger, 'run', {
      args: CHECKS,
      pinned: { commit: '0'.repeat(40), definition: 'other' },
      ...fresh(),
    });
    expect(value).toMatchObject({ kind: 'failed', result: { code: 'job_changed' } });
  });
});

describe('the source of a run', () => {
  it("is read without running anything that the repository's own config names", async () => {
    const trap = join(folder, 'trap');
    const git = (...args: string[]) =>
      execFileSync('git', ['--git-dir', repository, ...args], { env: gitEnvironment() })
        .toString()
        .trim();
    const before = await preview(CHECKS);
    writeFileSync(join(repository, 'info-attributes'), '* filter=evil\n');
    git('config', 'core.attributesFile', join(repository, 'info-attributes'));
    for (const key of ['filter.evil.smudge', 'core.fsmonitor', 'tar.tar.command'])
      git('config', key, `touch ${trap}; cat`);
    expect(await preview(CHECKS)).toEqual(before);
    expect((await runToItsEnd({ ...CHECKS, job: 'fails' })).output).toBe('before\n');
    expect(() => rmSync(trap)).toThrow();
  });

  it('is the same sample to the byte wherever it is made', async () => {
    const again = await makeSampleRepository(FILES, join(folder, 'again.git'));
    const commit = (path: string) =>
      execFileSync('git', ['--git-dir', path, 'rev-parse', 'main'], { env: gitEnvironment() }).toString();
    expect(commit(again)).toBe(commit(repository));
    expect(await makeSampleRepository('/nowhere', again)).toBe(again);
  });
});

/** Starts a job and lets somebody work on it, as the queue would. */
async function begin(job: string, end: 'ended' | 'going') {
  sent = [];
  const started = await start({ ...CHECKS, job });
  if (started.kind !== 'running') throw new Error(JSON.stringify(started));
  const id = sent[0] ?? '';
  const work = runner.work(id, new AbortController().signal);
  if (end === 'ended') await work;
  else {
    working.push(work);
    await expect.poll(async () => (await rowOf(id))?.state, { timeout: 20_000 }).toBe('running');
  }
  const row = await rowOf(id);
  return { run: String(started.handle.run), repo: 'web', job, commit: row?.commit ?? '' };
}
const working: Promise<void>[] = [];
const rowOf = (id: string) =>
  database.db.maybe<{ state: string; commit: string }>('select state, commit from ci_runs where id = $1', [
    id,
  ]);
afterAll(() => Promise.all(working));

/** Works on whatever is accepted, as the product does. */
function atWork(): Runner['host'] {
  return async (request) => {
    sent = [];
    const answer = await runner.host(request);
    for (const id of sent.splice(0)) await runner.work(id, new AbortController().signal);
    return answer;
  };
}

ciContract(connector, () => ({
  config: { builtIns: { 'runner.internal': atWork() } },
  settings: runnerSettings(JOBS),
  going: () => begin('endless', 'going'),
  passed: async () => ({ ...(await begin('checks', 'ended')), said: 'All checks passed' }),
  broken: async () => ({ ...(await begin('fails', 'ended')), said: 'before' }),
  other: { repo: 'web', job: 'says' },
  unknown: 'R-999999',
}));

describe('a run that is stopped', () => {
  it('tells whoever started it for whom it was stopped', async () => {
    const { run } = await begin('endless', 'going');
    await call(through(), operations.cancel, 'run', { args: { run } });
    await Promise.all(working);
    expect(await follow({ run })).toMatchObject({
      result: {
        code: 'cancelled',
        message: `endless of web (${run}) was stopped for alice (Alice Adams).`,
      },
    });
  });

  it('never begins where nobody worked on it yet', async () => {
    sent = [];
    const started = await start(CHECKS);
    const { run } = started.kind === 'running' ? started.handle : {};
    await call(through(), operations.cancel, 'run', { args: { run: run ?? '' } });
    await runner.work(sent[0] ?? '', new AbortController().signal);
    expect(await follow({ run: run ?? '' })).toMatchObject({ result: { code: 'cancelled' }, output: '' });
  });

  it('that had ended by itself keeps its ending, and says so', async () => {
    const { run } = await begin('checks', 'ended');
    const stopped = await call(through(), operations.cancel, 'run', { args: { run } });
    if (stopped.value.kind !== 'running') throw new Error(JSON.stringify(stopped.value));
    const look = await call(through(), operations.cancel, 'follow', {
      args: { run },
      handle: stopped.value.handle,
    });
    expect(look.value).toMatchObject({
      kind: 'failed',
      result: {
        code: 'ended_before',
        message: expect.stringContaining('had ended before it could be stopped: it passed.'),
      },
    });
  });

  it('whose worker died was stopped, as it had been asked to', async () => {
    sent = [];
    const started = await start(CHECKS);
    const { run } = started.kind === 'running' ? started.handle : {};
    await database.db.query(
      `update ci_runs set state = 'running', worker = gen_random_uuid(), lease_until = clock_timestamp() - interval '1 s'
       where id = $1`,
      [sent[0]],
    );
    await call(through(), operations.cancel, 'run', { args: { run: run ?? '' } });
    expect(await follow({ run: run ?? '' })).toMatchObject({ kind: 'failed', result: { code: 'cancelled' } });
  });
});

it('a run again is refused where its job takes other inputs by now, and carries those of the first otherwise', async () => {
  sent = [];
  const ended = await start({ ...CHECKS, job: 'says', inputs: { word: 'bye' } });
  const { run } = ended.kind === 'running' ? ended.handle : {};
  await runner.work(sent[0] ?? '', new AbortController().signal);
  const { value } = await call(through(), operations.rerun, 'preview', { args: { run: run ?? '' } });
  expect(value).toMatchObject({
    summary: expect.stringContaining(`as ${run} did`),
    facts: expect.arrayContaining([{ label: 'Input word', value: 'bye' }]),
    pinned: { inputs: '{"word":"bye"}', environment: 'production' },
  });
  await database.db.query(`update ci_runs set inputs = '{"gone": "x"}' where number = $1`, [
    String(run).slice(2),
  ]);
  expect((await call(through(), operations.rerun, 'preview', { args: { run: run ?? '' } })).value).toEqual({
    refused: 'The job has no input called gone.',
  });
});
