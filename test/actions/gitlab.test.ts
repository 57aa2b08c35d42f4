import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { operations } from '../../actions/connectors/gitlab.operations.ts';
import { gitlab as connector } from '../../actions/connectors/gitlab.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import { COVERAGE } from '../support/gitlab/coverage.ts';
import { FakeGitlab, type Script, TOO_MANY } from '../support/gitlab/fake-gitlab.ts';
import { ciContract, perform } from './ci-contract.ts';
import { ciSteps } from './ci-steps.ts';
import { call, type Given } from './through-broker.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const OTHER = 'fedcba9876543210fedcba9876543210fedcba98';
const good = (name: string, trace = `${name} is done`) => ({
  name,
  stage: 'test',
  status: 'success' as const,
  trace,
});
const SCRIPTS: Record<string, Script> = {
  checks: { jobs: [good('lint'), good('unit', '\u001b[32mall good\u001b[0;m')] },
  release: {
    jobs: [
      good('prepare'),
      { name: 'publish', stage: 'deploy', status: 'failed', trace: 'no right to publish' },
    ],
  },
  endless: { jobs: [good('wait')], endless: true },
  matrix: { jobs: Array.from({ length: 130 }, (_, index) => good(`part ${index}`)), atOnce: 40 },
};
const job = (target: string, more: object = {}) => ({
  title: target,
  repositories: ['web'],
  environment: 'test',
  variables: { TARGET: target },
  ...more,
});
const DESCRIBED = {
  account: 'countersign',
  repositories: { other: { project: 41 }, web: { project: 42 } },
  jobs: {
    checks: job('checks', { inputs: ['channel'] }),
    release: job('release', { environment: 'staging' }),
    endless: job('endless'),
    matrix: job('matrix'),
    nothing: job('nothing'),
  },
};
const SETTINGS = connector.settings.parse(DESCRIBED);

let fake: FakeGitlab;
const fakes: FakeGitlab[] = [];
beforeEach(async () => {
  fake = await FakeGitlab.start(structuredClone(SCRIPTS));
  fakes.push(fake);
});
afterAll(() => Promise.all(fakes.map(({ wire }) => wire.stop())));

const config = (): Partial<BrokerConfig> => ({
  upstreams: { gitlab: { baseUrl: fake.wire.baseUrl, addresses: ['127.0.0.1/32'] } },
  credentials: { get: async () => ({ kind: 'header', header: 'private-token', value: fake.token }) },
});
const ci = () => ({ config: config(), settings: SETTINGS });
const ARGS = { repo: 'web', ref: 'main', job: 'checks' };
const { given, ended, which, past } = ciSteps(ci, operations.trigger, ARGS, COMMIT);
const going = (name: string) =>
  which(`R-${fake.add({ variables: { TARGET: name, COUNTERSIGN_JOB: name } }).id}`, name);

ciContract(connector, () => ({
  ...ci(),
  going: async () => going('endless'),
  passed: async () => ({ ...(await past('checks')), said: '== unit\nall good' }),
  broken: async () => ({ ...(await past('release')), said: '== publish\nno right to publish' }),
  other: { repo: 'web', job: 'matrix' },
  astray: async () => {
    fake.movesTo = OTHER;
    return { ...ARGS, job: 'endless' };
  },
  unknown: 'R-99999',
}));

describe('a run', () => {
  it('starts a pipeline that says which job, which execution and for whom, and is shown to its end', async () => {
    const { preview, end, output, writes } = await ended('checks', { inputs: { channel: 'stable' } });
    expect(preview).toMatchObject({
      summary: 'Run checks of web on commit 0123456789ab, on GitLab.',
      pinned: { commit: COMMIT },
    });
    expect(fake.pipelines[0]?.variables).toEqual({
      TARGET: 'checks',
      INPUT_CHANNEL: 'stable',
      COUNTERSIGN_JOB: 'checks',
      COUNTERSIGN_MARK: expect.stringMatching(/^[0-9a-f]{32}$/),
      COUNTERSIGN_REQUESTER: 'alice (Alice Adams)',
    });
    expect(end).toMatchObject({
      kind: 'done',
      result: {
        message: 'checks of web (R-287) passed.',
        link: 'https://gitlab.example.com/acme/web/-/pipelines/287',
        data: { commit: COMMIT },
      },
    });
    expect(output).toBe(
      'test / lint: success\ntest / unit: success\n== lint\nlint is done\n== unit\nall good\n',
    );
    expect(writes).toBe(1);
  });

  it('that failed shows what the job that failed printed', async () => {
    expect((await ended('release')).end).toMatchObject({
      kind: 'failed',
      result: { code: 'pipeline_failed', output: '== publish\nno right to publish\n' },
    });
  });

  it('of more jobs than one page holds is shown whole', async () => {
    const { output } = await ended('matrix');
    expect(output.split('\n').filter((line) => line.endsWith(': success'))).toHaveLength(130);
  });

  it('does not start where the branch has moved since it was approved', async () => {
    fake.branches.set('main', OTHER);
    const { value, heard } = await call(config(), operations.trigger, 'run', given());
    expect(value).toMatchObject({ kind: 'failed', result: { code: 'ref_moved' } });
    expect(heard.writes).toEqual([]);
  });

  it('whose branch moved in that moment, and that ended at once, has failed and says how it ended', async () => {
    fake.movesTo = OTHER;
    fake.scripts.checks!.jobs.length = 0;
    expect((await ended('checks')).end).toMatchObject({
      kind: 'failed',
      result: { code: 'other_commit', message: expect.stringContaining('(fedcba987654) and passed.') },
    });
  });

  it('that the project’s rules leave no job for is refused in our words', async () => {
    const { value } = await call(config(), operations.trigger, 'run', given({ job: 'nothing' }));
    expect(value).toMatchObject({
      kind: 'failed',
      result: { code: 'upstream_rejected', message: expect.stringContaining('its rules leave no job') },
    });
  });

  it.each([
    ['Reference not found', 'upstream_rejected', 'the branch or tag is not there'],
    ['No stages / jobs for this pipeline.', 'upstream_rejected', 'its rules leave no job'],
    ['Missing CI config file', 'upstream_rejected', 'no CI configuration'],
    ['Insufficient permissions to set pipeline variables', 'upstream_forbidden', 'give pipeline variables'],
    ['Insufficient permissions to create a new pipeline', 'upstream_forbidden', 'on that branch or tag'],
    ['Something else entirely', 'upstream_rejected', 'GitLab does not accept these values.'],
  ])('that GitLab does not start says why in our words: %s', async (said, code, words) => {
    for (const message of [{ base: [said] }, said]) {
      fake.wire.plan('POST', { status: 400, body: { message } });
      const { value } = await call(config(), operations.trigger, 'run', given());
      expect(value).toEqual({ kind: 'failed', result: { code, message: expect.stringContaining(words) } });
    }
  });

  it('whose answer was lost is found by the name that holds its mark, on that commit', async () => {
    const request = given();
    fake.wire.plan('POST', 'cut after');
    await expect(call(config(), operations.trigger, 'run', request)).rejects.toThrow('gave no clear answer');
    expect((await call(config(), operations.trigger, 'reconcile', request)).value).toMatchObject({
      kind: 'happened',
      outcome: { kind: 'running', handle: { pipeline: '287' } },
    });
    const unlike: Given[] = [
      { ...request, mark: crypto.randomUUID() },
      { ...request, pinned: { commit: OTHER } },
      { ...request, settings: { ...DESCRIBED, account: 'eve' } },
    ];
    for (const other of unlike)
      expect((await call(config(), operations.trigger, 'reconcile', other)).value).toEqual({
        kind: 'cannot_tell',
      });
    fake.names = false;
    expect((await call(config(), operations.trigger, 'reconcile', request)).value).toEqual({
      kind: 'cannot_tell',
    });
  });

  it('that GitLab no longer knows is asked of a person', async () => {
    const handle = { pipeline: '7', repo: 'web', job: 'checks', seen: [], traces: '' };
    const look = await call(config(), operations.trigger, 'follow', { ...given(), handle });
    expect(look.value).toMatchObject({ kind: 'unclear', result: { code: 'run_gone' } });
  });
});

describe('a preview', () => {
  it('pins a branch with a slash to the commit that it stands for', async () => {
    const { value } = await call(config(), operations.trigger, 'preview', given({ ref: 'feature/login' }));
    expect(value).toMatchObject({ pinned: { commit: OTHER } });
  });

  it.each([
    [
      'a commit, which GitLab starts nothing on',
      { ref: COMMIT },
      'on a branch or a tag: name one, not a commit',
    ],
    ['a branch that is not there', { ref: 'gone' }, 'GitLab knows no such project, pipeline, branch or tag'],
    ['a job that is not described', { job: 'other' }, 'There is no job other of web on GitLab.'],
    ['an input that the job does not have', { inputs: { shell: 'x' } }, 'The job checks has no input shell.'],
  ])('refuses %s', async (_what, args, words) => {
    const { value } = await call(config(), operations.trigger, 'preview', given(args));
    expect(value).toEqual({ refused: expect.stringContaining(words) });
  });

  it('says that GitLab takes no more calls', async () => {
    fake.wire.plan('GET', TOO_MANY);
    const { value } = await call(config(), operations.trigger, 'preview', given());
    expect(value).toEqual({ refused: expect.stringContaining('takes no more calls') });
  });
});

describe('a run that is there', () => {
  it('is none of ours where somebody else started it, whatever it says of itself', async () => {
    const { id } = fake.add({ username: 'eve', variables: { TARGET: 'checks', COUNTERSIGN_JOB: 'checks' } });
    const bare = fake.add({ variables: { TARGET: 'checks' } });
    for (const run of [`R-${id}`, `R-${bare.id}`]) {
      for (const operation of [operations.status, operations.logs, operations.cancel, operations.rerun]) {
        const { value } = await call(config(), operation, 'preview', { args: { run }, settings: SETTINGS });
        expect(value).toEqual({ refused: `${run} is no run that the assistant has started on GitLab.` });
      }
    }
  });

  it('runs again with the inputs of the first, while its branch stands where it stood', async () => {
    await ended('checks', { inputs: { channel: 'stable' } });
    const args = { run: 'R-287', repo: 'web', job: 'checks' };
    const again = await perform(ci(), operations.rerun, args);
    expect(again).toMatchObject({ end: { kind: 'done', result: { data: { run: 'R-288' } } } });
    expect(fake.pipelines[1]?.variables).toMatchObject({ TARGET: 'checks', INPUT_CHANNEL: 'stable' });
    fake.branches.set('main', OTHER);
    expect(await perform(ci(), operations.rerun, args)).toEqual({
      refused: expect.stringContaining('main no longer stands for the commit that R-287 ran on'),
    });
  });
});

describe('the settings', () => {
  it.each([
    ['a variable that we fill', job('checks', { variables: { COUNTERSIGN_JOB: 'release' } })],
    ['a repository that is not described', job('checks', { repositories: ['gone'] })],
  ])('are refused with %s', (_what, checks) => {
    expect(connector.settings.safeParse({ ...DESCRIBED, jobs: { checks } }).success).toBe(false);
  });
  it('are refused with a project by its path', () => {
    const repositories = { web: { project: 'acme/web' } };
    expect(connector.settings.safeParse({ ...DESCRIBED, repositories }).success).toBe(false);
  });
});

it('the fake covers what it says that it covers', () => {
  expect(fake.wire.routes).toEqual([...COVERAGE.routes]);
});
