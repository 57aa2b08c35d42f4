/**
 * The two apps that a Slack message is sent to: ours as shipped (`src/main.ts` with its database) and the smallest Bolt app
 * that repeats what it hears. Both run in processes of their own, against a pretended Slack in this one.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readConfig } from '../src/config.ts';
import { openStorage } from '../src/storage.ts';
import { FakeSlack, type Manifest } from '../test/support/slack/fake-slack.ts';
import { TEAM } from '../test/support/slack/workspace.ts';
import type { Context } from './bench.ts';
import { serve } from './child.ts';
import { storageLog, temporaryData, temporaryFolder } from './installation.ts';

export const BOLT = 'bare Bolt echo app';
export const OURS = 'Countersign';
/** Answered at once by either: what is measured is the way, not the work. */
export const WORDS = 'whoami';
const ENDPOINT = '/slack/events';

export type SlackApp = { slack: FakeSlack; url: string };

const at = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

export const userOf = (index: number): string => `U${String(index).padStart(6, '0')}`;

const personOf = (index: number): string => `p${index}`;

/** A directory and limits for people who write more than people can. */
function writeConfig(folder: string, count: number): string {
  const people = Array.from({ length: count }, (_, index) => ({
    id: personOf(index),
    name: `Person ${index}`,
    groups: ['employees'],
    accounts: [{ platform: 'slack', team: TEAM, user: userOf(index) }],
  }));
  const groups = Object.fromEntries(
    ['employees', 'engineers', 'oncall', 'operators'].map((id) => [id, { title: id, contact: id }]),
  );
  // JSON is YAML.
  writeFileSync(join(folder, 'people.yaml'), JSON.stringify({ groups, people }), { mode: 0o600 });
  const jobs = at('../samples/jobs.yaml');
  const config = { people: 'people.yaml', jobs, limits: { turns_per_minute: 1_000_000 } };
  writeFileSync(join(folder, 'countersign.yaml'), JSON.stringify(config), { mode: 0o600 });
  return join(folder, 'countersign.yaml');
}

/**
 * A data folder in which everybody has met the assistant: whoever writes for the first time is greeted too, and two
 * messages to one conversation go a second apart.
 */
async function acquaintedData(context: Context, count: number): Promise<string> {
  const data = temporaryData(context);
  const config = readConfig({ COUNTERSIGN_DATA: data }, data);
  const storage = await openStorage(config, storageLog, { works: false, migrates: true });
  const people = Array.from({ length: count }, (_, index) => personOf(index));
  await storage.db.query('insert into greeted (principal) select unnest($1::text[])', [people]);
  await storage.close();
  return data;
}

/** A pretended Slack of its own for each app, so that neither waits for the other's messages. */
async function pretendedSlack(context: Context, manifest: Manifest, people: number): Promise<FakeSlack> {
  const slack = await FakeSlack.start(manifest);
  context.defer(() => slack.stop());
  for (let index = 0; index < people; index += 1) slack.workspace.addUser(userOf(index));
  return slack;
}

function connected(slack: FakeSlack, port: number): SlackApp {
  const url = `http://127.0.0.1:${port}${ENDPOINT}`;
  slack.connect(url);
  return { slack, url };
}

/** Both, with `people` who may write to them. */
export async function startApps(
  context: Context,
  people: number,
): Promise<{ bare: SlackApp; ours: SlackApp }> {
  const manifest = JSON.parse(readFileSync(at('../manifest.json'), 'utf8')) as Manifest;
  const bare = await pretendedSlack(context, manifest, people);
  const ours = await pretendedSlack(context, manifest, people);
  const folder = temporaryFolder(context);
  const barePort = await serve(
    context,
    at('./processes/bolt-echo.ts'),
    [bare.signingSecret, bare.token, bare.apiUrl],
    {},
  );
  const oursPort = await serve(context, at('../src/main.ts'), [], {
    PORT: '0',
    COUNTERSIGN_DATA: await acquaintedData(context, people),
    COUNTERSIGN_CONFIG: writeConfig(folder, people),
    SLACK_BOT_TOKEN: ours.token,
    SLACK_SIGNING_SECRET: ours.signingSecret,
    SLACK_API_URL: ours.apiUrl,
    LOG_LEVEL: 'error',
  });
  return { bare: connected(bare, barePort), ours: connected(ours, oursPort) };
}
