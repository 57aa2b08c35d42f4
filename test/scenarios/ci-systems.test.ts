/** From a message in chat to a run on each CI system, chosen by the operator's file alone: asked, approved, ended, stopped. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAssistant, type TestAssistant } from '../support/assistant.ts';
import type { Wire } from '../support/ci-wire.ts';
import { useDatabase } from '../support/database.ts';
import { FakeGithubActions } from '../support/github-actions/fake-github-actions.ts';
import { FakeGitlab } from '../support/gitlab/fake-gitlab.ts';
import { FakeJenkins } from '../support/jenkins/fake-jenkins.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
type World = {
  wire: Wire;
  host: string;
  secret: string;
  credential: object;
  settings: object;
  /** Where what its runs printed lies, if not at the system itself. */
  files?: string;
  /** What the run of `checks` printed. */
  printed: string;
  stop: () => Promise<unknown>;
  /** The commits of what has begun there, and what it was given to say for whom. */
  begun: () => { commit: string | undefined; said: string }[];
  /** A run that goes on, whoever looks. */
  going: () => string;
};
const job = (more: object) => ({ title: 'Checks', repositories: ['web'], environment: 'test', ...more });
const step = {
  name: 'test',
  conclusion: 'success' as const,
  log: '##[group]Run tests\n12 of 12 tests passed',
};

const WORLDS: Record<string, () => Promise<World>> = {
  'github-actions': async () => {
    const fake = await FakeGithubActions.start({
      'checks.yml': { inputs: [], steps: [step] },
      'endless.yml': { inputs: [], steps: [step], endless: true },
    });
    return {
      ...{ wire: fake.wire, host: 'api.github.com', secret: fake.token, stop: () => fake.stop() },
      ...{ files: fake.store.baseUrl, printed: 'Run tests\n12 of 12 tests passed' },
      credential: { github: { scheme: 'bearer', host: 'api.github.com', env: 'CI_SECRET' } },
      settings: {
        account: fake.account,
        repositories: { web: { owner: 'acme', repo: 'web' } },
        jobs: { checks: job({ workflow: 'checks.yml' }), endless: job({ workflow: 'endless.yml' }) },
      },
      begun: () => fake.runs.map((run) => ({ commit: run.head_sha, said: '' })),
      going: () => `R-${fake.add('endless.yml').id}`,
    };
  },
  gitlab: async () => {
    const trace = { name: 'unit', stage: 'test', status: 'success' as const, trace: 'fine' };
    const fake = await FakeGitlab.start({
      checks: { jobs: [trace] },
      endless: { jobs: [trace], endless: true },
    });
    return {
      ...{ wire: fake.wire, host: 'gitlab', secret: fake.token, stop: () => fake.wire.stop() },
      printed: 'fine',
      credential: { gitlab: { scheme: 'header', header: 'private-token', host: 'gitlab', env: 'CI_SECRET' } },
      settings: {
        account: fake.account,
        repositories: { web: { project: fake.project } },
        jobs: {
          checks: job({ variables: { TARGET: 'checks' } }),
          endless: job({ variables: { TARGET: 'endless' } }),
        },
      },
      begun: () =>
        fake.pipelines.map(({ sha, variables }) => ({
          commit: sha,
          said: variables.COUNTERSIGN_REQUESTER ?? '',
        })),
      going: () => `R-${fake.add({ variables: { TARGET: 'endless', COUNTERSIGN_JOB: 'endless' } }).id}`,
    };
  },
  jenkins: async () => {
    const parameters = ['COMMIT', 'MARK', 'WHO'];
    const fake = await FakeJenkins.start({
      checks: { parameters, output: ['fine'], result: 'SUCCESS' },
      'team/endless': { parameters, output: [], result: 'SUCCESS', endless: true },
    });
    const crumb = '/crumbIssuer/api/json';
    return {
      ...{ wire: fake.wire, host: 'jenkins', secret: fake.password, stop: () => fake.wire.stop() },
      printed: 'fine',
      credential: {
        jenkins: { scheme: 'basic', user: 'countersign', crumb, host: 'jenkins', env: 'CI_SECRET' },
      },
      settings: {
        account: 'countersign',
        parameters: { commit: 'COMMIT', mark: 'MARK', requester: 'WHO' },
        repositories: { web: {} },
        jobs: { checks: job({ path: 'checks' }), endless: job({ path: 'team/endless' }) },
      },
      begun: () =>
        fake.items.map((item) => ({ commit: item.parameters.COMMIT, said: item.parameters.WHO ?? '' })),
      going: () => {
        const item = fake.add('team/endless', { COMMIT });
        fake.begin(item);
        return `R-${item.id}`;
      },
    };
  },
};

/** The operator's file, as docs/connectors.md describes it. */
const chosen = (name: string, { wire, host, credential, settings, files }: World): string =>
  Object.entries({
    connectors: { ci: { use: name, settings } },
    upstreams: {
      [host]: {
        ...{ base_url: wire.baseUrl, addresses: ['127.0.0.1/32'] },
        ...(files === undefined ? {} : { files: [files] }),
      },
    },
    credentials: credential,
  })
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
    .join('\n');

describe.each(Object.keys(WORLDS))('through the whole product to %s', (name) => {
  const database = useDatabase();
  let world: World;
  let house: TestAssistant;
  beforeAll(async () => {
    world = await WORLDS[name]!();
    house = await startAssistant(database, {
      extra: chosen(name, world),
      environment: { LOCAL_MODE_WITH_CONNECTORS: '1', CI_SECRET: world.secret },
    });
  });
  afterAll(async () => {
    await house?.running.stop();
    house?.home.remove();
    await world?.stop();
  });

  // Jenkins has no repository to ask, and GitLab starts nothing on a commit.
  const ref = name === 'jenkins' ? COMMIT : 'main';

  it('a job runs on the approved commit, once somebody on call has approved', async () => {
    const asked = await house.ask('alice', `ci trigger repo=web ref=${ref} job=checks`);
    expect(asked).toMatchObject({
      state: 'pending',
      needs: [{ kind: 'approve', group: 'oncall', count: 1 }],
    });
    expect(world.begun()).toEqual([]);
    await house.done('bob', asked, 'approve');
    const ended = await house.until(asked, 'succeeded');
    expect(ended.result).toMatchObject({
      code: 'done',
      message: expect.stringMatching(/checks of web \(R-\d+\) passed/),
    });
    expect(world.begun()).toMatchObject([{ commit: COMMIT }]);
    if (name !== 'github-actions') expect(world.begun()[0]?.said).toBe('alice (Alice Adams)');
    const run = (ended.result?.data as { run: string } | undefined)?.run ?? '';
    const looked = await house.until(await house.ask('alice', `ci status run=${run}`), 'succeeded');
    expect(looked.result?.message).toContain('passed');
    const read = await house.until(await house.ask('alice', `ci logs run=${run}`), 'succeeded');
    expect(read.result?.output).toContain(world.printed);
  });

  it('a run is stopped by an engineer', async () => {
    const run = world.going();
    const asked = await house.ask('alice', `ci cancel run=${run}`);
    const ended = await house.until(asked, 'succeeded');
    expect(ended.result?.message).toBe(`endless of web (${run}) was stopped.`);
  });

  it('nothing of the credential stands in the log', async () => {
    expect(JSON.stringify(await house.verifiedLog())).not.toContain(world.secret);
  });
});
