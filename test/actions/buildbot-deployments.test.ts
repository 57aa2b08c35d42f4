import { describe, expect, it } from 'vitest';
import { operations } from '../../actions/connectors/buildbot-deployments.operations.ts';
import { buildbotDeployments as connector } from '../../actions/connectors/buildbot-deployments.ts';
import { createCredentials } from '../../src/credentials/credentials.ts';
import { CredentialEntry } from '../../src/credentials/entry.ts';
import { readGrants } from '../../src/credentials/grants.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import type { Json } from '../../src/model/request.ts';
import { json, startUpstream } from '../execution/broker/upstream-server.ts';
import { startBuildbot } from '../support/buildbot/buildbot.ts';
import { needs } from '../support/needs.ts';
import { A, B, type DeployWorld, deployingContract, GOES_ON } from './deploying-contract.ts';
import { call } from './through-broker.ts';

const MISSING = [needs('buildbot'), needs('buildbot-worker')].find((program) => program.skip);
/** A real system beside everything else on two cores. */
const PATIENCE = { timeout: 180_000 };
const settingsFor = (there: (name: string) => string, more: object = {}): Json =>
  connector.settings.parse({
    web: 'https://ci.example.com/',
    account: 'countersign',
    services: {
      web: {
        scheduler: 'deployments',
        builder: 'deploy',
        environments: [
          { name: 'staging', on_buildbot: there('staging') },
          { name: 'production', from: 'staging', on_buildbot: there('production') },
          { name: 'test', on_buildbot: there('test') },
        ],
        ...more,
      },
    },
  });

function wayTo(baseUrl: string, user: string, password: string): Partial<BrokerConfig> {
  const entry = CredentialEntry.parse({
    scheme: 'session',
    host: 'buildbot',
    user,
    env: 'BUILDBOT_PASSWORD',
  });
  const secret = () => ({ value: password, file: null });
  const grants = readGrants({ buildbot: entry }, { secret, hosts: ['buildbot'], hasVault: false });
  return {
    upstreams: { buildbot: { baseUrl, addresses: ['127.0.0.1/32'] } },
    credentials: createCredentials(grants, { vault: null, news: () => {} }),
  };
}

type Build = { buildid: number; complete: boolean; properties: Record<string, [string, string]> };

async function start(): Promise<DeployWorld> {
  const ci = await startBuildbot();
  const builds = async (): Promise<Build[]> =>
    ((await ci.rest('builders/deploy/builds?property=*&order=buildid')) as { builds: Build[] }).builds;
  /** What waits for the worker is no build yet. */
  const isIdle = async (): Promise<boolean> => {
    const { buildrequests } = await ci.rest('buildrequests?complete=false');
    return (buildrequests as unknown[]).length === 0;
  };
  const until = async (isSo: (builds: Build[]) => boolean): Promise<void> => {
    while (!isSo(await builds())) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  return {
    way: (who) => wayTo(ci.baseUrl, who === 'ours' ? 'countersign' : 'eve', ci.password),
    async byHand(there, revision) {
      const before = (await builds()).length;
      await ci.control('forceschedulers/deployments', 'force', {
        ...{ builderNames: ['deploy'], reason: 'by hand', revision, environment: there },
      });
      await until(
        (all) => all.length > before && all.every(({ complete }) => complete || revision === GOES_ON),
      );
    },
    takenUp: async () => {},
    async endAll() {
      for (const { buildid, complete } of await builds())
        if (!complete) await ci.control(`builds/${buildid}`, 'stop', { reason: 'enough' });
      await until((all) => all.every(({ complete }) => complete));
    },
    ran: async () => {
      while (!(await isIdle())) await new Promise((resolve) => setTimeout(resolve, 50));
      return (await builds()).map(({ properties }) => ({
        there: properties.environment?.[0] ?? '',
        commit: properties.revision?.[0] ?? '',
      }));
    },
    stop: ci.stop,
  };
}

describe.skipIf(MISSING)(`a real Buildbot ${MISSING?.reason ?? ''}`, PATIENCE, () => {
  deployingContract({ connector, settings: settingsFor, start });
});

describe('what Buildbot tells', () => {
  const ENVIRONMENT = { environment: ['staging', 'Force Build Form'], owner: ['eve', 'Force Build Form'] };
  const build = (buildid: number, more: object, properties: object = {}) => ({
    ...{ buildid, buildrequestid: buildid, complete: true, results: 0 },
    ...more,
    properties: { ...ENVIRONMENT, ...properties },
  });
  async function seen(builds: object[], requests: object[] = [], more: object = {}) {
    const server = await startUpstream((response, { url }) => {
      const { pathname } = new URL(url, 'http://buildbot');
      if (pathname === '/auth/login') {
        response.writeHead(302, { location: '/', 'set-cookie': 'TWISTED_SESSION=one' });
        return void response.end();
      }
      if (pathname === '/api/v2/builders/deploy') return json(response, { builders: [{ builderid: 4 }] });
      if (pathname === '/api/v2/builders/deploy/builds') return json(response, { builds });
      if (pathname === '/api/v2/buildrequests') return json(response, { buildrequests: requests });
      const parameters = ['reason', 'revision', 'source_revision', 'environment'];
      const all_fields = parameters.map((fullName) => ({ fullName, type: 'text' }));
      return json(response, { forceschedulers: [{ builder_names: ['deploy'], all_fields }] });
    });
    const way = wayTo(server.baseUrl, 'countersign', crypto.randomUUID());
    const args = { service: 'web', to: 'staging', ref: A };
    const settings = settingsFor((name) => name, more);
    const { value } = await call(way, operations.promote, 'preview', { args, settings });
    await server.close();
    return value;
  }

  it('of what waits for a worker keeps others away, if it is of that builder and environment', async () => {
    const waiting = { buildrequestid: 9, builderid: 4, complete: false, properties: ENVIRONMENT };
    expect(await seen([], [waiting])).toMatchObject({
      refused: expect.stringContaining('R-9 of a commit that is not known (queued)'),
    });
    const elsewhere = { environment: ['production', 'Force Build Form'] };
    expect(
      await seen(
        [],
        [
          { ...waiting, builderid: 5 },
          { ...waiting, properties: elsewhere },
        ],
      ),
    ).toMatchObject({ pinned: { newest: 'none' } });
  });

  it('of a build that is tried again is nothing: the next one of its request counts', async () => {
    const revision = { revision: [B, 'Build'] };
    expect(await seen([build(2, {}, revision), build(1, { results: 5 }, revision)])).toMatchObject({
      pinned: { newest: 'R-2', current: `R-2 ${B}` },
    });
  });

  it('of the commit is what was built, of the codebase that is deployed', async () => {
    const both = { revision: ['main', 'Build'], got_revision: [{ source: B, docs: A }, 'Git'] };
    expect(await seen([build(3, {}, both)], [], { codebase: 'source' })).toMatchObject({
      pinned: { current: `R-3 ${B}` },
    });
    expect(await seen([build(3, {}, { revision: ['main', 'Build'] })])).toMatchObject({
      pinned: { current: 'R-3 ' },
    });
  });

  it('is not asked for where to by a parameter that the assistant fills itself', () => {
    expect(() => settingsFor((name) => name, { input: 'revision' })).toThrow(
      'is filled by the assistant itself',
    );
  });
});
