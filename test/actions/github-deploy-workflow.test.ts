/** What runs now is asked of the fake of deployments, the run itself of the fake of Actions: on GitHub they are one. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { operations } from '../../actions/connectors/github-deploy-workflow.operations.ts';
import { githubDeployWorkflow as connector } from '../../actions/connectors/github-deploy-workflow.ts';
import type { Look } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { FakeGithubActions, type Workflow } from '../support/github-actions/fake-github-actions.ts';
import { keepsTags } from '../support/github-actions/rulesets.ts';
import { commitAt, FakeGithubDeployments } from '../support/github-deployments/fake-github-deployments.ts';
import { call, type Given } from './through-broker.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const OTHER = 'fedcba9876543210fedcba9876543210fedcba98';
const SETTINGS = connector.settings.parse({
  account: 'countersign[bot]',
  services: {
    web: {
      ...{ owner: 'acme', repo: 'web', workflow: 'deploy.yml', input: 'target' },
      environments: [{ name: 'staging' }, { name: 'production', from: 'staging', on_github: 'prod-eu' }],
    },
  },
});
const LIVE = { service: 'web', to: 'production' };
const WORKFLOW: Workflow = { inputs: ['target'], steps: [{ name: 'deploy', conclusion: 'success' }] };

let past: FakeGithubDeployments;
let actions: FakeGithubActions;
const fakes: { stop(): Promise<void> }[] = [];
beforeEach(async () => {
  past = await FakeGithubDeployments.start();
  actions = await FakeGithubActions.start({ 'deploy.yml': { ...WORKFLOW } });
  fakes.push(past.wire, actions);
});
afterAll(() => Promise.all(fakes.map((each) => each.stop())));

const at = (fake: { wire: { baseUrl: string }; token: string }) => ({
  upstreams: { 'api.github.com': { baseUrl: fake.wire.baseUrl, addresses: ['127.0.0.1/32'] } },
  credentials: { get: async () => `Bearer ${fake.token}` },
});
const given = (args: Record<string, Json> = LIVE, commit = COMMIT): Given => ({
  args,
  pinned: { commit },
  mark: crypto.randomUUID().replaceAll('-', ''),
  settings: SETTINGS,
});
async function ended(request: Given): Promise<Look> {
  const { value } = await call(at(actions), operations.promote, 'run', request);
  if (value.kind !== 'running') throw new Error(JSON.stringify(value));
  let look: Look = { kind: 'running', handle: value.handle, output: '' };
  while (look.kind === 'running')
    look = (await call(at(actions), operations.promote, 'follow', { ...request, handle: look.handle })).value;
  return look;
}

describe('a deployment through a workflow', () => {
  it('shows what runs now by the deployments that GitHub keeps, and the workflow that will run', async () => {
    past.add('prod-eu', 3);
    past.add('staging', 6);
    const { value } = await call(at(past), operations.promote, 'preview', { args: LIVE, settings: SETTINGS });
    expect(value).toMatchObject({
      summary: `Deploy ${commitAt(6).slice(0, 12)} of web to production, through GitHub Actions.`,
      pinned: { commit: commitAt(6) },
      facts: expect.arrayContaining([{ label: 'Workflow', value: 'deploy.yml of acme/web' }]),
    });
  });

  it('to production is refused where no ruleset keeps its tag, and to staging is not', async () => {
    past.add('staging', 6);
    past.rulesets = [];
    const preview = async (args: Record<string, Json>) =>
      (await call(at(past), operations.promote, 'preview', { args, settings: SETTINGS })).value;
    expect(await preview(LIVE)).toEqual({ refused: expect.stringContaining('No ruleset of acme/web keeps') });
    expect(await preview({ service: 'web', to: 'staging', ref: 'main' })).toMatchObject({ pinned: {} });
    past.rulesets = [keepsTags()];
    expect(await preview(LIVE)).toMatchObject({
      facts: expect.arrayContaining([{ label: 'Tag protected by', value: 'tags of runs' }]),
    });
  });

  it('is refused where its workflow is switched off', async () => {
    past.add('staging', 6);
    past.workflow = 'disabled_manually';
    const { value } = await call(at(past), operations.promote, 'preview', { args: LIVE, settings: SETTINGS });
    expect(value).toEqual({ refused: 'The workflow deploy.yml is disabled on GitHub.' });
  });

  it('runs on a tag of its own at the pinned commit, told where to by its input, to the end', async () => {
    const look = await ended(given());
    const [run] = actions.runs;
    expect(run).toMatchObject({ head_sha: COMMIT, inputs: { target: 'prod-eu' } });
    expect(run?.head_branch).toMatch(/^countersign\/[0-9a-f]{32}$/);
    expect(look).toMatchObject({
      kind: 'done',
      result: { message: `Deployed ${COMMIT.slice(0, 12)} of web to production (R-${run?.id}).` },
    });
  });

  it('that fails says which step', async () => {
    actions.workflows['deploy.yml']!.steps = [{ name: 'deploy', conclusion: 'failure' }];
    expect(await ended(given())).toMatchObject({
      kind: 'failed',
      result: { code: 'run_failed', output: 'build / deploy: failure' },
    });
  });

  it('of another commit than the approved one has failed', async () => {
    actions.movesTagsTo = OTHER;
    expect(await ended(given())).toMatchObject({ kind: 'failed', result: { code: 'other_commit' } });
  });

  it('whose answer was lost is found by its tag, started by our account', async () => {
    const request = given();
    await call(at(actions), operations.promote, 'run', request);
    const found = await call(at(actions), operations.promote, 'reconcile', request);
    expect(found.value).toMatchObject({
      kind: 'happened',
      outcome: { handle: { run: String(actions.runs[0]?.id), service: 'web', environment: 'production' } },
    });
    actions.runs[0]!.actor = 'eve';
    expect((await call(at(actions), operations.promote, 'reconcile', request)).value.kind).toBe(
      'cannot_tell',
    );
  });

  it('gets a token for its tag and its run, and a look that stops it one for the run alone', () => {
    const values = {
      ...{ args: LIVE, pinned: { commit: COMMIT }, settings: SETTINGS },
      mark: 'm',
      requester: 'r',
    };
    const made = (handle: Record<string, Json>) => operations.promote.scope?.({ ...values, handle });
    const repository = { owner: 'acme', repo: 'web' };
    expect(made({})).toEqual({
      repository,
      permissions: { actions: 'write', contents: 'write', deployments: 'read' },
    });
    expect(made({ stop: 'wanted' })).toEqual({ repository, permissions: { actions: 'write' } });
  });

  it('is not started where no commit is pinned', async () => {
    const { value } = await call(at(actions), operations.promote, 'run', { ...given(), pinned: {} });
    expect(value).toMatchObject({ kind: 'failed', result: { code: 'not_pinned' } });
  });
});
