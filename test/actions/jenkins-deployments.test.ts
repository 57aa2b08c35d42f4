import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { operations } from '../../actions/connectors/jenkins-deployments.operations.ts';
import { jenkinsDeployments as connector } from '../../actions/connectors/jenkins-deployments.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import type { Json } from '../../src/model/request.ts';
import { commitAt, FakeGithubDeployments } from '../support/github-deployments/fake-github-deployments.ts';
import { FakeJenkins, type JenkinsJob } from '../support/jenkins/fake-jenkins.ts';
import { A, B, type DeployWorld, deployingContract, FAILS, GOES_ON } from './deploying-contract.ts';
import { call, type Given } from './through-broker.ts';

const OURS = ['COMMIT', 'COUNTERSIGN_MARK', 'REQUESTED_BY'];
const PATH = 'team/web/deploy';
const JOBS: Record<string, JenkinsJob> = {
  [PATH]: {
    parameters: [...OURS, 'ENVIRONMENT'],
    output: ['deploying $COMMIT'],
    result: 'SUCCESS',
    fails: FAILS,
  },
  'team/web/other': { parameters: [...OURS, 'ENVIRONMENT'], output: [], result: 'SUCCESS' },
  bare: { parameters: OURS, output: [], result: 'SUCCESS' },
};
const settingsFor = (there: (name: string) => string, more: object = {}): Json =>
  connector.settings.parse({
    account: 'countersign',
    parameters: { commit: 'COMMIT', mark: 'COUNTERSIGN_MARK', requester: 'REQUESTED_BY' },
    services: {
      web: {
        path: PATH,
        environments: [
          { name: 'staging', on_jenkins: there('staging') },
          { name: 'production', from: 'staging', on_jenkins: there('production') },
          { name: 'test', on_jenkins: there('test') },
        ],
        ...more,
      },
    },
  });

const wayTo = (fake: FakeJenkins, user = 'countersign', github = ''): Partial<BrokerConfig> => ({
  upstreams: {
    jenkins: { baseUrl: fake.wire.baseUrl, addresses: ['127.0.0.1/32'] },
    ...(github === '' ? {} : { 'api.github.com': { baseUrl: github, addresses: ['127.0.0.1/32'] } }),
  },
  credentials: {
    get: async () => ({
      kind: 'crumb',
      path: '/crumbIssuer/api/json',
      authorization: fake.authorization(user),
    }),
  },
});

/** A build that somebody has begun on Jenkins itself. */
function begun(fake: FakeJenkins, parameters: Record<string, string>, result: string | null) {
  const item = fake.add(PATH, parameters, 'eve');
  fake.begin(item);
  item.result = result;
  return item;
}

async function start(): Promise<DeployWorld> {
  const fake = await FakeJenkins.start(JOBS);
  return {
    way: (who) => wayTo(fake, who === 'ours' ? 'countersign' : 'eve'),
    byHand: async (there, commit) =>
      void begun(fake, { COMMIT: commit, ENVIRONMENT: there }, commit === GOES_ON ? null : 'SUCCESS'),
    takenUp: async () => {
      for (const item of fake.items) if (item.number === null) fake.begin(item);
    },
    endAll: async () => {
      for (const item of fake.items) item.result ??= 'ABORTED';
    },
    ran: async () =>
      fake.items.map(({ parameters }) => ({
        there: parameters.ENVIRONMENT ?? '',
        commit: parameters.COMMIT ?? '',
      })),
    stop: fake.wire.stop,
  };
}

describe('Jenkins', () => {
  deployingContract({ connector, settings: settingsFor, start });
});

describe("Jenkins' own ways", () => {
  let fake: FakeJenkins;
  const fakes: { wire: { stop(): Promise<void> } }[] = [];
  beforeEach(async () => {
    fake = await FakeJenkins.start(JOBS);
    fakes.push(fake);
  });
  afterAll(() => Promise.all(fakes.map(({ wire }) => wire.stop())));
  const same = (name: string): string => name;
  const STAGING = { service: 'web', to: 'staging', ref: A };
  const at = (args: Record<string, Json>, settings = settingsFor(same)): Given => ({ args, settings });
  const preview = async (given: Given, name: keyof typeof operations = 'promote') =>
    (await call(wayTo(fake), operations[name], 'preview', given)).value;

  it('have a queue: what waits there goes on, of the same job and environment only', async () => {
    for (const path of ['team/web/other', `prod/${PATH}`])
      fake.add(path, { COMMIT: B, ENVIRONMENT: 'staging' }, 'eve');
    fake.add(PATH, { COMMIT: B, ENVIRONMENT: 'test' }, 'eve');
    expect(await preview(at(STAGING))).toMatchObject({ pinned: { commit: A, newest: 'none' } });
    fake.add(PATH, { COMMIT: B, ENVIRONMENT: 'staging' }, 'eve');
    expect(await preview(at(STAGING))).toEqual({
      refused:
        'A deployment of web to staging has not ended yet: R-44 of bbbbbbbbbbbb (queued). Ask again when it has.',
    });
  });

  it('believe of nobody but our account for whom it deployed', async () => {
    const parameters = { COMMIT: B, ENVIRONMENT: 'staging', REQUESTED_BY: 'alice (Alice Adams)' };
    begun(fake, parameters, 'SUCCESS');
    const runsNow = (by: string) => ({
      facts: expect.arrayContaining([
        { label: 'Runs now', value: expect.stringMatching(new RegExp(`deployed by ${by}$`)), quoted: true },
      ]),
    });
    expect(await preview(at(STAGING))).toMatchObject(runsNow('eve'));
    begun(fake, parameters, 'SUCCESS').user = 'countersign';
    expect(await preview(at(STAGING))).toMatchObject(runsNow('countersign for alice \\(Alice Adams\\)'));
  });

  it('may not say which commit somebody deployed by hand: it is neither promoted nor gone back to', async () => {
    begun(fake, { COMMIT: B, ENVIRONMENT: 'staging' }, 'SUCCESS');
    begun(fake, { COMMIT: 'main', ENVIRONMENT: 'staging' }, 'SUCCESS');
    expect(await preview(at({ service: 'web', to: 'production' }))).toEqual({
      refused:
        'Which commit runs in staging of web is not known: R-42 of a commit that is not known (passed).',
    });
    expect(await preview(at(STAGING))).toMatchObject({ pinned: { commit: A, current: 'R-42 ' } });
    const back = { service: 'web', environment: 'staging' };
    expect(await preview(at(back), 'rollback')).toMatchObject({ pinned: { commit: B } });
    expect(await preview(at({ ...back, to: 'R-42' }), 'rollback')).toMatchObject({
      refused: expect.stringContaining('There is no deployment of web to staging called R-42'),
    });
  });

  it('need every parameter declared, and a commit in full where GitHub is not asked', async () => {
    expect(await preview(at(STAGING, settingsFor(same, { path: 'bare' })))).toEqual({
      refused: 'The job bare of Jenkins does not declare the parameter ENVIRONMENT.',
    });
    expect(await preview(at({ ...STAGING, ref: 'main' }))).toMatchObject({
      refused: expect.stringContaining('Name a commit in full'),
    });
  });

  it('have branches and comparisons from GitHub, where the operator says where', async () => {
    const github = await FakeGithubDeployments.start();
    fakes.push(github);
    begun(fake, { COMMIT: commitAt(3), ENVIRONMENT: 'staging' }, 'SUCCESS');
    const settings = settingsFor(same, { github: { owner: 'acme', repo: 'web' } });
    const way = {
      ...wayTo(fake, 'countersign', github.wire.baseUrl),
      credentials: {
        get: async (name: string) =>
          name === 'github'
            ? `Bearer ${github.token}`
            : ({
                kind: 'crumb',
                path: '/crumbIssuer/api/json',
                authorization: fake.authorization(),
              } as const),
      },
    };
    const seen = await call(way, operations.promote, 'preview', at({ ...STAGING, ref: 'main' }, settings));
    expect(seen.value).toMatchObject({
      facts: expect.arrayContaining([
        { label: 'Commit', value: expect.stringMatching(/^[0-9a-f]{40} \(main now\)$/) },
        { label: 'Changes', value: expect.stringMatching(/^\d+ commits, from /) },
        { label: 'Job on Jenkins', value: PATH },
      ]),
    });
    const values = { args: STAGING, pinned: {}, handle: {}, settings, mark: 'm', requester: 'r' };
    expect(operations.promote.scope?.(values)).toEqual({
      repository: { owner: 'acme', repo: 'web' },
      permissions: { contents: 'read' },
    });
  });

  it('fill no parameter of ours with where to', () => {
    expect(() => settingsFor(same, { input: 'commit' })).toThrow('is filled by the assistant itself');
  });
});
