/**
 * One assistant, composed as for production, at which people of one company arrive by Slack, Teams and the workspace
 * with sign-in: real rules, database, sandbox and adapters. The platforms are pretended at the wire.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import { readCheckpointFile } from '../../src/audit/checkpoint-file.ts';
import { untilCovered } from '../../src/audit/cover.ts';
import { verifyDatabase } from '../../src/audit/verify-database.ts';
import type { Running } from '../../src/compose.ts';
import type { Fields } from '../../src/log.ts';
import { manifest } from '../adapters/slack/harness.ts';
import { useDatabase } from '../support/database.ts';
import { ModelServer } from '../support/model-server.ts';
import { startProvider, type TestProvider } from '../support/oidc/provider.ts';
import { drawMessage } from '../support/slack/draw.ts';
import { FakeSlack } from '../support/slack/fake-slack.ts';
import { BOT_USER } from '../support/slack/workspace.ts';
import { textsOf } from '../support/teams/card-schema.ts';
import { FakeConnector } from '../support/teams/fake-connector.ts';
import { PEOPLE } from './channel.ts';
import { configure, OPERATORS, SLACK, STRANGER, slackUser, TEAMS, teamsUser } from './company-files.ts';
import { serve } from './company-server.ts';

/** A sandboxed run on a busy machine of two cores. */
const SLOW_MS = 60_000;
// A story has several waits.
vi.setConfig({ testTimeout: 4 * SLOW_MS, hookTimeout: 4 * SLOW_MS });

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
    model: ModelServer;
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
    const model = await ModelServer.start();
    for (const who of [...PEOPLE, STRANGER]) {
      slack.workspace.addUser(slackUser(who));
      teams.personalChat(teamsUser(who));
    }
    // Whoever presses in a channel is a member of it.
    const inChannels = [BOT_USER, ...[...PEOPLE, STRANGER].map(slackUser)];
    for (const channel of [...Object.values(SLACK), OPERATORS.slack])
      slack.workspace.addChannel(channel, inChannels);
    const members = [...PEOPLE, STRANGER].map(teamsUser);
    for (const channel of [...Object.values(TEAMS), OPERATORS.teams])
      teams.addConversation(channel, 'channel', { members });
    const config = await configure(folder, database, slack, teams, provider, model);
    const served = await serve(config, slack, teams, logged);
    up = {
      ...served,
      slack,
      teams,
      provider,
      model,
      async stop() {
        await served.stop();
        await slack.stop();
        await teams.stop();
        await provider.stop();
        await model.stop();
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
    get model() {
      return open().model;
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

    /** What stands in the operators' channels of both platforms. */
    async operatorsHear(): Promise<string[]> {
      const inSlack = open().slack.messages(OPERATORS.slack).map(drawMessage);
      const inTeams = open().teams.in(OPERATORS.teams);
      return [
        ...inSlack,
        ...inTeams.map(({ card, text }) => (card === null ? (text ?? '') : textsOf(card).join('\n'))),
      ];
    },

    /** Resolves once nothing that was said is still on its way to a platform. */
    async everythingIsShown(): Promise<void> {
      await settles(async () => {
        const { waiting } = await database.owner.one<{ waiting: number }>(
          `select count(*)::int as waiting from messages m join threads t on t.id = m.thread
           where t.platform <> 'web' and m.authorship <> 'person' and m.delivered is null and m.undeliverable is null`,
        );
        return waiting === 0;
      }, 'everything is shown');
    },

    /** Nobody decided in time. */
    async expire(digest: string): Promise<void> {
      const { id } = await database.owner.one<{ id: never }>(
        `update requests set expires_at = clock_timestamp() - interval '1 second' where digest = $1 returning id`,
        [digest],
      );
      await open().running.pipeline.expire(id);
    },

    /** As a crash after the work had left would have it: somebody must say what became of it. */
    async forgetOutcome(digest: string): Promise<void> {
      await database.owner.query(
        `update requests set state = 'unknown', result = '{"code": "outcome_unknown", "message": "Nobody knows."}' where digest = $1`,
        [digest],
      );
    },

    /** The newest message of ours that says so. */
    async messageOf(text: string): Promise<{ id: string }> {
      return database.owner.one<{ id: string }>(
        `select id from messages where text = $1 and authorship <> 'person' order by serial desc limit 1`,
        [text],
      );
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
