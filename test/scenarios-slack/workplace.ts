/**
 * The whole assistant connected to the pretended Slack, in one process: real rules, database, sandbox and adapter. What
 * a test says and presses goes over the wire, and what it reads is what Slack shows.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import { makeSampleRepository } from '../../actions/systems/sample-repository.ts';
import { createSlackAdapter, type SlackAdapter } from '../../adapters/slack/adapter.ts';
import { ENDPOINT } from '../../adapters/slack/needs.ts';
import { readCheckpointFile } from '../../src/audit/checkpoint-file.ts';
import { untilCovered } from '../../src/audit/cover.ts';
import { verifyDatabase } from '../../src/audit/verify-database.ts';
import { compose, type Running } from '../../src/compose.ts';
import { type Config, readConfig } from '../../src/config.ts';
import type { Fields } from '../../src/log.ts';
import type { CardOffer } from '../../src/model/card.ts';
import { tenantOf } from '../../src/reply/messages.ts';
import { closeServer, listen, newApp } from '../../src/server.ts';
import type { Database } from '../../src/store/database.ts';
import { manifest } from '../adapters/slack/harness.ts';
import { type TestDatabase, useDatabase } from '../support/database.ts';
import { drawMessage } from '../support/slack/draw.ts';
import { FakeSlack } from '../support/slack/fake-slack.ts';
import { type FakeMessage, PATIENCE_MS, TEAM } from '../support/slack/workspace.ts';
import { virtualClock } from '../support/virtual-clock.ts';

export const APPROVALS = 'CAPPROVALS';
export const OPERATORS = 'COPERATORS';
export const GENERAL = 'CGENERAL';
export const ALICE = 'UALICE';
export const BOB = 'UBOB';
export const CAROL = 'UCAROL';
export const DAVE = 'UDAVE';
export const ERIN = 'UERIN';

/** Far above what a test says in a minute: limits have their own tests. */
const NO_LIMIT = 10_000;
// A story has several waits.
vi.setConfig({ testTimeout: 4 * PATIENCE_MS, hookTimeout: 4 * PATIENCE_MS });

const PEOPLE = [
  ['alice', 'Alice Adams', ALICE, 'employees, engineers'],
  ['bob', 'Bob Brown', BOB, 'employees, engineers, oncall'],
  ['carol', 'Carol Clark', CAROL, 'employees, engineers, oncall'],
  ['dave', 'Dave Davis', DAVE, 'employees'],
  ['erin', 'Erin Evans', ERIN, 'employees, operators'],
] as const;

function peopleFile(): string {
  const groups = [
    ['employees', 'Employees', 'People team, people@example.com'],
    ['engineers', 'Engineers', 'Platform team, platform@example.com'],
    ['oncall', 'On call', 'Platform team, platform@example.com'],
    ['operators', 'Operators', 'IT security, it-security@example.com'],
  ].map(([id, title, contact]) => `  ${id}: { title: ${title}, contact: "${contact}" }`);
  const people = PEOPLE.map(
    ([id, name, user, in_]) =>
      `  - { id: ${id}, name: ${name}, groups: [${in_}], accounts: [{ platform: slack, team: ${TEAM}, user: ${user} }] }`,
  );
  return ['groups:', ...groups, 'people:', ...people, ''].join('\n');
}

/** A stop lets the database connections drain; the durable state is what the next start finds. */
type Up = { running: Running; adapter: SlackAdapter; server: Server };

export type Workplace = ReturnType<typeof useWorkplace>;

/** The cards of one request: its requester's, the approvals channel's, and each approver's own. */
export type Asked = {
  thread: string;
  digest: string;
  own: FakeMessage;
  channel: FakeMessage;
  bob: FakeMessage;
  carol: FakeMessage;
};

/** What asks for something; what every card offers besides stands on each of them. */
export function buttonsOf(message: FakeMessage): string[] {
  return message.blocks
    .flatMap((block) => (block.type === 'actions' ? block.elements : []))
    .map((button) => button.action_id)
    .filter((id) => !OFFERS.includes(id));
}

const OFFERS: readonly string[] = [
  'edit',
  'hand_over',
  'undo',
  'happened',
  'did_not_happen',
  'report',
] satisfies CardOffer[];

/** The digest in a card's small print; undefined where it is no card. */
export function digestOf(message: FakeMessage): string | undefined {
  return /digest ([0-9a-f]{64})/i.exec(drawMessage(message))?.[1];
}

export type WorkplaceOptions = {
  socketMode?: true;
  model?: () => string;
  yaml?: Record<string, unknown>;
  prepare?: (folder: string) => void;
  isUp?: false;
};

/**
 * One assistant, one Slack and one database for the tests of a file. `socketMode`: nothing comes by HTTP. `model`: where a
 * language model answers. `yaml`: more of the configuration. `prepare`: what else lies in its folder. `isUp`: whether it is started
 * for the tests; otherwise they do it.
 */
export function useWorkplace(options: WorkplaceOptions = {}) {
  const database: TestDatabase = useDatabase();
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-slack-'));
  const logged: (Fields & { words: string })[] = [];
  let slack: FakeSlack;
  let config: Config;
  let up: Up | null = null;

  const start = async (): Promise<void> => {
    const app = newApp();
    const note = (fields: Fields, words: string) => void logged.push({ ...fields, words });
    const log = { debug: note, info: note, warn: note, error: note };
    const running = await compose(config, log, () => null);
    const adapter = createSlackAdapter({
      assistant: () => running.assistant,
      app,
      config: config.slack!,
      log,
      ephemeral: running.house.storage.ephemeral,
      teamOf: (channel) => tenantOf(running.house.storage.db, 'slack', channel),
      // The second between two messages passes at once; what is waited for is counted, not slept.
      clock: virtualClock(),
    });
    running.addSurface(adapter.surface);
    await running.start();
    const { server, port } = await listen(app, '127.0.0.1', 0);
    slack.connect(`http://127.0.0.1:${port}${ENDPOINT}`);
    up = { running, adapter, server };
    await running.connect('slack', adapter.start);
  };
  const stop = async (): Promise<void> => {
    if (up === null) return;
    const { running, adapter, server } = up;
    up = null;
    await closeServer(server);
    await running.stop();
    await adapter.stop();
  };

  beforeAll(async () => {
    const settings = { ...manifest.settings, socket_mode_enabled: options.socketMode === true };
    slack = await FakeSlack.start({ ...manifest, settings });
    for (const [, , user] of PEOPLE) slack.workspace.addUser(user);
    for (const channel of [APPROVALS, OPERATORS, GENERAL]) slack.workspace.addChannel(channel);
    config = await configure(folder, database, slack, options);
    if (options.isUp !== false) await start();
  });
  afterAll(async () => {
    await stop();
    await slack.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  return {
    folder,
    logged,
    database,
    get slack() {
      return slack;
    },
    get running(): Running {
      if (up === null) throw new Error('the assistant is stopped');
      return up.running;
    },
    get db(): Database {
      return database.db;
    },
    start,
    stop,

    /** Waits until Slack shows a message for which `holds`, and answers it as it looks then. */
    async shows(
      holds: (message: FakeMessage, text: string) => boolean,
      where: { channel?: string; thread?: string } = {},
    ): Promise<FakeMessage> {
      const find = () =>
        slack
          .messages(where.channel)
          .filter((message) => where.thread === undefined || message.thread === where.thread)
          .findLast((message) => message.user === slack.bot && holds(message, drawMessage(message)));
      await slack.workspace
        .until(() => find() !== undefined)
        .catch(() => {
          throw new Error(`Slack never came to show it. It shows:\n${this.transcript().join('\n\n')}`);
        });
      return find()!;
    },

    /** Everything of ours that a thread or channel shows, as a person reads it. */
    transcript(where: { channel?: string; thread?: string } = {}): string[] {
      return slack
        .messages(where.channel)
        .filter((message) => where.thread === undefined || message.thread === where.thread)
        .filter((message) => message.user === slack.bot)
        .map(drawMessage);
    },

    /** Every card of one request, wherever it was put. */
    cards(digest: string): FakeMessage[] {
      return slack.messages().filter((message) => digestOf(message) === digest);
    },

    /** Waits until every card of a request says so and nobody can press anything there any more. */
    async everywhere(digest: string, words: string, count: number): Promise<FakeMessage[]> {
      const settled = () => {
        const cards = this.cards(digest);
        return (
          cards.length === count &&
          cards.every((card) => buttonsOf(card).length === 0 && drawMessage(card).includes(words))
        );
      };
      await slack.workspace.until(settled).catch(() => {
        const shown = this.cards(digest).map((card) => `${card.channel}:\n${drawMessage(card)}`);
        throw new Error(`not all ${count} cards say "${words}":\n${shown.join('\n\n')}`);
      });
      return this.cards(digest);
    },

    /** Somebody types a command; answers the thread that it got and the words of its card. */
    async commands(user: string, text: string): Promise<{ thread: string; channel: string }> {
      const sent = await slack.command(user, text);
      expect(sent.status).toBe(200);
      const channel = slack.workspace.directWith(user);
      const root = slack.messages(channel).findLast((it) => it.thread === null && it.user === slack.bot)!;
      expect(drawMessage(root)).toBe(`/countersign ${text}`);
      return { channel, thread: root.ts };
    },

    /** Somebody denies: the button asks why, and the answer is the decision. */
    async denies(user: string, card: FakeMessage, reason = ''): Promise<void> {
      expect((await slack.click(user, card, 'deny')).status).toBe(200);
      expect(await slack.submit(user, { reason })).toMatchObject({ status: 200, errors: {} });
    },

    /** Alice asks for the checks, which need one approval; resolves once everybody was asked. */
    async asksForChecks(): Promise<Asked> {
      const { channel, thread } = await this.commands(ALICE, 'ci trigger repo=web ref=main job=checks');
      const own = await this.shows((message) => buttonsOf(message).includes('cancel'), { channel, thread });
      const digest = digestOf(own)!;
      const at = (where: string) => this.cards(digest).find((card) => card.channel === where);
      const places = [APPROVALS, 'D0BOB', 'D0CAROL'];
      await slack.workspace.until(() => places.every((place) => at(place) !== undefined));
      return { thread, digest, own, channel: at(APPROVALS)!, bob: at('D0BOB')!, carol: at('D0CAROL')! };
    },

    /** Recomputes the whole log; the last step of every scenario. */
    async expectVerifiedLog(): Promise<void> {
      const { keys, audit, storage } = this.running.house;
      const last = await storage.db.transaction((tx) =>
        audit.append(tx, { type: 'audit.read', data: { how: 'test' } }),
      );
      await untilCovered({ db: storage.db, entryIds: [last.id], timeoutMs: PATIENCE_MS });
      const found = await verifyDatabase({
        sql: storage.db,
        keys: [keys.signer],
        notes: await readCheckpointFile(path.join(folder, 'data', 'checkpoints')),
        macKey: keys.macKey,
      });
      expect(found.problems).toEqual([]);
      expect(found.checkpoints.compared).toBeGreaterThan(0);
      expect(logged.filter(({ code }) => code === 'defect')).toEqual([]);
    },

    async entries(type: string): Promise<Record<string, unknown>[]> {
      const rows = await database.db.query<{ body: string }>(
        'select body from audit_entries where type = $1 order by written_by, counter',
        [type],
      );
      return rows.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    },
  };
}

async function configure(
  folder: string,
  database: TestDatabase,
  slack: FakeSlack,
  { socketMode, model, yaml, prepare }: WorkplaceOptions,
): Promise<Config> {
  const data = path.join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  const root = path.join(import.meta.dirname, '../..');
  const web = await makeSampleRepository(path.join(root, 'samples/web'), path.join(data, 'web.git'));
  cpSync(path.join(root, 'policies'), path.join(folder, 'policies'), { recursive: true });
  writeFileSync(path.join(folder, 'people.yaml'), peopleFile(), { mode: 0o600 });
  prepare?.(folder);
  writeFileSync(
    path.join(folder, 'countersign.yaml'),
    JSON.stringify({
      people: 'people.yaml',
      policies: 'policies',
      jobs: path.join(root, 'samples/jobs.yaml'),
      repositories: { web },
      slack: { approvals_channel: APPROVALS, operators_channel: OPERATORS },
      limits: { turns_per_minute: NO_LIMIT, requests_per_action_per_hour: NO_LIMIT },
      ...yaml,
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
      SLACK_BOT_TOKEN: slack.token,
      ...(socketMode ? { SLACK_APP_TOKEN: slack.appToken } : { SLACK_SIGNING_SECRET: slack.signingSecret }),
      SLACK_API_URL: slack.apiUrl,
      ...(model ? { OPENAI_BASE_URL: model(), OPENAI_MODEL: 'pinned', OPENAI_API_KEY: 'none' } : {}),
    },
    folder,
  );
}
