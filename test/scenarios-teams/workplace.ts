/**
 * The whole assistant connected to the pretended Bot Connector and a pretended model, in one process: real rules, database,
 * sandbox and adapter. It can be stopped and started again over the same database.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import { makeSampleRepository } from '../../actions/systems/sample-repository.ts';
import { createTeamsAdapter, type TeamsAdapter } from '../../adapters/teams/adapter.ts';
import { ENDPOINT } from '../../adapters/teams/needs.ts';
import { storedReferences } from '../../adapters/teams/references.ts';
import { readCheckpointFile } from '../../src/audit/checkpoint-file.ts';
import { untilCovered } from '../../src/audit/cover.ts';
import { verifyDatabase } from '../../src/audit/verify-database.ts';
import { compose, type Running } from '../../src/compose.ts';
import { type Config, readConfig } from '../../src/config.ts';
import type { Fields } from '../../src/log.ts';
import { closeServer, listen, newApp } from '../../src/server.ts';
import { type TestDatabase, useDatabase } from '../support/database.ts';
import { ModelServer } from '../support/model-server.ts';
import { textsOf } from '../support/teams/card-schema.ts';
import { APP, FakeConnector, type FakeMessage, TENANT } from '../support/teams/fake-connector.ts';
import { virtualClock } from '../support/virtual-clock.ts';

export const ALICE = 'aaaaaaaa-0000-4000-8000-000000000001';
export const BOB = 'bbbbbbbb-0000-4000-8000-000000000002';
export const DAVE = 'dddddddd-0000-4000-8000-000000000004';
/** A member of the tenant whom the directory does not list. */
export const STRANGER = 'eeeeeeee-0000-4000-8000-000000000005';
export const GENERAL = '19:general@thread.tacv2';
/** A start, a sandboxed run or a sealed log on a busy machine: as long as everything else that is waited for. */
const SLOW_MS = 60_000;
// A story has several waits.
vi.setConfig({ testTimeout: 4 * SLOW_MS, hookTimeout: 4 * SLOW_MS });
/** Far above what a test says in a minute: limits have their own tests. */
const NO_LIMIT = 10_000;
const PEOPLE = `groups:
  employees: { title: Employees, contact: "People team, people@example.com" }
  engineers: { title: Engineers, contact: "Platform team, platform@example.com" }
  oncall: { title: On call, contact: "Platform team, platform@example.com" }
  operators: { title: Operators, contact: "IT security, it-security@example.com" }
people:
  - { id: alice, name: Alice Adams, groups: [employees, engineers], accounts: [{ platform: teams, tenant: ${TENANT}, oid: ${ALICE} }] }
  - { id: bob, name: Bob Brown, groups: [employees, engineers, oncall], accounts: [{ platform: teams, tenant: ${TENANT}, oid: ${BOB} }] }
  - { id: dave, name: Dave Davis, groups: [employees], accounts: [{ platform: teams, tenant: ${TENANT}, oid: ${DAVE} }] }
`;

type Up = { running: Running; adapter: TeamsAdapter; server: Server };

/** What people read of a message. */
export const drawn = (message: FakeMessage): string =>
  message.card === null ? (message.text ?? '') : textsOf(message.card).join('\n');

/** One assistant, one Teams, one model and one database for the tests of a file. */
export function useTeamsWorkplace() {
  const database = useDatabase();
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-teams-'));
  const logged: (Fields & { words: string })[] = [];
  let teams: FakeConnector;
  let model: ModelServer;
  let config: Config;
  let up: Up | null = null;
  const running = (): Running => {
    if (up === null) throw new Error('the assistant is stopped');
    return up.running;
  };

  const start = async (): Promise<void> => {
    up = await serve(config, teams, logged);
  };
  const stop = async (): Promise<void> => {
    if (up === null) return;
    const { running: ending, adapter, server } = up;
    up = null;
    await closeServer(server);
    await ending.stop();
    await adapter.stop();
  };

  beforeAll(async () => {
    teams = await FakeConnector.start();
    model = await ModelServer.start();
    teams.personalChat(ALICE);
    for (const person of [BOB, DAVE]) teams.personalChat(person);
    teams.addConversation(GENERAL, 'channel', { members: [ALICE, BOB, DAVE, STRANGER] });
    config = await configure(folder, database, teams, model);
    await start();
  });
  afterAll(async () => {
    await stop();
    await teams.stop();
    await model.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  return {
    logged,
    database,
    start,
    stop,
    get teams() {
      return teams;
    },
    get model() {
      return model;
    },
    get running() {
      return running();
    },

    /** Alice says it; answers what stands below it, as it is read at that moment. */
    async say(text: string, conversation: string): Promise<() => FakeMessage[]> {
      // What was said before must stand there, as what is below is counted.
      const onItsWay = () =>
        database.db.query(
          `select id from messages where authorship <> 'person' and delivered is null and undeliverable is null`,
        );
      await expect.poll(onItsWay).toEqual([]);
      const from = teams.in(conversation).length;
      expect((await teams.send(teams.said(ALICE, conversation, text))).status).toBe(200);
      return () => teams.in(conversation).slice(from);
    },

    /** Waits until one of ours says so there, and answers it. */
    async shows(below: () => FakeMessage[], words: string): Promise<FakeMessage> {
      const find = () => below().find((message) => drawn(message).includes(words));
      await expect.poll(() => find() !== undefined || below().map(drawn)).toBe(true);
      return find()!;
    },

    /** Recomputes the whole log; the last step of every scenario. */
    async expectVerifiedLog(): Promise<void> {
      const { keys, audit, storage } = running().house;
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

async function serve(config: Config, teams: FakeConnector, logged: (Fields & { words: string })[]) {
  const app = newApp();
  const note = (fields: Fields, words: string) => void logged.push({ ...fields, words });
  const log = { debug: note, info: note, warn: note, error: note };
  const running = await compose(config, log, () => null);
  // The second between two messages passes at once; what is waited for is counted, not slept.
  const clock = virtualClock();
  const adapter = createTeamsAdapter({
    assistant: () => running.assistant,
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
    references: storedReferences(running.house.storage.db),
    log,
    ephemeral: running.house.storage.ephemeral,
    view: running.viewRequest,
    tokens: async () => teams.botToken,
    clock,
  });
  running.addSurface(adapter.surface);
  await running.start();
  const { server, port } = await listen(app, '127.0.0.1', 0);
  teams.connect(`http://127.0.0.1:${port}${ENDPOINT}`, () => clock.now());
  await running.connect('teams', adapter.start);
  return { running, adapter, server };
}

async function configure(folder: string, database: TestDatabase, teams: FakeConnector, model: ModelServer) {
  const data = path.join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  const root = path.join(import.meta.dirname, '../..');
  const web = await makeSampleRepository(path.join(root, 'samples/web'), path.join(data, 'web.git'));
  cpSync(path.join(root, 'policies'), path.join(folder, 'policies'), { recursive: true });
  writeFileSync(path.join(folder, 'people.yaml'), PEOPLE, { mode: 0o600 });
  writeFileSync(
    path.join(folder, 'countersign.yaml'),
    JSON.stringify({
      people: 'people.yaml',
      policies: 'policies',
      jobs: path.join(root, 'samples/jobs.yaml'),
      repositories: { web },
      teams: { service_url: teams.serviceUrl },
      limits: { turns_per_minute: NO_LIMIT, requests_per_action_per_hour: NO_LIMIT },
    }),
    { mode: 0o600 },
  );
  return readConfig(
    {
      PORT: '0',
      COUNTERSIGN_CONFIG: path.join(folder, 'countersign.yaml'),
      COUNTERSIGN_DATA: data,
      DATABASE_URL: database.appUrl,
      DATABASE_OWNER_URL: database.ownerUrl,
      MicrosoftAppId: APP,
      MicrosoftAppPassword: 'unused',
      MicrosoftAppTenantId: TENANT,
      OPENAI_BASE_URL: model.url,
      OPENAI_MODEL: 'pinned',
      OPENAI_API_KEY: 'none',
    },
    folder,
  );
}
