import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { operations } from '../../actions/connectors/github-actions.operations.ts';
import { githubActions as connector } from '../../actions/connectors/github-actions.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import type { DoorSpec } from '../../src/execution/broker/call.ts';
import type { Json } from '../../src/model/request.ts';
import { COVERAGE } from '../support/github-actions/coverage.ts';
import {
  FakeGithubActions,
  RATE_LIMITED,
  type Workflow,
} from '../support/github-actions/fake-github-actions.ts';
import { keepsTags, type Ruleset } from '../support/github-actions/rulesets.ts';
import { ciContract, perform } from './ci-contract.ts';
import { ciSteps } from './ci-steps.ts';
import { call, type Given } from './through-broker.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const OTHER = 'fedcba9876543210fedcba9876543210fedcba98';
const good = (name: string) => ({ name, conclusion: 'success' as const });
const WORKFLOWS: Record<string, Workflow> = {
  'checks.yml': { inputs: ['channel'], steps: [good('lint'), good('test')] },
  'publish.yaml': { inputs: [], steps: [good('prepare'), { name: 'publish', conclusion: 'failure' }] },
  'endless.yml': { inputs: [], steps: [good('wait')], endless: true },
  'matrix.yml': {
    inputs: [],
    steps: Array.from({ length: 250 }, (_, index) => good(`part ${index}`)),
    atOnce: 60,
  },
  'live.yml': { inputs: [], steps: [good('release')] },
  'off.yml': { inputs: [], steps: [], state: 'disabled_manually' },
};
const job = (workflow: string, more: object = {}) => ({
  title: workflow,
  repositories: ['web'],
  workflow,
  environment: 'test',
  ...more,
});
const DESCRIBED = {
  account: 'countersign[bot]',
  repositories: { web: { owner: 'acme', repo: 'web' }, api: { owner: 'acme', repo: 'api' } },
  jobs: {
    checks: job('checks.yml', { inputs: ['channel', 'unheard'] }),
    release: job('publish.yaml', { environment: 'staging' }),
    deploy: job('deploy.yml', { environment: 'production' }),
    live: job('live.yml', { environment: 'production' }),
    endless: job('endless.yml'),
    matrix: job('matrix.yml'),
    off: job('off.yml'),
  },
};
const SETTINGS = connector.settings.parse(DESCRIBED);

let fake: FakeGithubActions;
const fakes: FakeGithubActions[] = [];
beforeEach(async () => {
  fake = await FakeGithubActions.start(structuredClone(WORKFLOWS));
  fakes.push(fake);
});
afterAll(() => Promise.all(fakes.map((each) => each.stop())));

const config = (): Partial<BrokerConfig> => ({
  upstreams: {
    'api.github.com': {
      baseUrl: fake.wire.baseUrl,
      addresses: ['127.0.0.1/32'],
      files: [fake.store.baseUrl],
    },
  },
  credentials: { get: async () => `Bearer ${fake.token}` },
});
const ci = () => ({ config: config(), settings: SETTINGS });
const ARGS = { repo: 'web', ref: 'main', job: 'checks' };
const { given, ended, which, past } = ciSteps(ci, operations.trigger, ARGS, COMMIT);

ciContract(connector, () => ({
  ...ci(),
  going: async () => which(`R-${fake.add('endless.yml').id}`, 'endless'),
  passed: async () => ({ ...(await past('checks')), said: 'build / test: success' }),
  broken: async () => ({ ...(await past('release')), said: 'build / publish: failure' }),
  other: { repo: 'web', job: 'deploy' },
  unknown: 'R-16999999999',
  astray: async () => {
    fake.movesTagsTo = OTHER;
    return { ...ARGS, job: 'endless' };
  },
  rerunsInPlace: true,
}));

describe('a run', () => {
  it('starts on a tag of its own at exactly the pinned commit, and is shown to its end', async () => {
    const { preview, end, output, writes } = await ended('checks', { inputs: { channel: 'stable' } });
    expect(preview).toMatchObject({
      summary: 'Run checks of web on commit 0123456789ab, on GitHub Actions.',
      pinned: { commit: COMMIT },
    });
    const [run] = fake.runs;
    expect(run).toMatchObject({ head_sha: COMMIT, inputs: { channel: 'stable' } });
    expect(run?.head_branch).toMatch(/^countersign\/[0-9a-f]{32}$/);
    expect(fake.tags.get(run?.head_branch ?? '')).toBe(COMMIT);
    expect(end).toMatchObject({
      kind: 'done',
      result: {
        code: 'done',
        message: `checks of web (R-${run?.id}) passed.`,
        link: `https://github.com/acme/web/actions/runs/${run?.id}`,
      },
    });
    expect(output).toBe('build / lint: success\nbuild / test: success\n');
    expect(writes).toBe(2);
  });

  it('says which step failed', async () => {
    expect((await ended('release')).end).toMatchObject({
      kind: 'failed',
      result: { code: 'run_failed', output: 'build / publish: failure' },
    });
  });

  it('is found by its tag where GitHub does not tell it', async () => {
    fake.tellsRun = false;
    expect((await ended('checks')).end).toMatchObject({ kind: 'done', result: { data: { commit: COMMIT } } });
  });

  it('of more jobs than one page holds is shown whole', async () => {
    const { output } = await ended('matrix');
    expect(output.split('\n')).toHaveLength(251);
  });

  const looking = (run: { id: number }, more: Record<string, Json> = {}) => {
    const handle = { run: String(run.id), repo: 'web', job: 'checks', seen: {}, ...more };
    return call(config(), operations.trigger, 'follow', { ...given(), handle });
  };

  it('whose jobs all wait for somebody is looked at without reading them again', async () => {
    const run = fake.add('checks.yml', { head_sha: COMMIT });
    const reads = () => fake.wire.calls.filter(({ path }) => path.endsWith('/jobs')).length;
    let handle = (await looking(run)).value;
    const goOn = async () => {
      if (handle.kind !== 'running') throw new Error(JSON.stringify(handle));
      handle = (await looking(run, handle.handle)).value;
    };
    run.held = true;
    await goOn();
    const before = reads();
    await goOn();
    await goOn();
    expect(reads()).toBe(before);
    run.held = false;
    await goOn();
    await goOn();
    expect(handle).toMatchObject({ kind: 'done' });
  });

  it('that GitHub no longer knows, or whose job is no longer configured, is asked of a person', async () => {
    const unclear = { kind: 'unclear', result: { code: 'run_gone' } };
    expect((await looking({ id: 1 }, { resting: '' })).value).toMatchObject(unclear);
    expect((await looking({ id: 1 }, { job: 'former' })).value).toMatchObject(unclear);
  });

  it('that GitHub does not show right after its start is looked at again', async () => {
    await expect(looking({ id: 1 })).rejects.toThrow('gave no clear answer');
  });

  const astray = () => {
    fake.movesTagsTo = OTHER;
    return { ...ARGS, job: 'endless' };
  };
  const CANCELS = () => fake.wire.calls.filter(({ path }) => path.endsWith('/cancel')).length;

  it('on another commit that ended before anybody saw it has failed, and says how it ended', async () => {
    fake.movesTagsTo = OTHER;
    fake.workflows['checks.yml']!.steps.length = 0;
    expect((await ended('checks')).end).toMatchObject({
      kind: 'failed',
      result: { code: 'other_commit', message: expect.stringContaining('(fedcba987654) and passed.') },
    });
    expect(CANCELS()).toBe(0);
  });

  it('that ended just before its stop says that it was not cancelled', async () => {
    fake.movesTagsTo = OTHER;
    expect((await ended('checks')).end).toMatchObject({
      kind: 'failed',
      result: {
        code: 'other_commit',
        message: expect.stringContaining('could not be cancelled before its end: it passed. Please look'),
      },
    });
  });

  it('whose stop was never answered is looked at on, and is cancelled', async () => {
    const args = astray();
    const hooks = {
      beforeWrite: async () => fake.wire.plan('POST', 'cut after'),
    } as unknown as DoorSpec['hooks'];
    const answer = await perform(ci(), operations.trigger, args, { hooks });
    expect(answer).toMatchObject({
      end: { result: { code: 'other_commit', message: expect.stringContaining('and was cancelled.') } },
    });
    expect(CANCELS()).toBe(1);
  });

  it('that GitHub does not stop is asked once, and then a person', async () => {
    const args = astray();
    const hooks = {
      // Taken, and nothing comes of it.
      beforeWrite: async () => fake.wire.plan('POST', { status: 202, body: {} }),
    } as unknown as DoorSpec['hooks'];
    const answer = await perform(ci(), operations.trigger, args, { hooks });
    expect(answer).toMatchObject({
      end: {
        result: { message: expect.stringContaining('was asked to stop, and has not ended. Please look') },
      },
    });
    expect(CANCELS()).toBe(1);
  });

  it('whose start GitHub refuses leaves no tag behind', async () => {
    const { value, heard } = await call(
      config(),
      operations.trigger,
      'run',
      given({ inputs: { unheard: 'x' } }),
    );
    expect(value).toMatchObject({ kind: 'failed', result: { code: 'upstream_rejected' } });
    expect(heard.writes.map(({ method }) => method)).toEqual(['POST', 'POST', 'DELETE']);
    expect(fake.tags.size).toBe(0);
  });

  it('whose answer was lost is found again by its tag, started by our account', async () => {
    const request = given();
    await call(config(), operations.trigger, 'run', request);
    expect((await call(config(), operations.trigger, 'reconcile', request)).value).toMatchObject({
      kind: 'happened',
      outcome: { kind: 'running', handle: { run: String(fake.runs[0]?.id) } },
    });
    const unlike: Given[] = [
      { ...request, mark: crypto.randomUUID() },
      { ...request, pinned: { commit: OTHER } },
      { ...request, settings: { ...DESCRIBED, account: 'eve' } },
    ];
    for (const other of unlike) {
      expect((await call(config(), operations.trigger, 'reconcile', other)).value).toEqual({
        kind: 'cannot_tell',
      });
    }
  });

  it('is left to the crash rules where the answer to its start is lost', async () => {
    fake.wire.plan('POST', { status: 201, body: {} });
    fake.wire.plan('POST', 'cut after');
    await expect(call(config(), operations.trigger, 'run', given())).rejects.toThrow('gave no clear answer');
  });
});

describe('a preview', () => {
  it('pins a branch with a slash to the commit that it stands for', async () => {
    const { value } = await call(config(), operations.trigger, 'preview', given({ ref: 'feature/login' }));
    expect(value).toMatchObject({ pinned: { commit: OTHER } });
  });

  it.each([
    ['a branch that is not there', { ref: 'gone' }, 'GitHub knows no such repository, branch, tag or commit'],
    ['a job that is not described', { job: 'other' }, 'There is no job other of web on GitHub Actions.'],
    ['a job of another repository', { repo: 'api' }, 'There is no job checks of api'],
    ['a workflow that is not there', { job: 'deploy' }, 'GitHub knows no such run, workflow or repository'],
    ['a workflow that is switched off', { job: 'off' }, 'The workflow off.yml is disabled on GitHub.'],
    ['an input that the job does not have', { inputs: { shell: 'x' } }, 'The job checks has no input shell.'],
  ])('refuses %s', async (_what, args, words) => {
    const { value } = await call(config(), operations.trigger, 'preview', given(args));
    expect(value).toEqual({ refused: expect.stringContaining(words) });
  });

  it('says that GitHub takes no more calls', async () => {
    fake.wire.plan('GET', RATE_LIMITED);
    const { value } = await call(config(), operations.trigger, 'preview', given());
    expect(value).toEqual({ refused: expect.stringContaining('takes no more calls') });
  });
});

describe('the tag of a run of production', () => {
  const previewed = async (rulesets: Ruleset[] | null, more: object = {}) => {
    fake.rulesets = rulesets;
    const settings = connector.settings.parse({ ...DESCRIBED, ...more });
    return (await call(config(), operations.trigger, 'preview', { ...given({ job: 'live' }), settings }))
      .value;
  };
  const named = (include: string[], exclude: string[] = []) => ({
    conditions: { ref_name: { include, exclude } },
  });
  const rules = (...types: string[]) => ({ rules: types.map((type) => ({ type })) });

  it.each<[string, Ruleset[], string]>([
    ['one of the repository', [keepsTags()], 'tags of runs'],
    [
      'one of its organisation',
      [keepsTags({ name: 'all tags', source_type: 'Organization', ...named(['~ALL']) })],
      'all tags',
    ],
    ['one for every tag', [keepsTags(named(['refs/tags/v*', 'refs/tags/**/*']))], 'tags of runs'],
    [
      'one that leaves out others',
      [keepsTags(named(['refs/tags/countersign/*'], ['refs/tags/v*']))],
      'tags of runs',
    ],
    [
      'two together',
      [
        keepsTags({ id: 1, name: 'made', ...rules('creation') }),
        keepsTags({ id: 2, name: 'kept', ...rules('update', 'deletion') }),
      ],
      'made, kept',
    ],
  ])('is protected by %s, and says so', async (_what, rulesets, name) => {
    expect(await previewed(rulesets)).toMatchObject({
      facts: expect.arrayContaining([{ label: 'Tag protected by', value: name }]),
    });
  });

  it.each<[string, Ruleset[]]>([
    ['there is no ruleset', []],
    ['it is only tried out', [keepsTags({ enforcement: 'evaluate' })]],
    ['it is about branches', [keepsTags({ target: 'branch' })]],
    ['it is about other tags', [keepsTags(named(['refs/tags/v*']))]],
    ['its pattern ends at a slash', [keepsTags(named(['refs/tags/**']))]],
    ['it leaves out some of them', [keepsTags(named(['~ALL'], ['refs/tags/countersign/a*']))]],
    ['it leaves out what may be them', [keepsTags(named(['~ALL'], ['refs/tags/**/*']))]],
    ['the tag could be moved', [keepsTags(rules('creation', 'deletion'))]],
    ['the tag could be made first', [keepsTags(rules('update', 'deletion'))]],
  ])('is refused where %s, unless an operator accepts that', async (_what, rulesets) => {
    expect(await previewed(rulesets)).toEqual({
      refused: expect.stringContaining('No ruleset of acme/web keeps tags countersign/**'),
    });
    expect(await previewed(rulesets, { unprotected_tags: true })).toMatchObject({
      facts: expect.arrayContaining([
        { label: 'Tag protected by', value: 'nobody has looked: an operator accepts it unprotected' },
      ]),
    });
  });

  it('is refused where rulesets cannot be read', async () => {
    expect(await previewed(null)).toEqual({
      refused: expect.stringContaining('cannot be looked up: GitHub knows no'),
    });
  });

  it('is no matter elsewhere', async () => {
    fake.rulesets = [];
    const { value } = await call(config(), operations.trigger, 'preview', given());
    expect(JSON.stringify(value)).not.toContain('Tag protected by');
    expect(fake.wire.calls.some(({ path }) => path.includes('rulesets'))).toBe(false);
  });

  it.each([
    [
      'a rule that our account may not bypass',
      'rule',
      'tag_protected',
      'must add it to those who may bypass it',
    ],
    ['the workflow files of its commit', 'workflows', 'upstream_forbidden', '"Workflows: write" as well'],
  ] as const)('that GitHub refuses for %s says so, and starts nothing', async (_what, why, code, words) => {
    fake.refusesTags = why;
    const { value, heard } = await call(config(), operations.trigger, 'run', given());
    expect(value).toMatchObject({
      kind: 'failed',
      result: { code, message: expect.stringContaining(words) },
    });
    expect(heard.writes).toHaveLength(1);
  });
});

describe('a run that is there', () => {
  it('of a workflow that no job names is nobody’s business here', async () => {
    const { id } = fake.add('secret.yml');
    for (const operation of [operations.status, operations.cancel]) {
      const { value } = await call(config(), operation, 'preview', {
        args: { run: `R-${id}` },
        settings: SETTINGS,
      });
      expect(value).toEqual({ refused: expect.stringContaining('is no run of a job') });
    }
  });

  it('whose workflow jobs of different environments share is neither stopped nor run again', async () => {
    const jobs = { checks: job('checks.yml'), deploy: job('checks.yml', { environment: 'production' }) };
    const settings = connector.settings.parse({ ...DESCRIBED, jobs });
    const args = { run: `R-${fake.add('checks.yml').id}`, repo: 'web', job: 'checks' };
    const { value } = await call(config(), operations.cancel, 'preview', { args, settings });
    expect(value).toEqual({ refused: expect.stringContaining('Jobs of different environments') });
  });

  it('is stopped in the repository that it was found in, and nowhere else', async () => {
    const args = { run: `R-${fake.add('endless.yml').id}` };
    const elsewhere = { args, settings: SETTINGS, pinned: { repository: 'api' } };
    const { value } = await call(config(), operations.cancel, 'run', elsewhere);
    expect(value).toMatchObject({ kind: 'failed', result: { code: 'not_found' } });
    const nowhere = await call(config(), operations.cancel, 'run', { args, settings: SETTINGS }).catch(
      String,
    );
    expect(nowhere).toContain('has no place');
  });
});

describe('what a run printed', () => {
  const PRINTED = [
    '##[group]Run npm test',
    '\u001b[36;1mnpm test\u001b[0m',
    '##[endgroup]',
    '1 of 12 tests failed',
    '##[error]Process completed with exit code 1.',
  ].join('\n');
  const step = (name: string, conclusion: 'success' | 'failure', log?: string) => ({
    ...{ name, conclusion },
    ...(log === undefined ? {} : { log }),
  });
  const read = async (
    steps: ReturnType<typeof step>[],
    args: object = {},
    more: Partial<BrokerConfig> = {},
  ) => {
    fake.workflows['checks.yml']!.steps.splice(0, Number.POSITIVE_INFINITY, ...steps);
    const { run } = await past('checks');
    const answer = await perform({ ...ci(), config: { ...config(), ...more } }, operations.logs, {
      run,
      ...args,
    });
    if ('refused' in answer || answer.end.kind === 'running') throw new Error('not read');
    return { ...answer.end.result, run };
  };

  it('is shown without times, marks and colours, under its job, below what the steps came to', async () => {
    const { output, message, run, link } = await read([
      step('lint', 'success'),
      step('test', 'failure', PRINTED),
    ]);
    expect(message).toBe(`The end of the output of checks of web (${run}), which failed.`);
    expect(link).toContain('https://github.com/acme/web/actions/runs/');
    expect(output).toBe(
      [
        'build / lint: success',
        'build / test: failure',
        '',
        '== build ==',
        'nothing to do',
        '',
        '== build ==',
        'Run npm test',
        'npm test',
        '1 of 12 tests failed',
        'error: Process completed with exit code 1.',
      ].join('\n'),
    );
  });

  it('is that of the jobs that failed, where only these are asked for', async () => {
    const { output } = await read([step('lint', 'success', 'LINTED'), step('test', 'failure', PRINTED)], {
      part: 'failed',
    });
    expect(output).toContain('1 of 12 tests failed');
    expect(output).not.toContain('LINTED');
  });

  it('is the end of it where it is long', async () => {
    const lines = Array.from({ length: 100_000 }, (_, index) => `line ${index}`).join('\n');
    const { output = '' } = await read([step('test', 'success', lines)]);
    expect(output.endsWith('line 99998\nline 99999')).toBe(true);
    expect(output.length).toBeLessThanOrEqual(16_100);
  });

  it('is that of the last ten jobs where there are more, and says so', async () => {
    const steps = Array.from({ length: 12 }, (_, index) =>
      step(`part ${index}`, 'success', `printed ${index}.`),
    );
    const { output, message } = await read(steps);
    expect(message).toContain('The end of the output of the last 10 of 12 jobs of checks of web');
    expect(output).not.toContain('printed 1.');
    expect(output).toContain('printed 2.');
  });

  it('is said not to be there yet while its job goes on', async () => {
    fake.workflows['endless.yml']!.steps.push(good('go on'));
    const run = `R-${fake.add('endless.yml').id}`;
    const answer = await perform(ci(), operations.logs, { run });
    expect(answer).toMatchObject({
      end: { result: { output: expect.stringContaining('GitHub tells what it printed once it has ended') } },
    });
  });

  it('is said to lie where the operator lets nobody read', async () => {
    const { output, code } = await read(
      [step('test', 'success', 'x')],
      {},
      {
        upstreams: { 'api.github.com': { baseUrl: fake.wire.baseUrl, addresses: ['127.0.0.1/32'] } },
      },
    );
    expect(code).toBe('done');
    expect(output).toContain('build / test: success');
    expect(output).toContain('an operator can list it');
  });
});

describe('what a token is made for', () => {
  const values = (args: Record<string, Json>, more: object = {}) => ({
    ...{ args, pinned: {}, handle: {}, settings: SETTINGS, mark: 'm', requester: 'r' },
    ...more,
  });
  it('is the one repository that is meant, and only what the operation does', () => {
    expect(operations.trigger.scope?.(values(ARGS))).toEqual({
      repository: { owner: 'acme', repo: 'web' },
      permissions: { actions: 'write', contents: 'write' },
    });
    expect(operations.cancel.scope?.(values({ run: 'R-1' }, { pinned: { repository: 'api' } }))).toEqual({
      repository: { owner: 'acme', repo: 'api' },
      permissions: { actions: 'write' },
    });
  });
  it('is nothing where one of several repositories is meant, and nobody said which', () => {
    expect(operations.status.scope?.(values({ run: 'R-1' }))).toBeNull();
  });
});

describe('the settings', () => {
  it.each([
    ['a workflow that is a path', { ...job('../checks.yml') }],
    ['a repository that is not described', { ...job('checks.yml'), repositories: ['other'] }],
    ['an environment that rules do not know', { ...job('checks.yml'), environment: 'live' }],
  ])('are refused with %s', (_what, checks) => {
    expect(connector.settings.safeParse({ ...DESCRIBED, jobs: { checks } }).success).toBe(false);
  });
});

it('the fake covers what it says that it covers', () => {
  expect(fake.wire.routes).toEqual([...COVERAGE.routes]);
});
