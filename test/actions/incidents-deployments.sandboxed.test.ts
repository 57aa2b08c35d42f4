/** Incidents and deployments through a workflow or a pipeline, each from the real sandbox and through a real broker. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { githubDeployWorkflow } from '../../actions/connectors/github-deploy-workflow.ts';
import { gitlabDeployments } from '../../actions/connectors/gitlab-deployments.ts';
import { pagerduty } from '../../actions/connectors/pagerduty.ts';
import type { EgressValues } from '../../src/action.ts';
import { CredentialEntry, credentialOf } from '../../src/credentials/entry.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import {
  type DeployingGithub,
  startDeployingGithub,
  WORKFLOW,
} from '../support/github-deploy-workflow/deploying-github.ts';
import { FakeGitlab } from '../support/gitlab/fake-gitlab.ts';
import { FakePagerDuty } from '../support/pagerduty/fake-pagerduty.ts';
import { inSandbox } from './in-sandbox.ts';

const ASKED = { pinned: {}, handle: {}, mark: 'ab'.repeat(16), requester: 'alice (Alice Adams)' };
/** The way out with a credential as the operator's file grants it. */
const at = (
  host: string,
  baseUrl: string,
  scheme: 'bearer' | 'pagerduty',
  secret: string,
): Partial<BrokerConfig> => ({
  upstreams: { [host]: { baseUrl, addresses: ['127.0.0.1/32'] } },
  credentials: {
    get: async () => credentialOf(CredentialEntry.parse({ scheme, host, env: 'SECRET' }), secret),
  },
});

describe('in the sandbox PagerDuty', () => {
  let fake: FakePagerDuty;
  beforeAll(async () => {
    fake = await FakePagerDuty.start(`pd-${crypto.randomUUID()}`);
  });
  afterAll(() => fake.stop());

  const on = (operation: string, call: 'run' | 'reconcile', args: EgressValues['args']) =>
    inSandbox({
      ...{ connector: pagerduty, operation, call },
      values: {
        ...ASKED,
        args,
        settings: pagerduty.settings.parse({
          from: 'assistant@example.com',
          account: 'PASSIST',
          web: 'https://acme.pagerduty.com',
          services: { web: { id: 'PWEB001', title: 'Web' } },
        }),
      },
      config: at('api.pagerduty.com', fake.wire.baseUrl, 'pagerduty', fake.token),
    });

  it('opens an incident and finds it again, and the credential stays outside', async () => {
    const args = { service: 'web', title: 'Checkout is down' };
    const { outcome, summary, calls } = await on('open', 'run', args);
    expect(summary.failure).toBeNull();
    expect(calls).toMatchObject([{ effect: 'write', method: 'POST', status: 201 }]);
    expect(outcome).toMatchObject({ kind: 'answered', value: { kind: 'done' } });
    expect(fake.incidents).toMatchObject([{ title: 'Checkout is down', incident_key: ASKED.mark }]);
    expect(JSON.stringify(outcome)).not.toContain(fake.token);
    const again = await on('open', 'reconcile', args);
    expect(again.outcome).toMatchObject({ kind: 'answered', value: { kind: 'happened' } });
  });

  it('that gives the credential back in somebody’s words is not heard', async () => {
    const title = `We use ${fake.token} for it`;
    const { id } = fake.open({ title, service: 'PWEB001', key: 'k', details: '' });
    const { outcome } = await on('status', 'run', { incident: id });
    expect(outcome).toMatchObject({ value: { result: { output: 'We use [redacted] for it' } } });
  });
});

describe('in the sandbox a workflow that deploys', () => {
  let github: DeployingGithub;
  beforeAll(async () => {
    github = await startDeployingGithub();
  });
  afterAll(() => github.stop());

  const on = (call: 'preview' | 'run' | 'reconcile' | 'follow', more: Partial<EgressValues> = {}) =>
    inSandbox({
      ...{ connector: githubDeployWorkflow, operation: 'promote', call },
      values: {
        ...ASKED,
        args: { service: 'web', to: 'production' },
        settings: githubDeployWorkflow.settings.parse({
          account: github.account,
          services: {
            web: {
              ...{ owner: 'acme', repo: 'web', workflow: WORKFLOW },
              environments: [{ name: 'staging' }, { name: 'production', from: 'staging' }],
            },
          },
        }),
        ...more,
      },
      config: at('api.github.com', github.wire.baseUrl, 'bearer', github.token),
    });

  it('is started on its tag at the pinned commit, found again and followed, and the credential stays outside', async () => {
    const pinned = { commit: github.push('Say hello') };
    const { outcome, summary, calls } = await on('run', { pinned });
    expect(summary.failure).toBeNull();
    expect(calls).toMatchObject([
      { effect: 'write', method: 'POST', status: 201 },
      { effect: 'write', method: 'POST', status: 200 },
    ]);
    const [run] = github.actions.runs;
    const handle = { run: String(run?.id), service: 'web', environment: 'production' };
    expect(outcome).toMatchObject({ kind: 'answered', value: { kind: 'running', handle } });
    expect(github.actions.tags.get(`countersign/${ASKED.mark}`)).toBe(pinned.commit);
    expect(run).toMatchObject({ head_sha: pinned.commit, inputs: { environment: 'production' } });
    const found = await on('reconcile', { pinned });
    expect(found.outcome).toMatchObject({ value: { kind: 'happened', outcome: { handle } } });
    run!.progress = 1;
    const ended = await on('follow', { pinned, handle: { ...handle, repo: 'web', job: 'deploy' } });
    expect(ended.outcome).toMatchObject({ value: { kind: 'done', result: { data: pinned } } });
    expect(JSON.stringify([outcome, found.outcome, ended.outcome])).not.toContain(github.token);
  });

  it('shows no credential that stands in the title of a commit', async () => {
    github.past.add('production', github.past.titles.length);
    github.push(`Use ${github.token}`);
    github.past.add('staging', github.past.titles.length);
    const { outcome } = await on('preview');
    const facts = expect.arrayContaining([expect.objectContaining({ value: '“Use [redacted]”' })]);
    expect(outcome).toMatchObject({ kind: 'answered', value: { facts } });
    expect(JSON.stringify(outcome)).not.toContain(github.token);
  });
});

describe('in the sandbox a pipeline that deploys', () => {
  let gitlab: FakeGitlab;
  beforeAll(async () => {
    const job = { name: 'deploy', stage: 'deploy', status: 'success' as const, trace: 'deployed' };
    gitlab = await FakeGitlab.start({ deploy: { jobs: [job] } });
  });
  afterAll(() => gitlab.wire.stop());

  const on = (call: 'preview' | 'run' | 'reconcile', pinned: Record<string, string> = {}) =>
    inSandbox({
      ...{ connector: gitlabDeployments, operation: 'promote', call },
      values: {
        ...ASKED,
        args: { service: 'web', to: 'staging', ref: 'main' },
        pinned,
        settings: gitlabDeployments.settings.parse({
          account: gitlab.account,
          services: {
            web: { project: 42, variables: { TARGET: 'deploy' }, environments: [{ name: 'staging' }] },
          },
        }),
      },
      config: {
        upstreams: { gitlab: { baseUrl: gitlab.wire.baseUrl, addresses: ['127.0.0.1/32'] } },
        credentials: { get: async () => ({ kind: 'header', header: 'private-token', value: gitlab.token }) },
      },
    });

  it('is previewed, started on its tag, found again, and the credential stays outside', async () => {
    const commit = gitlab.branches.get('main') ?? '';
    const seen = await on('preview');
    expect(seen.outcome).toMatchObject({ kind: 'answered', value: { pinned: { commit, newest: 'none' } } });
    const { outcome, summary, calls } = await on('run', { commit });
    expect(summary.failure).toBeNull();
    expect(calls.filter(({ effect }) => effect === 'write')).toMatchObject([
      { method: 'POST', status: 201 },
      { method: 'POST', status: 201 },
    ]);
    const handle = { service: 'web', environment: 'staging' };
    expect(outcome).toMatchObject({ kind: 'answered', value: { kind: 'running', handle } });
    expect(gitlab.tags.get(`countersign-${ASKED.mark}`)).toBe(commit);
    const found = await on('reconcile', { commit });
    expect(found.outcome).toMatchObject({ value: { kind: 'happened', outcome: { handle } } });
    expect(JSON.stringify([seen.outcome, outcome, found.outcome])).not.toContain(gitlab.token);
  });
});
