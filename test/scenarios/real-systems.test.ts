/** From a message in chat to a ticket that Request Tracker shows and a build that Buildbot shows: the systems themselves. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PrincipalId } from '../../src/model/ids.ts';
import type { RequestView } from '../../src/model/request.ts';
import { startAssistant, type TestAssistant } from '../support/assistant.ts';
import { type Buildbot, startBuildbot } from '../support/buildbot/buildbot.ts';
import { useDatabase } from '../support/database.ts';
import { startLosingProxy } from '../support/losing-proxy.ts';
import { needs } from '../support/needs.ts';
import { type RequestTracker, startRequestTracker } from '../support/rt/request-tracker.ts';

const MISSING = (['rt-setup-database-5', 'buildbot', 'buildbot-worker'] as const)
  .map((program) => needs(program))
  .find((program) => program.skip);
const COMMIT = '0123456789abcdef0123456789abcdef01234567';
type Proxy = Awaited<ReturnType<typeof startLosingProxy>>;

const job = (builder: string, environment: string) => ({
  title: builder,
  repositories: ['web'],
  scheduler: 'force',
  builder,
  environment,
});

/** The operator's file, as docs/connectors.md describes it. */
const chosen = (tracker: Proxy, ci: Proxy): string => {
  const connectors = {
    ticketing: {
      use: 'request-tracker',
      settings: {
        queue: 'Help desk',
        account: 'countersign',
        web: 'https://rt.example.com',
        mark_field: 'Countersign mark',
        people: { alice: 'aadams' },
      },
    },
    ci: {
      use: 'buildbot',
      settings: {
        web: 'https://ci.example.com',
        account: 'countersign',
        repositories: { web: {} },
        jobs: { checks: job('checks', 'test'), release: job('release', 'production') },
      },
    },
    deployment: {
      use: 'buildbot-deployments',
      settings: {
        web: 'https://ci.example.com',
        account: 'countersign',
        services: {
          web: {
            scheduler: 'deployments',
            builder: 'deploy',
            environments: [{ name: 'staging' }, { name: 'production', from: 'staging' }],
          },
        },
      },
    },
  };
  const addresses = ['127.0.0.1/32'];
  const upstreams = {
    'request-tracker': { base_url: tracker.baseUrl, addresses },
    buildbot: { base_url: ci.baseUrl, addresses },
  };
  const credentials = {
    'request-tracker': { scheme: 'token', host: 'request-tracker', env: 'RT_TOKEN' },
    buildbot: { scheme: 'session', host: 'buildbot', user: 'countersign', env: 'BUILDBOT_PASSWORD' },
  };
  const lines = { connectors, upstreams, credentials };
  return Object.entries(lines)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .join('\n');
};

/** Two real systems beside everything else on two cores. */
const PATIENCE = { timeout: 480_000 };

describe.skipIf(MISSING)(
  `through the whole product to real systems ${MISSING?.reason ?? ''}`,
  PATIENCE,
  () => {
    const database = useDatabase();
    let rt: RequestTracker;
    let ci: Buildbot;
    let ways: { tracker: Proxy; ci: Proxy };
    let house: TestAssistant;

    beforeAll(async () => {
      [rt, ci] = await Promise.all([startRequestTracker(), startBuildbot()]);
      ways = { tracker: await startLosingProxy(rt.baseUrl), ci: await startLosingProxy(ci.baseUrl) };
      house = await startAssistant(database, {
        extra: chosen(ways.tracker, ways.ci),
        environment: {
          LOCAL_MODE_WITH_CONNECTORS: '1',
          RT_TOKEN: rt.tokens.countersign,
          BUILDBOT_PASSWORD: ci.password,
        },
      });
    }, PATIENCE.timeout);
    afterAll(async () => {
      await house?.running.stop();
      house?.home.remove();
      await Promise.all([ways?.tracker.stop(), ways?.ci.stop(), rt?.stop(), ci?.stop()]);
    });

    const ticketsCalled = async (title: string) => {
      const query = new URLSearchParams({
        query: `Subject = '${title}'`,
        fields: 'Subject,Creator,Requestor',
      });
      type Found = { id: string; Creator: { id: string }; Requestor: { id: string }[] };
      return ((await rt.rest(`tickets?${query}`)) as { items: Found[] }).items;
    };
    const builds = async () =>
      (await ci.rest('builds')).builds as { buildid: number; results: number | null }[];
    const factsOf = async (request: RequestView): Promise<Record<string, string>> => {
      const page = await house.assistant.requestPage(request.id, request.requester as PrincipalId);
      return Object.fromEntries(page!.message.card!.facts.map(({ label, value }) => [label, value]));
    };
    const noSecretIn = async (): Promise<void> => {
      const log = JSON.stringify(await house.verifiedLog());
      for (const secret of [rt.tokens.countersign, ci.password]) expect(log).not.toContain(secret);
    };

    it('a ticket is opened, commented on and read', async () => {
      const asked = await house.ask('alice', 'the VPN is down in Berlin, please open a ticket');
      expect(await factsOf(asked)).toMatchObject({ 'Requester there': 'aadams' });
      expect(await ticketsCalled('the VPN is down in Berlin')).toEqual([]);
      await house.done('alice', asked, 'confirm');
      const ended = await house.until(asked, 'succeeded');
      const [ticket] = await ticketsCalled('the VPN is down in Berlin');
      expect(ticket).toMatchObject({ Creator: { id: 'countersign' }, Requestor: [{ id: 'aadams' }] });
      expect(ended.result).toMatchObject({
        message: `Ticket #${ticket!.id} is open.`,
        link: `https://rt.example.com/Ticket/Display.html?id=${ticket!.id}`,
      });

      const comment = await house.ask(
        'alice',
        `ticket comment ticket=#${ticket!.id} comment="Also in Hamburg"`,
      );
      await house.until(comment, 'succeeded');
      const { items } = (await rt.rest(`ticket/${ticket!.id}/attachments?fields=Content`)) as {
        items: { Content: string }[];
      };
      expect(items.map((item) => item.Content)).toContainEqual(
        expect.stringMatching(/^Also in Hamburg\n\nWritten for alice \(Alice Adams\) by Countersign\./),
      );

      const look = await house.ask('dave', `status of ticket #${ticket!.id}`);
      const seen = await house.until(look, 'succeeded');
      expect(seen.result?.message).toMatch(new RegExp(`^Ticket #${ticket!.id} is new`));
      await noSecretIn();
    });

    it('a ticket whose answer was lost is found again, and not opened twice', async () => {
      const asked = await house.ask('alice', 'the door is stuck, please open a ticket');
      ways.tracker.loseNextWrite();
      await house.done('alice', asked, 'confirm');
      const ended = await house.until(asked, 'succeeded');
      const tickets = await ticketsCalled('the door is stuck');
      expect(tickets).toHaveLength(1);
      expect(ended.result?.message).toBe(`Ticket #${tickets[0]!.id} is open.`);
    });

    it('a build begins once somebody on call has approved it, on the commit that was approved', async () => {
      const asked = await house.ask('alice', `run the checks of web on ${COMMIT}`);
      await house.done('alice', asked, 'confirm');
      expect(await builds()).toEqual([]);
      await house.done('bob', asked, 'approve');
      const ended = await house.until(asked, 'succeeded');
      expect(ended.result).toMatchObject({
        code: 'done',
        exitCode: 0,
        output: expect.stringContaining(COMMIT),
      });

      const [build] = await builds();
      expect(build).toMatchObject({ results: 0 });
      expect(await ci.rest(`builds/${build!.buildid}/properties`)).toMatchObject({
        properties: [{ revision: [COMMIT, 'Build'], owner: ['countersign', 'Force Build Form'] }],
      });
      const { run } = ended.result!.data as { run: string };
      const seen = await house.ask('alice', `status of run ${run}`);
      const look = await house.until(seen, 'succeeded');
      expect(look.result?.message).toBe(`checks (${run}) passed.`);
      await noSecretIn();
    });

    it('a build whose answer was lost is followed all the same, and begun once', async () => {
      const before = (await builds()).length;
      const asked = await house.ask('alice', `run the release of web on ${COMMIT}`);
      await house.done('alice', asked, 'confirm');
      await house.done('bob', asked, 'approve');
      ways.ci.loseNextWrite();
      await house.done('carol', asked, 'approve');
      const ended = await house.until(asked, 'failed');
      expect(ended.result).toMatchObject({ code: 'build_failed', exitCode: 3 });
      expect(await builds()).toHaveLength(before + 1);
    });

    it('a commit is deployed to staging, and what runs there to production, by the builder that deploys', async () => {
      const staged = await house.ask('alice', `deploy ${COMMIT} of web to staging`);
      expect(await factsOf(staged)).toMatchObject({
        Commit: COMMIT,
        Builder: 'deploy',
        'Runs now': 'nothing that the assistant knows of',
      });
      await house.done('alice', staged, 'confirm');
      await house.done('bob', staged, 'approve');
      const ended = await house.until(staged, 'succeeded');
      expect(ended.result).toMatchObject({
        message: expect.stringMatching(/^Deployed 0123456789ab of web to staging \(R-\d+\)\.$/),
        output: `deploying ${COMMIT} to staging`,
      });
      const live = await house.ask('alice', 'promote web to production');
      await house.done('alice', live, 'confirm');
      await house.done('bob', live, 'approve');
      ways.ci.loseNextWrite();
      await house.done('carol', live, 'approve');
      expect((await house.until(live, 'succeeded')).result).toMatchObject({
        output: `deploying ${COMMIT} to production`,
      });
      const { builds: deployed } = await ci.rest('builders/deploy/builds?property=environment&order=buildid');
      expect(deployed).toMatchObject([
        { results: 0, properties: { environment: ['staging', 'Force Build Form'] } },
        { results: 0, properties: { environment: ['production', 'Force Build Form'] } },
      ]);
      const again = await house.say('alice', 'promote web to production');
      expect(again.reply).toContain('runs 0123456789ab already');
      await noSecretIn();
    });

    it('a branch is refused in words where nobody can say which commit it is', async () => {
      const said = await house.say('alice', 'run the checks of web on main');
      expect(said.reply).toContain('Name a commit in full');
    });
  },
);
