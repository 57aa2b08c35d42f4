import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { operations } from '../../actions/connectors/runner-deployments.operations.ts';
import { runnerDeployments as connector } from '../../actions/connectors/runner-deployments.ts';
import { commitsBetween, gitEnvironment } from '../../actions/systems/git.ts';
import { parseJobs } from '../../actions/systems/jobs.ts';
import { createRunner, type Runner } from '../../actions/systems/runner.ts';
import { makeSampleRepository } from '../../actions/systems/sample-repository.ts';
import type { Json } from '../../src/model/request.ts';
import { useDatabase } from '../support/database.ts';
import { call, type Given } from './through-broker.ts';

const FILES = fileURLToPath(new URL('../../samples/web', import.meta.url));
const JOBS = parseJobs(
  `jobs:
  deploy:
    title: Deploy
    repositories: [web]
    environment: production
    command: [sh, deploy]
    inputs: {target: {type: choice, title: Where, choices: [staging, production]}}
`,
  'jobs.yaml',
);
const environments = [{ name: 'staging' }, { name: 'production', from: 'staging' }, { name: 'test' }];
const SETTINGS = connector.settings.parse({
  services: { web: { repository: 'web', job: 'deploy', input: 'target', environments } },
});
const STAGING = { service: 'web', to: 'staging', ref: 'main' };
const LIVE = { service: 'web', to: 'production' };
const BACK = { service: 'web', environment: 'production' };

const database = useDatabase();
let folder = '';
let repository = '';
let runner: Runner;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deployments-'));
  repository = await makeSampleRepository(FILES, join(folder, 'web.git'));
});
beforeEach(async () => {
  await database.owner.query('truncate ci_runs, ci_run_output');
  runner = createRunner({
    db: database.db,
    send: async () => {},
    jobs: JOBS,
    repositories: { web: repository },
    runJob: () => Promise.reject(new Error('nothing is worked on here')),
    obstacle: async () => null,
    levelOf: async () => null,
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const git = (...args: string[]): string =>
  execFileSync('git', ['--git-dir', repository, ...args], {
    env: gitEnvironment({
      ...{ GIT_AUTHOR_NAME: 'Alice', GIT_AUTHOR_EMAIL: 'alice@example.com' },
      ...{ GIT_COMMITTER_NAME: 'Alice', GIT_COMMITTER_EMAIL: 'alice@example.com' },
    }),
  })
    .toString()
    .trim();
function commit(title: string, parent = 'main'): string {
  const made = git('commit-tree', '-p', parent, '-m', title, 'main^{tree}');
  git('update-ref', 'refs/heads/main', made);
  return made;
}

const through = () => ({ builtIns: { 'runner.internal': runner.host } });
const given = (args: Record<string, Json>): Given => ({
  args,
  settings: SETTINGS,
  mark: crypto.randomUUID(),
  key: crypto.randomUUID(),
});
const preview = async (name: keyof typeof operations, args: Record<string, Json>) =>
  (await call(through(), operations[name], 'preview', given(args))).value;

/** Asked for and begun; it ends as its worker would have ended it. */
async function deploy(
  name: keyof typeof operations,
  args: Record<string, Json>,
  state: 'done' | 'failed' | 'queued',
) {
  const request = given(args);
  const seen = await preview(name, args);
  if ('refused' in seen) throw new Error(seen.refused);
  const approved = { ...request, pinned: seen.pinned };
  const { value } = await call(through(), operations[name], 'run', approved);
  if (value.kind !== 'running') throw new Error(JSON.stringify(value));
  if (state !== 'queued')
    await database.owner.query(
      `update ci_runs set state = $2, code = $3, exit_code = 0, ended_at = clock_timestamp() where mark = $1`,
      [request.mark, state, state === 'done' ? 'done' : 'exit_nonzero'],
    );
  return { approved, handle: value.handle, preview: seen };
}

describe('what runs in an environment', () => {
  it('is the newest run of the job that was told to deploy there and succeeded', async () => {
    const staged = await deploy('promote', STAGING, 'done');
    const seen = await preview('promote', LIVE);
    expect(seen).toMatchObject({
      pinned: {
        commit: staged.preview.pinned.commit,
        current: 'none',
        newest: 'none',
        origin: staged.handle.run,
      },
      facts: expect.arrayContaining([{ label: 'Command', value: 'sh deploy' }]),
    });
  });

  it('is not what another environment runs', async () => {
    await deploy('promote', STAGING, 'done');
    expect(await preview('rollback', BACK)).toEqual({
      refused: expect.stringContaining('no deployment of web'),
    });
  });

  it('is not known while a run goes on', async () => {
    await deploy('promote', STAGING, 'queued');
    expect(await preview('promote', LIVE)).toEqual({ refused: expect.stringContaining('(queued)') });
    expect(await preview('promote', STAGING)).toEqual({
      refused: expect.stringContaining('has not ended yet'),
    });
  });

  it('is what ran before where the newest has failed', async () => {
    await deploy('promote', STAGING, 'done');
    const first = await deploy('promote', LIVE, 'done');
    commit('Break it');
    await deploy('promote', STAGING, 'done');
    await deploy('promote', LIVE, 'failed');
    expect(await preview('rollback', BACK)).toMatchObject({
      pinned: { commit: first.preview.pinned.commit, origin: first.handle.run },
    });
  });
});

describe('a deployment', () => {
  it('runs the job at the pinned commit with the environment as its input, and tells where it went', async () => {
    const { approved, handle } = await deploy('promote', STAGING, 'done');
    const row = await database.db.one('select job, commit, inputs from ci_runs where mark = $1', [
      approved.mark,
    ]);
    expect(row).toEqual({ job: 'deploy', commit: approved.pinned?.commit, inputs: { target: 'staging' } });
    const { value } = await call(through(), operations.promote, 'follow', { ...approved, handle });
    expect(value).toMatchObject({
      kind: 'done',
      result: { message: expect.stringMatching(/^Deployed [0-9a-f]{12} of web to staging \(R-\d+\)\.$/) },
    });
  });

  it('whose answer was lost is found by its mark', async () => {
    const { approved, handle } = await deploy('promote', STAGING, 'queued');
    const { value } = await call(through(), operations.promote, 'reconcile', approved);
    expect(value).toMatchObject({ kind: 'happened', outcome: { handle } });
    const other = { ...approved, mark: 'other' };
    expect((await call(through(), operations.promote, 'reconcile', other)).value).toEqual({
      kind: 'cannot_tell',
    });
  });

  it.each([
    [
      'an environment that the job does not take',
      { ...STAGING, to: 'test' },
      'must be one of staging, production',
    ],
    ['a branch that is not there', { ...STAGING, ref: 'gone' }, 'no branch, tag or commit called gone'],
  ])('to %s is refused in words', async (_what, args, words) => {
    expect(await preview('promote', args)).toEqual({ refused: expect.stringContaining(words) });
  });
});

describe('commits between two', () => {
  it('are counted, and the newest are named', async () => {
    const from = git('rev-parse', 'main');
    const titles = Array.from({ length: 12 }, (_, index) => `Change ${index + 1}`);
    const made = titles.map((title) => commit(title));
    expect(await commitsBetween(repository, from, made[11]!, 10)).toEqual({
      ahead: 12,
      behind: 0,
      titles: titles.slice(2),
    });
    expect(await commitsBetween(repository, made[11]!, from, 10)).toEqual({
      ahead: 0,
      behind: 12,
      titles: [],
    });
    const aside = git('commit-tree', '-p', from, '-m', 'Aside', 'main^{tree}');
    expect(await commitsBetween(repository, made[0]!, aside, 10)).toEqual({
      ahead: 1,
      behind: 1,
      titles: ['Aside'],
    });
  });

  it.each(['main', '--all', '0'.repeat(40)])(
    'are not told of %s, which is no commit of it',
    async (other) => {
      expect(await commitsBetween(repository, git('rev-parse', 'main'), other, 10)).toBeNull();
    },
  );

  it("are read without running anything that the repository's own config names", async () => {
    const trap = join(folder, 'trap');
    const from = git('rev-parse', 'main');
    const to = commit('Signed');
    for (const key of ['gpg.program', 'core.pager', 'pager.rev-list', 'core.fsmonitor'])
      git('config', key, `touch ${trap}; cat`);
    git('config', 'log.showSignature', 'true');
    expect(await commitsBetween(repository, from, to, 10)).toMatchObject({ ahead: 1 });
    expect(existsSync(trap)).toBe(false);
  });
});
