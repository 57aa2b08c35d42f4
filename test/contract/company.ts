/**
 * One assistant, composed as for production, at which people of one company arrive by Slack, Teams and the workspace
 * with sign-in: real rules, database, sandbox and adapters. The platforms are pretended at the wire.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import { makeSampleRepository } from '../../actions/systems/sample-repository.ts';
import { createSlackAdapter } from '../../adapters/slack/adapter.ts';
import { ENDPOINT as SLACK_ENDPOINT } from '../../adapters/slack/needs.ts';
import { createTeamsAdapter } from '../../adapters/teams/adapter.ts';
import { ENDPOINT as TEAMS_ENDPOINT } from '../../adapters/teams/needs.ts';
import { storedReferences } from '../../adapters/teams/references.ts';
import { createWebAdapter } from '../../adapters/web/router.ts';
import { createProvider } from '../../adapters/web/sign-in/provider.ts';
import { createSessions } from '../../adapters/web/sign-in/sessions.ts';
import { readCheckpointFile } from '../../src/audit/checkpoint-file.ts';
import { untilCovered } from '../../src/audit/cover.ts';
import { verifyDatabase } from '../../src/audit/verify-database.ts';
import { compose, type Running } from '../../src/compose.ts';
import { type Config, readConfig } from '../../src/config.ts';
import type { Fields } from '../../src/log.ts';
import { closeServer, listen, newApp } from '../../src/server.ts';
import { manifest } from '../adapters/slack/harness.ts';
import { useDatabase } from '../support/database.ts';
import { CLIENT, startProvider, type TestProvider } from '../support/oidc/provider.ts';
import { FakeSlack } from '../support/slack/fake-slack.ts';
import { TEAM } from '../support/slack/workspace.ts';
import { APP, FakeConnector, TENANT } from '../support/teams/fake-connector.ts';
import { virtualClock as slackClock, virtualClock as teamsClock } from '../support/virtual-clock.ts';
import { PEOPLE, type Person } from './channel.ts';

export const PUBLIC_URL = 'https://countersign.example';
export const SLACK = { approvals: 'CAPPROVALS', general: 'CGENERAL' };
export const TEAMS = { approvals: '19:approvals@thread.tacv2', general: '19:general@thread.tacv2' };
/** Not in the directory, on no platform. */
export const STRANGER = 'stranger';
/** Far above what a test says in a minute: limits have their own tests. */
const NO_LIMIT = 10_000;
/** A sandboxed run on a busy machine of two cores. */
const SLOW_MS = 25_000;
// A story has several waits.
vi.setConfig({ testTimeout: 4 * SLOW_MS, hookTimeout: 4 * SLOW_MS });

const GROUPS: Record<Person, string[]> = {
  alice: ['employees', 'engineers'],
  bob: ['employees', 'engineers', 'oncall'],
  carol: ['employees', 'engineers', 'oncall'],
  dave: ['employees'],
  erin: ['employees', 'operators'],
};
const NAMES: Record<Person, string> = {
  alice: 'Alice Adams',
  bob: 'Bob Brown',
  carol: 'Carol Clark',
  dave: 'Dave Davis',
  erin: 'Erin Evans',
};

export const slackUser = (who: string): string => `U${who.toUpperCase()}`;
export const webSubject = (who: string): string => `subject-of-${who}`;
/** An Entra object id. */
export function teamsUser(who: string): string {
  const hex = Buffer.from(who.padEnd(6, '-').slice(0, 6)).toString('hex');
  return `00000000-0000-4000-8000-${hex}`;
}

const directoryOf = (issuer: string): string =>
  JSON.stringify({
    groups: {
      employees: { title: 'Employees', contact: 'People team, people@example.com' },
      engineers: { title: 'Engineers', contact: 'Platform team, platform@example.com' },
      oncall: { title: 'On call', contact: 'Platform team, platform@example.com' },
      operators: { title: 'Operators', contact: 'IT security, it-security@example.com' },
    },
    people: PEOPLE.map((id) => ({
      id,
      name: NAMES[id],
      groups: GROUPS[id],
      accounts: [
        { platform: 'slack', team: TEAM, user: slackUser(id) },
        { platform: 'teams', tenant: TENANT, oid: teamsUser(id) },
        { platform: 'web', issuer, subject: webSubject(id) },
      ],
    })),
  });

export type Company = ReturnType<typeof useCompany>;

/** For the tests of a file: one assistant, its database, and the three platforms. */
export function useCompany() {
  const database = useDatabase();
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-contract-'));
  const logged: (Fields & { words: string })[] = [];
  let up: {
    running: Running;
    slack: FakeSlack;
    teams: FakeConnector;
    provider: TestProvider;
    port: number;
    stop(): Promise<void>;
  } | null = null;
  const open = () => {
    if (up === null) throw new Error('useCompany(): it is there inside tests and hooks only.');
    return up;
  };

  beforeAll(async () => {
    const slack = await FakeSlack.start(manifest);
    const teams = await FakeConnector.start();
    const provider = await startProvider();
    for (const who of [...PEOPLE, STRANGER]) {
      slack.workspace.addUser(slackUser(who));
      teams.personalChat(teamsUser(who));
    }
    for (const channel of Object.values(SLACK)) slack.workspace.addChannel(channel);
    const members = [...PEOPLE, STRANGER].map(teamsUser);
    for (const channel of Object.values(TEAMS)) teams.addConversation(channel, 'channel', { members });
    const config = await configure(folder, database, slack, teams, provider);
    const served = await serve(config, slack, teams, logged);
    up = {
      ...served,
      slack,
      teams,
      provider,
      async stop() {
        await served.stop();
        await slack.stop();
        await teams.stop();
        await provider.stop();
      },
    };
  });
  afterAll(async () => {
    await up?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  return {
    get slack() {
      return open().slack;
    },
    get teams() {
      return open().teams;
    },
    get provider() {
      return open().provider;
    },
    get port() {
      return open().port;
    },
    get running() {
      return open().running;
    },
    database,

    async entries(type: string): Promise<Record<string, unknown>[]> {
      const rows = await database.db.query<{ body: string }>(
        'select body from audit_entries where type = $1 order by written_by, counter',
        [type],
      );
      return rows.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    },

    /** How many runs of this request the log knows. */
    async runs(digest: string): Promise<number> {
      const started = await this.entries('execution.started');
      return started.filter((entry) => (entry.data as { digest: string }).digest === digest).length;
    },

    /** Nobody decided in time. */
    async expire(digest: string): Promise<void> {
      const { id } = await database.owner.one<{ id: never }>(
        `update requests set expires_at = clock_timestamp() - interval '1 second' where digest = $1 returning id`,
        [digest],
      );
      await open().running.pipeline.expire(id);
    },

    /** Every table that could hold words, looked through for these. */
    async kept(words: string): Promise<string[]> {
      const like = `%${words}%`;
      const rows = await database.owner.query<{ at: string }>(
        `select 'turns' as at from turns where content::text like $1 or reply like $1
         union all select 'threads' from threads where title like $1
         union all select 'messages' from messages where text like $1
         union all select 'audit' from audit_entries where body like $1`,
        [like],
      );
      return rows.map(({ at }) => at);
    },

    /** Recomputes the whole log; the last step of every test. */
    async expectVerifiedLog(): Promise<void> {
      const { keys, audit, storage } = open().running.house;
      const last = await storage.db.transaction((tx) =>
        audit.append(tx, { type: 'audit.read', data: { how: 'test' } }),
      );
      await untilCovered({ db: storage.db, entryIds: [last.id], timeoutMs: SLOW_MS });
      const found = await verifyDatabase({
        sql: storage.db,
        keys: [keys.signer],
        notes: await readCheckpointFile(path.join(folder, 'data', 'checkpoints')),
        macKey: keys.macKey,
      });
      expect(found.problems).toEqual([]);
      expect(logged.filter(({ code }) => code === 'defect')).toEqual([]);
    },
  };
}

async function serve(
  config: Config,
  slack: FakeSlack,
  teams: FakeConnector,
  logged: (Fields & { words: string })[],
) {
  const app = newApp();
  const note = (fields: Fields, words: string) => void logged.push({ ...fields, words });
  const log = { debug: note, info: note, warn: note, error: note };
  const running = await compose(config, log, (request) => `${PUBLIC_URL}/requests/${request}`);
  const assistant = () => running.assistant;
  const { ephemeral, db } = running.house.storage;
  const now = () => new Date();
  let server: Server | null = null;
  let port = 0;
  const slackAdapter = createSlackAdapter({
    assistant,
    app,
    config: config.slack!,
    log,
    ephemeral,
    // The second between two messages passes at once; what is waited for is counted, not slept.
    clock: slackClock(),
  });
  const clock = teamsClock();
  const teamsAdapter = createTeamsAdapter({
    assistant,
    app,
    config: {
      ...config.teams!,
      cloud: {
        openIdMetadataUrl: `${teams.issuerUrl}/.well-known/openid-configuration`,
        tokenIssuer: teams.issuerUrl,
        loginUrl: `${teams.issuerUrl}/`,
        scope: 'https://api.botframework.com',
      },
    },
    references: storedReferences(db),
    log,
    ephemeral,
    view: running.viewRequest,
    tokens: async () => teams.botToken,
    clock,
  });
  const publicUrl = new URL(PUBLIC_URL);
  app.use(
    createWebAdapter({
      assistant: running.assistant,
      mode: {
        kind: 'signed-in',
        signIn: {
          publicUrl,
          provider: createProvider(config.oidc!, now),
          sessions: createSessions(db, now),
          now,
          log,
        },
      },
      publicUrl: publicUrl.href,
      port: () => port,
      clientFolder: '/nonexistent',
      desk: null,
      log,
    }),
  );
  running.addSurface(slackAdapter.surface);
  running.addSurface(teamsAdapter.surface);
  await running.start();
  ({ server, port } = await listen(app, '127.0.0.1', 0));
  slack.connect(`http://127.0.0.1:${port}${SLACK_ENDPOINT}`);
  teams.connect(`http://127.0.0.1:${port}${TEAMS_ENDPOINT}`, () => clock.now());
  await slackAdapter.start();
  await teamsAdapter.start();
  return {
    running,
    port,
    async stop() {
      if (server !== null) await closeServer(server);
      await running.stop();
      await slackAdapter.stop();
      await teamsAdapter.stop();
    },
  };
}

async function configure(
  folder: string,
  database: { appUrl: string; ownerUrl: string },
  slack: FakeSlack,
  teams: FakeConnector,
  provider: TestProvider,
): Promise<Config> {
  const data = path.join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  const root = path.join(import.meta.dirname, '../..');
  const web = await makeSampleRepository(path.join(root, 'samples/web'), path.join(data, 'web.git'));
  cpSync(path.join(root, 'policies'), path.join(folder, 'policies'), { recursive: true });
  writeFileSync(path.join(folder, 'people.yaml'), directoryOf(provider.issuer), { mode: 0o600 });
  writeFileSync(
    path.join(folder, 'countersign.yaml'),
    JSON.stringify({
      people: 'people.yaml',
      policies: 'policies',
      jobs: path.join(root, 'samples/jobs.yaml'),
      repositories: { web },
      slack: { approvals_channel: SLACK.approvals },
      teams: { approvals_conversation: TEAMS.approvals, service_url: teams.serviceUrl },
      limits: { turns_per_minute: NO_LIMIT, requests_per_action_per_hour: NO_LIMIT },
    }),
    { mode: 0o600 },
  );
  return readConfig(
    {
      PORT: '0',
      PUBLIC_URL,
      COUNTERSIGN_CONFIG: path.join(folder, 'countersign.yaml'),
      COUNTERSIGN_DATA: data,
      DATABASE_URL: database.appUrl,
      DATABASE_OWNER_URL: database.ownerUrl,
      SLACK_BOT_TOKEN: slack.token,
      SLACK_SIGNING_SECRET: slack.signingSecret,
      SLACK_API_URL: slack.apiUrl,
      MicrosoftAppId: APP,
      MicrosoftAppPassword: 'unused',
      MicrosoftAppTenantId: TENANT,
      OIDC_ISSUER: provider.issuer,
      OIDC_CLIENT_ID: CLIENT.clientId,
      OIDC_CLIENT_SECRET: CLIENT.clientSecret,
    },
    folder,
  );
}

/** Looks this often, as no platform tells a test when it has drawn something. */
const LOOK_EVERY_MS = 20;

/** Asks until it is so. */
export async function settles<T>(look: () => Promise<T | null | false>, what: string): Promise<T> {
  const deadline = performance.now() + SLOW_MS;
  for (;;) {
    const found = await look();
    if (found !== null && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await wait(LOOK_EVERY_MS);
  }
}
