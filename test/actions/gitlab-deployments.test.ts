import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { operations } from '../../actions/connectors/gitlab-deployments.operations.ts';
import { gitlabDeployments as connector } from '../../actions/connectors/gitlab-deployments.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import type { Json } from '../../src/model/request.ts';
import { FakeGitlab } from '../support/gitlab/fake-gitlab.ts';
import { A, B, C, type DeployWorld, deployingContract, FAILS, GOES_ON } from './deploying-contract.ts';
import { call, type Given } from './through-broker.ts';

const DONE = 99;
const settingsFor = (there: (name: string) => string): Json =>
  connector.settings.parse({
    account: 'countersign',
    services: {
      web: {
        project: 42,
        variables: { TARGET: 'deploy' },
        environments: [
          { name: 'staging', on_gitlab: there('staging') },
          { name: 'production', from: 'staging', on_gitlab: there('production') },
          { name: 'test', on_gitlab: there('test') },
        ],
      },
    },
  });
const SCRIPTS = {
  deploy: { jobs: [{ name: 'deploy', stage: 'deploy', status: 'success' as const, trace: 'deployed' }] },
  endless: { jobs: [], endless: true },
};

async function startFake(): Promise<FakeGitlab> {
  const fake = await FakeGitlab.start(SCRIPTS);
  fake.history.push(A, B, C, FAILS, GOES_ON);
  fake.branches.set('main', C);
  fake.fails = FAILS;
  return fake;
}
const wayTo = (fake: FakeGitlab): Partial<BrokerConfig> => ({
  upstreams: { gitlab: { baseUrl: fake.wire.baseUrl, addresses: ['127.0.0.1/32'] } },
  credentials: { get: async () => ({ kind: 'header', header: 'private-token', value: fake.token }) },
});

async function start(): Promise<DeployWorld> {
  const fake = await startFake();
  return {
    way: (who) => {
      fake.account = who === 'ours' ? 'countersign' : 'eve';
      return wayTo(fake);
    },
    byHand: async (there, sha) => {
      const variables = { TARGET: 'deploy', INPUT_ENVIRONMENT: there };
      fake.add({ sha, username: 'eve', variables, progress: sha === GOES_ON ? 1 : DONE });
      if (sha === GOES_ON) fake.pipelines.at(-1)!.variables.TARGET = 'endless';
    },
    takenUp: async () => {},
    endAll: async () => {
      for (const pipeline of fake.pipelines) pipeline.cancelled ||= pipeline.variables.TARGET === 'endless';
    },
    ran: async () =>
      fake.pipelines
        .filter(({ source }) => source === 'api')
        .map(({ variables, sha }) => ({ there: variables.INPUT_ENVIRONMENT ?? '', commit: sha })),
    stop: fake.wire.stop,
  };
}

describe('GitLab', () => {
  deployingContract({ connector, settings: settingsFor, start });
});

describe("GitLab's own ways", () => {
  let fake: FakeGitlab;
  const fakes: FakeGitlab[] = [];
  beforeEach(async () => {
    fake = await startFake();
    fakes.push(fake);
  });
  afterAll(() => Promise.all(fakes.map(({ wire }) => wire.stop())));
  const SETTINGS = settingsFor((name) => name);
  const STAGING = { service: 'web', to: 'staging', ref: 'main' };
  const given = (
    args: Record<string, Json> = STAGING,
    pinned: Record<string, string> = { commit: C },
  ): Given => ({
    ...{ args, pinned, settings: SETTINGS },
    mark: crypto.randomUUID().replaceAll('-', ''),
  });
  const preview = async (args: Record<string, Json>) =>
    (await call(wayTo(fake), operations.promote, 'preview', given(args, {}))).value;

  it('start on a tag made for the request, which stays; the pipeline of its push is not taken for ours', async () => {
    const request = given();
    const { value, heard } = await call(wayTo(fake), operations.promote, 'run', request);
    const [pushed, ours] = fake.pipelines;
    expect(value).toMatchObject({ kind: 'running', handle: { pipeline: String(ours?.id) } });
    expect(pushed).toMatchObject({ source: 'push', ref: ours?.ref });
    expect(ours).toMatchObject({
      ...{ source: 'api', sha: C, ref: `countersign-${request.mark}` },
      variables: { TARGET: 'deploy', INPUT_ENVIRONMENT: 'staging', COUNTERSIGN_MARK: request.mark },
    });
    expect([...fake.tags]).toEqual([[ours?.ref, C]]);
    expect(heard.writes).toHaveLength(2);
    fake.names = false;
    expect((await call(wayTo(fake), operations.promote, 'reconcile', request)).value).toMatchObject({
      outcome: { handle: { pipeline: String(ours?.id) } },
    });
    // One that was never started is not made up for by what the push has started.
    fake.pipelines.pop();
    fake.filtersSource = false;
    const lost = await call(wayTo(fake), operations.promote, 'reconcile', request);
    expect(lost.value).toEqual({ kind: 'cannot_tell' });
  });

  it('take the tag away again where no pipeline starts', async () => {
    const settings = { ...(SETTINGS as { services: { web: object } }) };
    const web = { ...settings.services.web, variables: { TARGET: 'nothing' } };
    const request = { ...given(), settings: { ...settings, services: { web } } as Json };
    const { value } = await call(wayTo(fake), operations.promote, 'run', request);
    expect(value).toMatchObject({ kind: 'failed', result: { code: 'upstream_rejected' } });
    expect(fake.tags.size).toBe(0);
    fake.wire.plan('DELETE', { status: 403, body: { message: '403 Forbidden' } });
    const again = { ...given(), settings: request.settings };
    expect((await call(wayTo(fake), operations.promote, 'run', again)).value).toMatchObject({
      result: {
        message: expect.stringContaining(`countersign-${again.mark} was made and could not be taken away`),
      },
    });
  });

  it('may keep its tags from our account: nothing starts, and the reason is said in our words', async () => {
    fake.protectsTags = true;
    const { value } = await call(wayTo(fake), operations.promote, 'run', given());
    expect(value).toMatchObject({
      kind: 'failed',
      result: {
        code: 'upstream_forbidden',
        message: expect.stringContaining('protected tags countersign-*'),
      },
    });
    expect(fake.pipelines).toHaveLength(0);
  });

  it('may move the tag before the start: what ran on another commit has failed', async () => {
    fake.movesTo = B;
    const request = given();
    const { value } = await call(wayTo(fake), operations.promote, 'run', request);
    if (value.kind !== 'running') throw new Error(JSON.stringify(value));
    let look = await call(wayTo(fake), operations.promote, 'follow', { ...request, handle: value.handle });
    while (look.value.kind === 'running') {
      const { handle } = look.value;
      look = await call(wayTo(fake), operations.promote, 'follow', { ...request, handle });
    }
    expect(look.value).toMatchObject({ kind: 'failed', result: { code: 'other_commit' } });
  });

  it('have jobs that wait for a click, for good: somebody else’s keeps nobody from deploying, ours does', async () => {
    const variables = { TARGET: 'endless', INPUT_ENVIRONMENT: 'staging' };
    fake.add({ sha: A, username: 'eve', variables });
    expect(await preview(STAGING)).toMatchObject({ pinned: { commit: C, newest: 'none' } });
    fake.add({ sha: A, variables });
    expect(await preview(STAGING)).toMatchObject({ refused: expect.stringContaining('has not ended yet') });
  });

  it('number deployments by project, and tell how many commits lie between, with the newest titles', async () => {
    const variables = { TARGET: 'deploy', INPUT_ENVIRONMENT: 'staging' };
    fake.add({ sha: A, username: 'eve', variables, progress: DONE });
    expect(await preview(STAGING)).toMatchObject({
      pinned: { current: `1 ${A}` },
      facts: expect.arrayContaining([
        { label: 'Commit', value: `${C} (main now)` },
        { label: 'Changes', value: '2 commits, from aaaaaaaaaaaa to cccccccccccc' },
        { label: 'Commits', value: '“Change bbbb”\n“Change cccc”', quoted: true },
        { label: 'Through', value: 'a tag made for this request at that commit' },
      ]),
    });
    const back = await call(
      wayTo(fake),
      operations.promote,
      'preview',
      given({ ...STAGING, ref: fake.history[0] ?? '' }, {}),
    );
    expect(back.value).toMatchObject({
      facts: expect.arrayContaining([
        { label: 'Changes', value: expect.stringMatching(/^back by 2 commits, from aaaaaaaaaaaa/) },
      ]),
    });
  });
});

describe('settings of deployments on GitLab', () => {
  let parse: (web: object) => boolean;
  beforeAll(() => {
    const environments = [{ name: 'staging' }];
    parse = (web) =>
      connector.settings.safeParse({
        account: 'countersign',
        services: { web: { project: 42, environments, ...web } },
      }).success;
  });
  it('take no variable that is ours, and no project by its path', () => {
    expect(parse({})).toBe(true);
    expect(parse({ variables: { INPUT_ENVIRONMENT: 'production' } })).toBe(false);
    expect(parse({ project: 'acme/web' })).toBe(false);
  });
});
