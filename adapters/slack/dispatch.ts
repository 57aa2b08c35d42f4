/**
 * What was parsed, carried through Bolt to the core. The same for both ways in: HTTP and Socket Mode differ only in how
 * bytes arrive and how an acknowledgement leaves, and both leave after storing.
 */
import { App, type Receiver } from '@slack/bolt';
import type { ChatAssistant } from '../../src/model/ports.ts';
import { type Delivery, isSpoken, type Place } from '../../src/model/turn.ts';
import type { Agent } from './agent.ts';
import type { SlackClient } from './client.ts';
import { commandRunner, type OwnThread } from './command.ts';
import type { Home } from './home.ts';
import { type Answer, createInteract } from './interact.ts';
import { boltLogger, type Log } from './log.ts';
import { BUTTONS, COMMAND, EVENTS } from './needs.ts';
import type { Parsed, Self } from './parse.ts';
import type { Threads } from './threads.ts';

export type DispatchParts = {
  assistant: () => ChatAssistant;
  botToken: string;
  /** Null until `auth.test` has answered: nothing can be told apart before. */
  self: () => Self | null;
  ownThread: OwnThread;
  client: SlackClient;
  direct(user: string): Promise<Place>;
  tell(user: string, pressed: Place | null, words: string): void;
  home: Home;
  agent: Agent;
  threads: Pick<Threads, 'note'>;
  log: Log;
};

/** Answers with what Slack is to be told besides that it arrived. */
export type Act = (parsed: Parsed | undefined) => Promise<Answer>;

/** What a payload means, once it was parsed. One for all ways in, so that a repeated delivery is known on each. */
export function createAct(parts: DispatchParts): Act {
  const storeIt = (delivery: Delivery): Promise<void> => store(parts, delivery);
  const screened = (text: string): string => parts.assistant().screened(text);
  const { ownThread, log } = parts;
  const run = commandRunner({ ownThread, store: storeIt, screened, log });
  const interact = createInteract({ ...parts, run, greet: parts.agent.greet, store: storeIt });
  return async (parsed) => {
    const active = activeThread(parsed);
    if (active !== null) parts.threads.note(active.container, active.thread);
    switch (parsed?.kind) {
      case 'delivery':
        return void (await storeIt(parsed.delivery));
      case 'edited':
        return void (await storeEdit(parts, parsed.message));
      case 'command':
        return void (await run(parsed.command, `${COMMAND} ${parsed.text}`));
      case 'interaction':
        return interact(parsed.interaction);
      default:
        throw new Error('Bolt dispatched something that the parser did not');
    }
  };
}

/** Where it was said or pressed, if somebody had answered there. */
function activeThread(parsed: Parsed | undefined): Place | null {
  if (parsed?.kind === 'delivery') return parsed.hasReplies ? parsed.delivery.place : null;
  if (parsed?.kind !== 'interaction' || !parsed.interaction.hasReplies) return null;
  return 'place' in parsed.interaction ? parsed.interaction.place : null;
}

/** Registers every listener on a Bolt app over `receiver`; the receiver puts what was parsed into `context.slack`. */
export function dispatch(receiver: Receiver, act: Act, { botToken, self, log }: DispatchParts): void {
  const slack = new App({
    receiver,
    // Who we are is known from the start; authorizing an event must not need the network.
    authorize: async () => ({ botToken, ...(self() === null ? {} : { botId: self()!.bot }) }),
    // Ours and other bots' messages were told apart by the parser already.
    ignoreSelf: false,
    convoStore: false,
    logger: boltLogger(log),
  });
  for (const { type } of EVENTS) {
    slack.event(type, async ({ context }) => {
      await act(context.slack);
    });
  }
  // The parser has told ours from others' already.
  slack.view(/./, async ({ context, ack }) => {
    const answer = await act(context.slack);
    // Our views are Slack's, as far as we use them; its type knows every block there is.
    await ack(answer as never);
  });
  slack.shortcut(/./, async ({ context, ack }) => {
    await act(context.slack);
    await ack();
  });
  for (const button of BUTTONS) {
    slack.action(button, async ({ context, ack }) => {
      await act(context.slack);
      await ack();
    });
  }
  slack.command(COMMAND, async ({ context, ack }) => {
    await act(context.slack);
    await ack({ response_type: 'ephemeral', text: 'The answer is in our direct message.' });
  });
}

async function store({ assistant, agent, log }: DispatchParts, delivery: Delivery): Promise<void> {
  const { turn, duplicate } = await assistant().receive(delivery);
  log.info({ code: duplicate ? 'slack_duplicate' : 'slack_received', turn }, 'a delivery is stored');
  // Not waited for: that it arrived is what Slack must hear in time. What follows a press shows on its card.
  if (!duplicate && isSpoken(delivery.content)) void agent.working(delivery.place);
}

/** What was not taken in, as it did not mention us or came before us, is nobody's concern. */
async function storeEdit({ assistant, log }: DispatchParts, message: string): Promise<void> {
  const received = await assistant().edited('slack', message);
  if (received === null) {
    log.info({ code: 'slack_ignored_edited' }, 'a message was edited that had not been taken in');
    return;
  }
  const { turn, duplicate } = received;
  log.info({ code: duplicate ? 'slack_duplicate' : 'slack_received', turn }, 'an edit is stored');
}
