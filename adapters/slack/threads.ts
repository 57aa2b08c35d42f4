/**
 * Which threads of channels somebody answered in, as far as we have seen it: Slack says yes to a message for one person alone in
 * any thread, and shows it only in one that is active already (docs.slack.dev, chat.postEphemeral). What we have not
 * seen, or have forgotten, is said in the channel itself, where it is seen for certain.
 */
import type { Place } from '../../src/model/turn.ts';
import type { Memory } from '../../src/surface/memory.ts';
import { type Log, nameOf } from './log.ts';

export type Threads = {
  /** Somebody answered there, one of us included. Not waited for, and never fails. */
  note(container: string, thread: string): void;
  isActive(place: Place): Promise<boolean>;
};

/** Longer than a card is usually pressed after it was shown. */
const REMEMBERED_MS = 7 * 24 * 3_600_000;

export function createThreads(memory: Memory, log: Log): Threads {
  const name = (container: string, thread: string): string => `slack:active:${container}:${thread}`;
  return {
    note(container, thread) {
      memory.set(name(container, thread), '1', REMEMBERED_MS).catch((error: unknown) => {
        log.info({ code: 'slack_thread_unnoted', error: nameOf(error) }, 'an active thread was not noted');
      });
    },
    isActive: async ({ container, thread }) => (await memory.get(name(container, thread))) === '1',
  };
}
