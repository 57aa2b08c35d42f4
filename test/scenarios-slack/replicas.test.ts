/** Two assistants, each a process, on one database and one Slack: what is said is shown once and in order, also when one is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { say, threadAt } from '../../src/reply/messages.ts';
import { createSenders } from '../../src/workers.ts';
import { startHoldingProxy } from '../support/holding-proxy.ts';
import { TEAM } from '../support/slack/workspace.ts';
import { ALICE, DAVE, GENERAL, OPERATORS, useWorkplace } from './workplace.ts';

const SLOW_MS = 90_000;
const CHANNELS = [GENERAL, OPERATORS, 'CAPPROVALS', 'D0DAVE'];

const work = useWorkplace();
let proxy: Awaited<ReturnType<typeof startHoldingProxy>>;
let other: ChildProcess | undefined;

beforeAll(async () => {
  proxy = await startHoldingProxy(work.slack.apiUrl, (url) => url.endsWith('/chat.postMessage'));
  work.slack.workspace.directWith(DAVE);
  other = await startOther();
}, SLOW_MS);
afterAll(async () => {
  if (other && other.exitCode === null && other.signalCode === null) await killed(other);
  await proxy?.stop();
});

/** With a data folder of its own, and the keys of the first. */
async function startOther(): Promise<ChildProcess> {
  const data = path.join(work.folder, 'other');
  mkdirSync(data, { mode: 0o700 });
  for (const key of ['master.key', 'audit-signing.key'])
    copyFileSync(path.join(work.folder, 'data', key), path.join(data, key));
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'replica.ts')], {
    cwd: work.folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      COUNTERSIGN_CONFIG: path.join(work.folder, 'countersign.yaml'),
      COUNTERSIGN_DATA: data,
      DATABASE_URL: work.database.appUrl,
      DATABASE_OWNER_URL: work.database.ownerUrl,
      SLACK_BOT_TOKEN: work.slack.token,
      SLACK_SIGNING_SECRET: work.slack.signingSecret,
      SLACK_API_URL: `${proxy.baseUrl}/api/`,
    },
  });
  const said = await Promise.race([once(child.stdout!, 'data'), once(child, 'exit').then(() => null)]);
  if (said === null) throw new Error('The other assistant ended.');
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** A conversation in each channel, in each of which so much is said, one thing after the other. */
async function tell(count: number): Promise<void> {
  const { db, queue } = work.running.house.storage;
  const send = createSenders(queue);
  const threads = CHANNELS.map((container) => {
    const root = { channel: container, thread: null, user: DAVE, text: 'go on', blocks: [] };
    return { container, thread: work.slack.workspace.add(root).ts };
  });
  for (let nth = 0; nth < count; nth += 1)
    await db.transaction(async (tx) => {
      for (const { container, thread } of threads) {
        const direct = container.startsWith('D');
        const place = { platform: 'slack' as const, tenant: TEAM, container, thread, direct };
        const words = { turn: null, text: `number ${nth}`, authorship: 'system' as const };
        await say(tx, send, { thread: await threadAt(tx, place), ...words });
      }
    });
}

/** Requests with their cards, until each has ended; what is shown of them may come later. */
async function ask(count: number): Promise<void> {
  const before = await endedRequests();
  for (let nth = 0; nth < count; nth += 1)
    await work.slack.say(ALICE, `ticket create title="The printer is broken ${nth}"`);
  await vi.waitUntil(async () => (await endedRequests()) === before + count, { timeout: SLOW_MS });
}

async function endedRequests(): Promise<number> {
  const row = await work.db.one<{ count: string }>(`select count(*) from requests where state = 'succeeded'`);
  return Number(row.count);
}

/** Thread by thread: what stands in Slack, and what we know to have said there, in the order of its saying. */
async function shownAndSaid() {
  const said = await work.db.query<{ where: string; ts: string | null }>(
    `select t.container || ' ' || t.thread as where, split_part(m.delivered->>'message', '@', 1) as ts
     from messages m join threads t on t.id = m.thread
     where t.platform = 'slack' and m.authorship <> 'person' order by m.serial`,
  );
  const shown = work.slack
    .messages()
    .filter(({ user }) => user === work.slack.bot)
    .map(({ channel, thread, ts }) => ({ where: `${channel} ${thread ?? ''}`, ts }));
  return { shown: byPlace(shown), said: byPlace(said) };
}

const byPlace = (all: readonly { where: string; ts: string | null }[]): Record<string, (string | null)[]> =>
  Object.fromEntries(
    [...new Set(all.map(({ where }) => where))]
      .sort()
      .map((place) => [place, all.filter(({ where }) => where === place).map(({ ts }) => ts)]),
  );

async function expectEachOnceInOrder(): Promise<void> {
  await vi.waitUntil(
    async () => Object.values((await shownAndSaid()).said).every((all) => !all.includes(null)),
    { timeout: SLOW_MS, interval: 200 },
  );
  const { shown, said } = await shownAndSaid();
  expect(shown).toEqual(said);
}

test('two assistants share the work, and each message and card is shown once and in order', async () => {
  await Promise.all([tell(20), ask(6)]);
  const posted = () => work.slack.calls.filter(({ method }) => method === 'chat.postMessage').length;
  // Which of them gets a job is nobody's to say: more is said until both have shown something.
  const passed = () => proxy.counts().passed;
  while (passed() === 0 || posted() === passed()) await tell(5);
  await expectEachOnceInOrder();
}, 180_000);

test('one is killed while it posts: the other goes on, where it left off too', async () => {
  await ask(3);
  // From here on whatever the other posts is held, and nothing of before is on its way.
  await expectEachOnceInOrder();
  proxy.close();
  // Until the one that is to be killed has got something to show.
  while (proxy.counts().waiting === 0) await tell(5);
  await killed(other!);
  await tell(5);
  await expectEachOnceInOrder();
  await work.expectVerifiedLog();
}, 180_000);
