/**
 * A steady stream of signed Slack messages, 200 a second for a minute: to us as shipped, every turn being answered behind
 * the acknowledgement, and to a bare Bolt app. The stream changes sides every ten seconds, and only once everything before
 * is answered, so that neither pays for the other's work.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Bench, Context } from './bench.ts';
import { percentile, tableOf } from './measure.ts';
import type { Delivery, Stream } from './processes/event-sender.ts';
import { BOLT, OURS, type SlackApp, startApps, userOf, WORDS } from './slack-apps.ts';

const SENDER = fileURLToPath(new URL('./processes/event-sender.ts', import.meta.url));
const PER_SECOND = 200;
const ROUND_SECONDS = 10;
const ROUNDS = 6;
/** Everybody writes in turn: in no conversation twice within three seconds, as Slack takes about one message a second there. */
const PEOPLE = 600;
/** What an acknowledgement may take before Slack sends the event again. */
const SLACK_WAITS_MS = 3_000;
/** How long a stream's last answers may take. */
const ANSWERED_WITHIN_MS = 120_000;
const LOOK_AGAIN_MS = 50;

/** One stream to one app; null where there was no answer. */
type Round = { deliveries: Delivery[]; answeredMs: (number | null)[]; answersTwice: number };

/** The next messages: each stands in the pretended Slack before the app hears of it. */
function write({ slack }: SlackApp, from: number, count: number): { ts: string; body: string }[] {
  return Array.from({ length: count }, (_, index) => {
    const user = userOf((from + index) % PEOPLE);
    const channel = slack.workspace.directWith(user);
    const { ts } = slack.workspace.add({ channel, thread: null, user, text: WORDS, blocks: [] });
    return { ts, body: JSON.stringify(slack.make.event(user, WORDS, channel, ts)) };
  });
}

async function stream(context: Context, what: Stream): Promise<Delivery[]> {
  const child = spawn(process.execPath, [SENDER], {
    env: { PATH: process.env.PATH ?? '' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  context.defer(() => void child.kill());
  child.stdin.end(JSON.stringify(what));
  const [deliveries] = await Promise.all([json(child.stdout), once(child, 'exit')]);
  return deliveries as Delivery[];
}

/** When each message was answered in its thread, in milliseconds since the epoch, and how many were so more than once. */
function answersIn({ slack }: SlackApp, since: number): { first: Map<string, number>; twice: number } {
  const first = new Map<string, number>();
  let twice = 0;
  for (const { method, args, answer, atMs } of slack.calls.slice(since)) {
    if (method !== 'chat.postMessage' || answer.ok !== true || args.thread_ts === undefined) continue;
    const thread = String(args.thread_ts);
    if (first.has(thread)) twice += 1;
    else first.set(thread, atMs);
  }
  return { first, twice };
}

async function round(context: Context, app: SlackApp, from: number, count: number): Promise<Round> {
  const messages = write(app, from, count);
  const since = app.slack.calls.length;
  const bodies = messages.map(({ body }) => body);
  const secret = app.slack.signingSecret;
  const deliveries = await stream(context, { url: app.url, secret, perSecond: PER_SECOND, bodies });
  const lastMs = Date.now() + ANSWERED_WITHIN_MS;
  let answers = answersIn(app, since);
  while (messages.some(({ ts }) => !answers.first.has(ts)) && Date.now() < lastMs) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    answers = answersIn(app, since);
  }
  const answeredMs = messages.map(({ ts }, index) => {
    const at = answers.first.get(ts);
    return at === undefined ? null : at - deliveries[index]!.dueMs;
  });
  return { deliveries, answeredMs, answersTwice: answers.twice };
}

/** Acknowledged events a second: all of a stream, over the time from the first being due to the last acknowledgement. */
function throughput({ deliveries }: Round): number {
  const good = deliveries.filter(({ status }) => status === 200);
  const firstMs = deliveries[0]!.dueMs;
  const endMs = Math.max(...good.map(({ dueMs, doneMs }) => dueMs + doneMs));
  return (good.length * 1_000) / (endMs - firstMs);
}

/** What a median would hide. */
function inTotal(what: string, rounds: readonly Round[]): string {
  const deliveries = rounds.flatMap((it) => it.deliveries);
  const count = (holds: (delivery: Delivery) => boolean) => deliveries.filter(holds).length;
  const answers = rounds.flatMap(({ answeredMs }) => answeredMs);
  const twice = rounds.reduce((sum, { answersTwice }) => sum + answersTwice, 0);
  const left = percentile(
    deliveries.map(({ leftMs }) => leftMs),
    0.99,
  );
  return [
    `${what}: ${deliveries.length} sent (p99 ${left.toFixed(1)} ms after they were due)`,
    `${count(({ status }) => status === 200)} acknowledged`,
    `${count(({ status }) => status !== null && status !== 200)} refused`,
    `${count(({ status }) => status === null)} without an answer`,
    `${count(({ doneMs }) => doneMs > SLACK_WAITS_MS)} later than Slack waits`,
    `${answers.filter((it) => it === null).length} lost`,
    `${twice} answered twice; the longest acknowledgement took ${Math.max(...deliveries.map((it) => it.doneMs)).toFixed(0)} ms.`,
  ].join(', ');
}

export const events: Bench = {
  name: 'events',
  about: `${PER_SECOND} signed Slack events a second for a minute, beside a bare Bolt app`,
  async run(context) {
    const { bare, ours } = await startApps(context, PEOPLE);
    const sides = [
      { what: BOLT, app: bare, rounds: [] as Round[] },
      { what: OURS, app: ours, rounds: [] as Round[] },
    ];
    // Everybody once, not counted: connections, compiled code, and the first greeting of each.
    for (const { app } of sides) await round(context, app, 0, PEOPLE);
    const count = PER_SECOND * ROUND_SECONDS;
    for (let index = 0; index < ROUNDS; index += 1) {
      for (const { app, rounds } of index % 2 === 0 ? sides : sides.toReversed()) {
        rounds.push(await round(context, app, index * count, count));
      }
    }
    const measured = (values: (round: Round) => readonly number[]) =>
      new Map(sides.map(({ what, rounds }) => [what, rounds.flatMap(values)]));
    const answered = ({ answeredMs }: Round) => answeredMs.filter((it) => it !== null);
    return [
      tableOf(
        'Event due to acknowledged',
        'ms',
        BOLT,
        measured(({ deliveries }) => deliveries.map(({ doneMs }) => doneMs)),
        sides.map(({ what, rounds }) => inTotal(what, rounds)),
      ),
      tableOf('Event due to its answer in the thread', 'ms', BOLT, measured(answered)),
      tableOf(
        `Acknowledged events, ${PER_SECOND} a second due`,
        'per s',
        BOLT,
        measured((it) => [throughput(it)]),
        [
          `${ROUNDS} streams of ${ROUND_SECONDS} s to each; the sender is a process of its own, and waits for nothing.`,
        ],
      ),
    ];
  },
};
