import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CONNECTORS } from '../../actions/catalogue.ts';
import type { Connector, EgressValues } from '../../src/action.ts';
import { type BrokerConfig, createBroker } from '../../src/execution/broker/broker.ts';
import { bundleOperations } from '../../src/execution/sandbox/bundle.ts';
import { createSandbox } from '../../src/execution/sandbox/sandbox.ts';
import type { Json } from '../../src/model/request.ts';
import { FakeGithubActions } from '../support/github-actions/fake-github-actions.ts';
import { FakeGitlab } from '../support/gitlab/fake-gitlab.ts';
import { FakeJenkins } from '../support/jenkins/fake-jenkins.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const folder = mkdtempSync(join(tmpdir(), 'bundles-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type World = {
  name: string;
  host: string;
  secret: string;
  credential: Awaited<ReturnType<BrokerConfig['credentials']['get']>>;
  settings: Json;
  wire: { baseUrl: string; stop(): Promise<void> };
  /** What has begun there. */
  begun: () => unknown[];
};
const job = (more: object) => ({ title: 'Checks', repositories: ['web'], environment: 'test', ...more });

const WORLDS: Record<string, () => Promise<World>> = {
  'github-actions': async () => {
    const fake = await FakeGithubActions.start({ 'checks.yml': { inputs: [], steps: [] } });
    return {
      ...{ name: 'github-actions', host: 'api.github.com', secret: fake.token, wire: fake.wire },
      credential: `Bearer ${fake.token}`,
      settings: {
        account: fake.account,
        repositories: { web: { owner: 'acme', repo: 'web' } },
        jobs: { checks: job({ workflow: 'checks.yml' }) },
      },
      begun: () => fake.runs.map((run) => run.head_sha),
    };
  },
  gitlab: async () => {
    const fake = await FakeGitlab.start({ checks: { jobs: [] } });
    return {
      ...{ name: 'gitlab', host: 'gitlab', secret: fake.token, wire: fake.wire },
      credential: { kind: 'header', header: 'private-token', value: fake.token },
      settings: {
        account: fake.account,
        repositories: { web: { project: fake.project } },
        jobs: { checks: job({ variables: { TARGET: 'checks' } }) },
      },
      begun: () => fake.pipelines.map((pipeline) => pipeline.sha),
    };
  },
  jenkins: async () => {
    const fake = await FakeJenkins.start({
      checks: { parameters: ['COMMIT'], output: [], result: 'SUCCESS' },
    });
    return {
      ...{ name: 'jenkins', host: 'jenkins', secret: fake.password, wire: fake.wire },
      credential: { kind: 'crumb', path: '/crumbIssuer/api/json', authorization: fake.authorization() },
      settings: {
        account: 'countersign',
        parameters: { commit: 'COMMIT' },
        repositories: { web: {} },
        jobs: { checks: job({ path: 'checks' }) },
      },
      begun: () => fake.items.map((item) => item.parameters.COMMIT),
    };
  },
};

/** Starts a job in a real sandbox, behind a real broker. */
async function startIn(world: World, connector: Connector) {
  const settings = connector.settings.parse(world.settings);
  const args = { repo: 'web', ref: 'main', job: 'checks' };
  const values: EgressValues = {
    ...{ args, settings, pinned: { commit: COMMIT }, handle: {} },
    ...{ mark: 'mark1', requester: 'alice (Alice Adams)' },
  };
  const operation = connector.operations.trigger!;
  const bundles = await bundleOperations({ modules: [connector], outFolder: folder });
  const sandbox = await createSandbox({ level: 'kernel-lite', outFolder: folder });
  const broker = createBroker({
    upstreams: { [world.host]: { baseUrl: world.wire.baseUrl, addresses: ['127.0.0.1/32'] } },
    builtIns: {},
    credentials: { get: async () => world.credential },
    scan: () => null,
  });
  const door = broker.open({
    ...{ rules: operation.egress, values, phase: 'full', writes: operation.writes, idempotencyKey: 'key-1' },
    hooks: { beforeWrite: async () => {}, afterCall: async () => {}, refused: async () => {} },
  });
  const { pinned, mark, requester } = values;
  const outcome = await sandbox.run({
    bundle: bundles.get(connector.name)!,
    job: {
      ...{ call: 'run', operation: 'trigger', input: args, settings, pinned, mark, requester },
      idempotencyKey: 'key-1',
    },
    door: (stream) => door.attach(stream),
  });
  await door.close();
  await broker.close();
  return outcome;
}

describe('in the sandbox', () => {
  it.each(Object.keys(WORLDS))(
    '%s starts a run of the pinned commit, and never sees the credential',
    async (name) => {
      const world = await WORLDS[name]!();
      const connector = CONNECTORS.find((candidate) => candidate.name === name)!;
      const outcome = await startIn(world, connector);
      await world.wire.stop();
      expect(outcome).toMatchObject({ kind: 'answered', value: { kind: 'running' } });
      expect(world.begun()).toEqual([COMMIT]);
      expect(JSON.stringify(outcome)).not.toContain(world.secret);
    },
  );
});
