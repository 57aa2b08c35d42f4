/** A Slack message, signed and sent as Slack does it, to its acknowledgement and to its answer; beside a bare Bolt app. */
import type { FakeSlack } from '../test/support/slack/fake-slack.ts';
import type { Bench } from './bench.ts';
import { tableOf, takeTurns, timed } from './measure.ts';
import { BOLT, OURS, startApps, userOf, WORDS } from './slack-apps.ts';

/** Slack takes about one message a second in a conversation: with many people nobody waits for that. */
const PEOPLE = 400;
const ACKNOWLEDGED = { rounds: 400, withinMs: 15_000, warmUp: 20 };
const ANSWERED = { rounds: 60, withinMs: 15_000, warmUp: 3 };
const BURSTS = { rounds: 5, withinMs: 15_000, warmUp: 1 };
const BURST = 160;
const AT_ONCE = 16;

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
    const { bare, ours } = await startApps(context, PEOPLE);
    const [bolt, countersign] = [speakers(bare.slack), speakers(ours.slack)];
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
