import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { operations } from '../../actions/connectors/jenkins.operations.ts';
import { jenkins as connector } from '../../actions/connectors/jenkins.ts';
import type { Look } from '../../src/action.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import { COVERAGE } from '../support/jenkins/coverage.ts';
import { FakeJenkins, type JenkinsJob } from '../support/jenkins/fake-jenkins.ts';
import { ciContract, perform } from './ci-contract.ts';
import { ciSteps } from './ci-steps.ts';
import { call, type Given } from './through-broker.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const OTHER = 'fedcba9876543210fedcba9876543210fedcba98';
const OURS = ['COMMIT', 'COUNTERSIGN_MARK', 'REQUESTED_BY'];
/** More than one answer takes (4 MiB), in lines; more of them than one answer of a log that grows has. */
const LONG = Array.from({ length: 60_000 }, (_, line) => `line ${line} ${'.'.repeat(80)}`).join('\n');
const JOBS: Record<string, JenkinsJob> = {
  'team/web/checks': {
    parameters: [...OURS, 'CHANNEL'],
    output: ['checking $COMMIT', '\u001b[32mall good\u001b[0m'],
    result: 'SUCCESS',
  },
  release: { parameters: OURS, output: ['preparing', 'no right to publish'], result: 'FAILURE' },
  'prod/release': { parameters: OURS, output: [], result: 'SUCCESS', stuck: true },
  endless: { parameters: OURS, output: ['waiting'], result: 'SUCCESS', endless: true },
  waiting: { parameters: OURS, output: [], result: 'SUCCESS', stuck: true },
  elsewhere: { parameters: OURS, output: [], result: 'SUCCESS', builds: OTHER },
  astray: { parameters: OURS, output: ['waiting'], result: 'SUCCESS', endless: true, builds: OTHER },
  sourceless: { parameters: OURS, output: [], result: 'SUCCESS', builds: null },
  bare: { parameters: ['CHANNEL'], output: [], result: 'SUCCESS' },
  off: { parameters: OURS, output: [], result: 'SUCCESS', disabled: true },
  talkative: { parameters: OURS, output: [LONG, 'the end'], result: 'FAILURE' },
  lagging: { parameters: OURS, output: ['one', 'two', 'three'], result: 'SUCCESS', lags: true },
  unended: { parameters: OURS, output: ['x'.repeat(100_000)], result: 'SUCCESS', unended: true },
  private: { parameters: OURS, output: ['not for everybody'], result: 'SUCCESS' },
};
const job = (path: string, more: object = {}) => ({
  title: path,
  repositories: ['web'],
  path,
  environment: 'test',
  ...more,
});
const DESCRIBED = {
  account: 'countersign',
  parameters: { commit: 'COMMIT', mark: 'COUNTERSIGN_MARK', requester: 'REQUESTED_BY' },
  repositories: { web: {}, app: { github: { owner: 'acme', repo: 'web' } } },
  jobs: {
    checks: job('team/web/checks', { inputs: ['channel'] }),
    release: job('release', { environment: 'staging' }),
    endless: job('endless'),
    waiting: job('waiting'),
    elsewhere: job('elsewhere'),
    astray: job('astray'),
    sourceless: job('sourceless'),
    bare: job('bare'),
    off: job('off'),
    talkative: job('talkative'),
    lagging: job('lagging'),
    unended: job('unended'),
    gone: job('gone'),
    app: job('release', { repositories: ['app'], environment: 'staging' }),
  },
};
const SETTINGS = connector.settings.parse(DESCRIBED);

let fake: FakeJenkins;
const fakes: FakeJenkins[] = [];
beforeEach(async () => {
  fake = await FakeJenkins.start(JOBS);
  fakes.push(fake);
});
afterAll(() => Promise.all(fakes.map(({ wire }) => wire.stop())));

const config = (user?: string): Partial<BrokerConfig> => ({
  upstreams: {
    jenkins: { baseUrl: fake.wire.baseUrl, addresses: ['127.0.0.1/32'] },
    'api.github.com': { baseUrl: fake.wire.baseUrl, addresses: ['127.0.0.1/32'] },
  },
  credentials: {
    get: async (name) =>
      name === 'github'
        ? 'Bearer some-token'
        : { kind: 'crumb', path: '/crumbIssuer/api/json', authorization: fake.authorization(user) },
  },
});
const ci = () => ({ config: config(), settings: SETTINGS });
const ARGS = { repo: 'web', ref: COMMIT, job: 'checks' };
const { given, ended, which, past } = ciSteps(ci, operations.trigger, ARGS, COMMIT);
async function starting(name: string) {
  const { value } = await call(config(), operations.trigger, 'run', given({ job: name }));
  if (value.kind !== 'running') throw new Error(JSON.stringify(value));
  return which(`R-${value.handle.item}`, name);
}
async function going(name: string) {
  const run = await starting(name);
  const item = fake.items.at(-1);
  if (item) fake.begin(item);
  return run;
}

const TOLD_APART = connector.settings.parse({
  ...DESCRIBED,
  jobs: { ...DESCRIBED.jobs, app: DESCRIBED.jobs.off },
});
const system = () => ({
  config: config(),
  settings: TOLD_APART,
  going: () => going('endless'),
  waiting: () => starting('waiting'),
  passed: async () => ({ ...(await past('checks')), said: `checking ${COMMIT}` }),
  broken: async () => ({ ...(await past('release')), said: 'no right to publish' }),
  other: { repo: 'web', job: 'elsewhere' },
  astray: async () => ({ ...ARGS, job: 'astray' }),
  unknown: 'R-99999',
});
ciContract(connector, system, ['going', 'waiting']);

describe('a run', () => {
  it('is started with the commit, the mark and for whom, in its folder, and shown to its end', async () => {
    const { preview, end, output, writes } = await ended('checks', { inputs: { channel: 'stable' } });
    expect(preview).toMatchObject({
      summary: 'Run checks of web on commit 0123456789ab, on Jenkins.',
      pinned: { commit: COMMIT },
    });
    expect(fake.items[0]).toMatchObject({
      path: 'team/web/checks',
      parameters: { COMMIT, CHANNEL: 'stable', COUNTERSIGN_MARK: expect.stringMatching(/^[0-9a-f]{32}$/) },
    });
    expect(fake.items[0]?.parameters.REQUESTED_BY).toBe('alice (Alice Adams)');
    expect(output).toBe(`checking ${COMMIT}\nall good\n`);
    expect(end).toMatchObject({
      kind: 'done',
      result: {
        message: 'checks of web (R-41) passed.',
        data: { run: 'R-41', build: '1', commits: [COMMIT] },
      },
    });
    expect(writes).toBe(1);
  });

  it('that failed says so with the end of its output', async () => {
    expect((await ended('release')).end).toMatchObject({
      kind: 'failed',
      result: { code: 'build_failed', output: 'preparing\nno right to publish\n' },
    });
  });

  it('that prints more than one answer takes is shown as it goes on, and has an end', async () => {
    const { end, output } = await ended('talkative');
    expect(end).toMatchObject({
      kind: 'failed',
      result: { code: 'build_failed', output: expect.stringMatching(/line 59999 \.+\nthe end\n$/) },
    });
    expect(output).toContain('line 9999 .');
    expect(output).toMatch(/the end\n$/);
    const { run } = which('R-41', 'talkative');
    const logs = await perform(ci(), operations.logs, { run });
    expect(logs).toMatchObject({ end: { result: { output: expect.stringMatching(/the end\n$/) } } });
  });

  it('whose last lines come after its end is looked at until they are there', async () => {
    expect((await ended('lagging')).output).toBe('one\ntwo\nthree\n');
  });

  it('that prints one long line without an end is said to print too much, and ends as it ended', async () => {
    const { end, output } = await ended('unended');
    expect(output).toBe('(The output is too long to be shown here.)\n');
    expect(end).toMatchObject({ kind: 'done', result: { output } });
  });

  it('is not read again from its beginning', async () => {
    await ended('checks');
    const starts = fake.wire.calls
      .filter(({ path }) => path.endsWith('/progressiveText'))
      .map(({ query }) => Number(query.get('start')));
    expect(starts[0]).toBe(0);
    expect(starts.at(-1)).toBeGreaterThan(0);
    expect(fake.wire.calls.filter(({ path }) => path.endsWith('/consoleText'))).toHaveLength(1);
  });

  it('that built another commit than the approved one has failed', async () => {
    expect((await ended('elsewhere')).end).toMatchObject({
      kind: 'failed',
      result: { code: 'other_commit', message: expect.stringContaining('fedcba987654') },
    });
  });

  it('on another commit is asked once more to stop where nobody answered the first', async () => {
    const { run } = await going('astray');
    const asked = given({ job: 'astray' });
    fake.wire.plan('POST', { status: 502 });
    const handle = { item: run.slice(2), repo: 'web', job: 'astray', build: '1', stop: 'wanted' };
    let look: Look = { kind: 'running', handle, output: '' };
    while (look.kind === 'running')
      look = (await call(config(), operations.trigger, 'follow', { ...asked, handle: look.handle })).value;
    expect(look.result.message).toMatch(/began on another commit .* and was cancelled\.$/);
    expect(fake.wire.calls.filter(({ path }) => path === '/job/astray/1/stop')).toHaveLength(2);
  });

  it('whose source nobody reports ends as it ended', async () => {
    expect((await ended('sourceless')).end).toMatchObject({
      kind: 'done',
      result: { data: { commits: [] } },
    });
  });

  it('is found among its job’s builds once the queue has forgotten it', async () => {
    const { run } = await going('endless');
    fake.forget();
    const preview = await call(config(), operations.status, 'preview', { args: { run }, settings: SETTINGS });
    expect(preview.value).toMatchObject({ pinned: { job: 'endless', build: '1', state: 'running' } });
    const handle = { item: run.slice(2), repo: 'web', job: 'endless', build: '' };
    const look = await call(config(), operations.trigger, 'follow', { ...given({ job: 'endless' }), handle });
    expect(look.value).toMatchObject({ kind: 'running', handle: { build: '1' } });
  });

  it('that Jenkins no longer knows is asked of a person', async () => {
    const handle = { item: '7', repo: 'web', job: 'endless', build: '' };
    const look = await call(config(), operations.trigger, 'follow', { ...given({ job: 'endless' }), handle });
    expect(look.value).toMatchObject({ kind: 'unclear', result: { code: 'run_gone' } });
  });

  it.each([
    ['while it waits in the queue', () => undefined],
    ['once it has begun', () => fake.begin(fake.items[0]!)],
  ])(
    'whose answer was lost is found %s: by its mark, of our account, with equal parameters',
    async (_, then) => {
      const request = given({ inputs: { channel: 'stable' } });
      fake.wire.plan('POST', 'cut after');
      await expect(call(config(), operations.trigger, 'run', request)).rejects.toThrow(
        'gave no clear answer',
      );
      then();
      // The same at another place is another's.
      fake.add('release', { ...fake.items[0]!.parameters });
      expect((await call(config(), operations.trigger, 'reconcile', request)).value).toMatchObject({
        kind: 'happened',
        outcome: { kind: 'running', handle: { item: '41' } },
      });
      const unlike: Given[] = [
        { ...request, mark: crypto.randomUUID() },
        { ...request, pinned: { commit: OTHER } },
        { ...request, args: { ...request.args, inputs: { channel: 'edge' } } },
        { ...request, args: { ...request.args, inputs: {}, job: 'endless' } },
        { ...request, settings: { ...DESCRIBED, account: 'eve' } },
        { ...request, settings: { ...DESCRIBED, parameters: { commit: 'COMMIT' } } },
      ];
      for (const other of unlike)
        expect((await call(config(), operations.trigger, 'reconcile', other)).value).toEqual({
          kind: 'cannot_tell',
        });
    },
  );

  it('whose answer was lost goes on from the queue, to its end', async () => {
    fake.wire.plan('POST', 'cut after');
    const request = given();
    await expect(call(config(), operations.trigger, 'run', request)).rejects.toThrow('gave no clear answer');
    const found = (await call(config(), operations.trigger, 'reconcile', request)).value as {
      outcome: { handle: Record<string, string> };
    };
    let look: unknown = { kind: 'running', handle: found.outcome.handle };
    while ((look as { kind: string }).kind === 'running') {
      const { handle } = look as { handle: Record<string, string> };
      look = (await call(config(), operations.trigger, 'follow', { ...request, handle })).value;
    }
    expect(look).toMatchObject({ kind: 'done', result: { data: { run: 'R-41' } } });
  });

  it('whose answer was lost is looked for again where the queue cannot be read', async () => {
    const request = given();
    fake.wire.plan('POST', 'cut after');
    await expect(call(config(), operations.trigger, 'run', request)).rejects.toThrow('gave no clear answer');
    fake.hidesQueue = true;
    await expect(call(config(), operations.trigger, 'reconcile', request)).rejects.toThrow('gave no clear');
    fake.begin(fake.items[0]!);
    expect((await call(config(), operations.trigger, 'reconcile', request)).value).toMatchObject({
      kind: 'happened',
    });
  });

  it('says in our words that a right is missing', async () => {
    const { value } = await call(config('reader'), operations.trigger, 'run', given());
    expect(value).toMatchObject({ kind: 'failed', result: { code: 'upstream_forbidden' } });
  });
});

describe('a preview', () => {
  it('asks GitHub where the repository is there', async () => {
    fake.commits.set('feature/login', OTHER);
    const request = given({ repo: 'app', job: 'app', ref: 'feature/login' });
    const { value } = await call(config(), operations.trigger, 'preview', request);
    expect(value).toMatchObject({ pinned: { commit: OTHER } });
  });

  it.each([
    ['a branch that nobody can be asked about', { ref: 'main' }, 'Name a commit in full'],
    ['a job that is not described', { job: 'other' }, 'There is no job other of web on Jenkins.'],
    ['a job that is not there', { job: 'gone' }, 'Jenkins knows nothing of that name'],
    ['a job that is disabled', { job: 'off' }, 'The job off is disabled on Jenkins.'],
    [
      'a job that would leave the commit out without a word',
      { job: 'bare' },
      'does not declare the parameter COMMIT, COUNTERSIGN_MARK, REQUESTED_BY',
    ],
    ['an input that the job does not have', { inputs: { shell: 'x' } }, 'The job checks has no input shell.'],
  ])('refuses %s', async (_what, args, words) => {
    const { value } = await call(config(), operations.trigger, 'preview', given(args));
    expect(value).toEqual({ refused: expect.stringContaining(words) });
  });
});

describe('a run that is there', () => {
  it('is taken from the queue where it has not begun', async () => {
    const run = await starting('waiting');
    const answer = await perform({ config: config(), settings: TOLD_APART }, operations.cancel, {
      run: run.run,
    });
    expect(answer).toMatchObject({
      end: { kind: 'done', result: { message: expect.stringContaining('was stopped') } },
    });
    expect(fake.items[0]?.cancelled).toBe(true);
  });

  it('runs again with the inputs of the first, under a mark of its own', async () => {
    const first = await ended('checks', { inputs: { channel: 'stable' } });
    const again = await perform(ci(), operations.rerun, { run: 'R-41', repo: 'web', job: 'checks' });
    expect(first.end.kind).toBe('done');
    expect(again).toMatchObject({ end: { kind: 'done', result: { data: { run: 'R-42' } } } });
    expect(fake.items[1]?.parameters).toMatchObject({ COMMIT, CHANNEL: 'stable' });
    expect(fake.items[1]?.parameters.COUNTERSIGN_MARK).not.toBe(fake.items[0]?.parameters.COUNTERSIGN_MARK);
  });

  it('that waits is of its own job, whatever the job of the same name outside of its folder', async () => {
    const { id } = fake.add('prod/release', { COMMIT });
    const seen = async (settings: Given['settings'], name: 'cancel' | 'status') => {
      const given = { args: { run: `R-${id}`, repo: 'web', job: 'release' }, settings: settings! };
      return (await call(config(), operations[name], 'preview', given)).value;
    };
    for (const name of ['cancel', 'status'] as const)
      expect(await seen(TOLD_APART, name)).toEqual({
        refused: `R-${id} is no run of a job that the assistant knows on Jenkins.`,
      });
    const live = job('prod/release', { environment: 'production' });
    const both = connector.settings.parse({ ...DESCRIBED, jobs: { release: DESCRIBED.jobs.release, live } });
    expect(await seen(both, 'cancel')).toEqual({
      refused: `R-${id} is a run of live of web, not of what you named.`,
    });
    expect(
      await perform({ config: config(), settings: both }, operations.cancel, { run: `R-${id}` }),
    ).toMatchObject({ preview: { pinned: { job: 'live', environment: 'production' } } });
  });

  it('of a job that the settings do not name is nobody’s business here', async () => {
    const item = fake.add('private', {});
    for (const isForgotten of [false, true]) {
      fake.begin(item);
      item.forgotten = isForgotten;
      for (const operation of [operations.logs, operations.cancel]) {
        const { value } = await call(config(), operation, 'preview', {
          args: { run: `R-${item.id}` },
          settings: SETTINGS,
        });
        expect(value).toEqual({ refused: expect.stringContaining('is no run of a job') });
      }
    }
  });
});

describe('the settings', () => {
  it.each([
    ['a path that climbs', job('team/../other')],
    ['a path that is too deep', job('a/b/c/d/e')],
    ['an input that would choose the commit', job('checks', { inputs: ['commit'] })],
    ['a repository that is not described', job('checks', { repositories: ['other'] })],
  ])('are refused with %s', (_what, checks) => {
    expect(connector.settings.safeParse({ ...DESCRIBED, jobs: { checks } }).success).toBe(false);
  });
});

it('the fake covers what it says that it covers', () => {
  expect(fake.wire.routes).toEqual([...COVERAGE.routes]);
});
