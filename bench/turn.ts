/**
 * A Slack message, signed and sent as Slack does it: to us as shipped (`src/main.ts` with its database, every turn being
 * answered behind the acknowledgement) and to the smallest Bolt app that repeats what it hears. Both run in processes of
 * their own, against a pretended Slack in this one.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FakeSlack, type Manifest } from '../test/support/slack/fake-slack.ts';
import { TEAM } from '../test/support/slack/workspace.ts';
import type { Bench, Context } from './bench.ts';
import { serve } from './child.ts';
import { temporaryData, temporaryFolder } from './installation.ts';
import { tableOf, takeTurns, timed } from './measure.ts';

const at = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const ENDPOINT = '/slack/events';
/** Answered at once by either: what is measured is the way, not the work. */
const WORDS = 'whoami';
/** Slack takes about one message a second in a conversation: with many people nobody waits for that. */
const PEOPLE = 400;
const ACKNOWLEDGED = { rounds: 400, withinMs: 15_000, warmUp: 20 };
const ANSWERED = { rounds: 60, withinMs: 15_000, warmUp: 3 };
const BURSTS = { rounds: 5, withinMs: 15_000, warmUp: 1 };
const BURST = 160;
const AT_ONCE = 16;
const BOLT = 'bare Bolt echo app';
const OURS = 'Countersign';

const userOf = (index: number): string => `U${String(index).padStart(6, '0')}`;

/** A directory and limits for people who write more than people can. */
function writeConfig(folder: string): string {
  const people = Array.from({ length: PEOPLE }, (_, index) => ({
    id: `p${index}`,
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

/** A pretended Slack of its own for each app, so that neither waits for the other's messages. */
async function pretendedSlack(context: Context, manifest: Manifest): Promise<FakeSlack> {
  const slack = await FakeSlack.start(manifest);
  context.defer(() => slack.stop());
  for (let index = 0; index < PEOPLE; index += 1) slack.workspace.addUser(userOf(index));
  return slack;
}

async function startApps(context: Context) {
  const manifest = JSON.parse(readFileSync(at('../manifest.json'), 'utf8')) as Manifest;
  const [bare, ours] = [await pretendedSlack(context, manifest), await pretendedSlack(context, manifest)];
  const folder = temporaryFolder(context);
  const barePort = await serve(
    context,
    at('./processes/bolt-echo.ts'),
    [bare.signingSecret, bare.token, bare.apiUrl],
    {},
  );
  const oursPort = await serve(context, at('../src/main.ts'), [], {
    PORT: '0',
    COUNTERSIGN_DATA: temporaryData(context),
    COUNTERSIGN_CONFIG: writeConfig(folder),
    SLACK_BOT_TOKEN: ours.token,
    SLACK_SIGNING_SECRET: ours.signingSecret,
    SLACK_API_URL: ours.apiUrl,
    LOG_LEVEL: 'error',
  });
  bare.connect(`http://127.0.0.1:${barePort}${ENDPOINT}`);
  ours.connect(`http://127.0.0.1:${oursPort}${ENDPOINT}`);
  return { bare, ours };
}

/** Everybody writes in turn, so that a direct message has its next one only long after the last. */
function speakers(slack: FakeSlack) {
  let next = 0;
  const speak = async () => {
    const user = userOf(next % PEOPLE);
    next += 1;
    const said = await slack.say(user, WORDS);
    if (said.sent.status !== 200 || said.sent.attempts !== 1)
      throw new Error(`a message was answered ${said.sent.status} after ${said.sent.attempts} attempts`);
    return said;
  };
  return {
    acknowledged: () => timed(speak),
    answered: () =>
      timed(async () => {
        const { channel, ts } = await speak();
        await slack.workspace.until(() =>
          slack.workspace.messages(channel).some((it) => it.thread === ts && it.user === slack.bot),
        );
      }),
    /** Acknowledged messages a second. */
    async burst() {
      let left = BURST;
      const worker = async (): Promise<void> => {
        for (; left > 0; ) {
          left -= 1;
          await speak();
        }
      };
      return (BURST * 1000) / (await timed(() => Promise.all(Array.from({ length: AT_ONCE }, worker))));
    },
  };
}

export const turn: Bench = {
  name: 'turn',
  about: 'a Slack message to its acknowledgement and its answer, beside a bare Bolt app',
  async run(context) {
    const { bare, ours } = await startApps(context);
    const [bolt, countersign] = [speakers(bare), speakers(ours)];
    const sideBySide = (kind: keyof typeof bolt) => [
      { what: BOLT, once: bolt[kind] },
      { what: OURS, once: countersign[kind] },
    ];
    const answered = await takeTurns(sideBySide('answered'), ANSWERED);
    const acknowledged = await takeTurns(sideBySide('acknowledged'), ACKNOWLEDGED);
    const bursts = await takeTurns(sideBySide('burst'), BURSTS);
    return [
      tableOf('Message sent to acknowledged', 'ms', BOLT, acknowledged, [
        'Bolt acknowledges what it has not stored; we only once the turn, its entry and its job are committed.',
      ]),
      tableOf('Message sent to its answer in the thread', 'ms', BOLT, answered),
      tableOf(`Acknowledged messages, ${AT_ONCE} at once`, 'per s', BOLT, bursts, [
        `Bursts of ${BURST}; meanwhile every earlier turn is planned, answered, recorded and signed in the same process.`,
      ]),
    ];
  },
};
