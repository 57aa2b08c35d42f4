/**
 * The agent's part of a conversation: what one could ask when it is opened, that something is being worked on, with Slack's
 * own Stop button, and that it is not any more. All of it may fail without harm.
 */
import type { PrincipalId } from '../../src/model/ids.ts';
import type { Assistant } from '../../src/model/ports.ts';
import type { Place } from '../../src/model/turn.ts';
import type { SlackClient } from './client.ts';
import { LABEL_MAX } from './limits.ts';
import { type Log, nameOf } from './log.ts';
import type { Memory } from './memory.ts';
import { clip, visible } from './outbound-text.ts';

export type Greet = (channel: string, person: PrincipalId | null) => Promise<void>;
export type Agent = {
  greet: Greet;
  working(place: Place): Promise<void>;
  answered(place: Place): Promise<void>;
};

/** As the manifest's: Slack shows at most four. */
const PROMPTS_MAX = 4;
/** Longer than a turn may take; after that nobody waits for the end of it. */
const WORKING_TTL_MS = 600_000;
const HELP = { title: 'What can you do?', message: 'help' };

export function createAgent(parts: {
  assistant: () => Assistant;
  client: Pick<SlackClient, 'suggest' | 'setSession'>;
  memory: Memory;
  log: Log;
}): Agent {
  const { client, memory } = parts;
  /** A decoration that cannot be shown costs nobody their answer, whatever the reason. */
  const harmless = async (show: () => Promise<void>): Promise<void> => {
    try {
      await show();
    } catch (error) {
      parts.log.warn(
        { code: 'slack_agent_view', error: nameOf(error) },
        'a status or suggestion was not shown',
      );
    }
  };
  const keyOf = ({ container, thread }: Place) => `slack:working:${container}:${thread}`;

  return {
    greet: (channel, person) =>
      harmless(async () => {
        const actions = person === null ? [] : await parts.assistant().actions(person);
        const prompts = actions.flatMap(({ title, examples: [example] }) =>
          example === undefined ? [] : [{ title: clip(visible(title), LABEL_MAX), message: example }],
        );
        await client.suggest(channel, [HELP, ...prompts].slice(0, PROMPTS_MAX));
      }),

    working: (place) =>
      harmless(async () => {
        if (!place.direct || place.thread === '') return;
        await memory.set(keyOf(place), '1', WORKING_TTL_MS);
        await client.setSession(place.container, place.thread, 'processing');
      }),

    answered: (place) =>
      harmless(async () => {
        if (!place.direct || (await memory.get(keyOf(place))) !== '1') return;
        await memory.set(keyOf(place), '', WORKING_TTL_MS);
        await client.setSession(place.container, place.thread, 'active');
      }),
  };
}
