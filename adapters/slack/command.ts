/**
 * A slash command is no message: there is no thread to answer in. It gets one in the person's direct message, which
 * begins with the command's own words, and only then is it stored. Slack waits 3 s and then tells the person that the
 * command failed: what it called failed must not be done after all, and a line that stands for nothing says so itself.
 */
import { AppError } from '../../src/errors.ts';
import type { Delivery, Place } from '../../src/model/turn.ts';
import { visible } from '../../src/surface/unseen.ts';
import { type Block, rich, section, text } from './blocks.ts';
import { FALLBACK_MAX, TEXT_MAX } from './limits.ts';
import { type Log, nameOf } from './log.ts';
import { clip, escapeMarkup } from './outbound-text.ts';
import type { CommandDelivery } from './parse.ts';

export type Line = { text: string; blocks: Block[] };
/** A thread of a person's direct message. */
export type OwnThread = {
  /** Begins one; nothing is said if it is not `wanted` any more when its turn comes. */
  open(user: string, line: Line, wanted: () => boolean): Promise<Place>;
  /** Rewrites the line that it begins with. */
  rewrite(place: Place, line: Line): Promise<void>;
};
export type CommandParts = {
  ownThread: OwnThread;
  store(delivery: Delivery): Promise<void>;
  /** What was typed, with secrets masked: it is said again by us. */
  screened(text: string): string;
  log: Log;
};

/**
 * `words` begin the thread. Resolves once it is stored, or is about to be where that takes longer than Slack waits.
 * @throws AppError, where it was not done and will not be.
 */
export type RunCommand = (command: CommandDelivery, words: string) => Promise<void>;

/** Of Slack's 3 s, for the thread to be there, and then for storing. */
const THREAD_WITHIN_MS = 2_000;
const STORED_WITHIN_MS = 600;
/** Commands that are remembered, so that the same delivery again opens no second thread. */
const REMEMBERED_MAX = 1_000;
const NOT_DONE = 'This was not done, as it could not be stored in time. Please send it again.';

export function commandRunner(parts: CommandParts): RunCommand {
  const runs = new Map<string, Promise<void>>();
  return async (command, words) => {
    const { key } = command;
    const run = runs.get(key) ?? runOnce(parts, command, words);
    runs.set(key, run);
    const oldest = runs.keys().next();
    if (runs.size > REMEMBERED_MAX && !oldest.done) runs.delete(oldest.value);
    try {
      await run;
    } catch (error) {
      runs.delete(key);
      throw error;
    }
  };
}

async function runOnce(parts: CommandParts, command: CommandDelivery, words: string): Promise<void> {
  const { ownThread, log } = parts;
  const { key, account, content } = command;
  const said = parts.screened(words);
  const disown = async (place: Place): Promise<void> => {
    await ownThread.rewrite(place, lineOf(said, NOT_DONE)).catch((error: unknown) => {
      log.warn({ code: 'slack_command_left', error: nameOf(error) }, 'a line stands for no command');
    });
  };
  let isWanted = true;
  const opening = ownThread.open(account.user, lineOf(said), () => isWanted);
  const place = await within(THREAD_WITHIN_MS, opening);
  if (place === null) {
    isWanted = false;
    opening.then(disown, () => undefined);
    throw new AppError('platform_unavailable', 'Slack was too slow; please send the command again.');
  }
  const storing = parts.store({ key, account, place, content }).catch((error: unknown) => {
    void disown(place);
    throw error;
  });
  if (
    (await within(
      STORED_WITHIN_MS,
      storing.then(() => true),
    )) !== null
  )
    return;
  // It is under way, and nobody can call it back: whether it was done is said where it stands.
  storing.catch((error: unknown) => {
    log.warn({ code: 'slack_command_late', error: nameOf(error) }, 'a command could not be stored after all');
  });
}

/** Null where it takes longer; then whatever becomes of it is the caller's to hear. */
async function within<T>(ms: number, work: Promise<T>): Promise<T | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(late.resolve, ms, null);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function lineOf(words: string, note?: string): Line {
  const shown = clip(visible(words), TEXT_MAX);
  const noted = note === undefined ? [] : [section(text(note))];
  return {
    text: escapeMarkup(clip(note === undefined ? shown : `${note} ${shown}`, FALLBACK_MAX)),
    blocks: [rich(section(text(shown, { code: true })), ...noted)],
  };
}
