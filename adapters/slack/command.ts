/**
 * A slash command is no message: there is no thread to answer in. It gets one in the person's direct message, which
 * begins with the command's own words, and only then is it stored.
 */
import { AppError } from '../../src/errors.ts';
import type { Delivery, Place } from '../../src/model/turn.ts';
import { type Block, rich, section, text } from './blocks.ts';
import { FALLBACK_MAX, TEXT_MAX } from './limits.ts';
import { clip, escapeMarkup, visible } from './outbound-text.ts';
import type { CommandDelivery } from './parse.ts';

export type OpenThread = (user: string, message: { text: string; blocks: Block[] }) => Promise<Place>;

/** `words` begin the thread. */
export type CommandPlacer = (command: CommandDelivery, words: string) => Promise<Delivery>;

/** Slack tells the person after 3 s that the command failed; what it called failed must not run after all. */
const THREAD_WITHIN_MS = 2_500;
/** Commands whose thread is remembered, so that the same delivery again opens no second one. */
const OPENED_MAX = 1_000;

/** Turns commands into deliveries. @throws AppError `platform_unavailable` when Slack is too slow to open the thread. */
export function commandPlacer(openThread: OpenThread, elapsed: () => number): CommandPlacer {
  const opened = new Map<string, Promise<Place>>();
  return async ({ key, account, content }, words) => {
    const startedAt = elapsed();
    const opening = opened.get(key) ?? openThread(account.user, repeat(words));
    opened.set(key, opening);
    const oldest = opened.keys().next();
    if (opened.size > OPENED_MAX && !oldest.done) opened.delete(oldest.value);
    try {
      const place = await opening;
      if (elapsed() - startedAt > THREAD_WITHIN_MS) {
        throw new AppError('platform_unavailable', 'Slack was too slow; please send the command again.');
      }
      return { key, account, place, content };
    } catch (error) {
      opened.delete(key);
      throw error;
    }
  };
}

function repeat(words: string): { text: string; blocks: Block[] } {
  const shown = clip(visible(words), TEXT_MAX);
  return {
    text: escapeMarkup(clip(shown, FALLBACK_MAX)),
    blocks: [rich(section(text(shown, { code: true })))],
  };
}
