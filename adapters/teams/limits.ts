/**
 * Limits of Teams as documented, and how far below them we stay. learn.microsoft.com/microsoftteams/platform:
 * bots/how-to/rate-limit, bots/how-to/format-your-bot-messages, task-modules-and-cards/cards/universal-actions.
 */
import type { Pace } from '../../src/surface/paced-queue.ts';

/**
 * Of one message with its card, in UTF-16 units of JSON, as `measure` counts; a card and its words stay below this together. Teams
 * takes 28 KB, which it counts in UTF-16.
 */
export const CARD_BUDGET = 13_000;
/** A card's rows at most, their layout included; less where its other parts leave less of `CARD_BUDGET`. */
export const ROWS_BUDGET = 6_000;
/** What a message of words alone holds; longer ones are continued. */
export const WORDS_BUDGET = 8_000;
/** Text of one message that carries what its card could not. */
export const CONTINUATION_BUDGET = 9_000;
/** A value longer than this is shortened on its card and follows in full. */
export const INLINE_MAX = 1_200;
/** A label, title or name: longer ones are ours to shorten. */
export const LABEL_MAX = 100;
/** What is said of a denial: a sentence or two, in characters; the same in Slack. */
export const REASON_MAX = 500;
/** The directory's id of a person; more characters than it takes. */
export const TAKER_MAX = 200;
/** Of a list of people to choose from; beyond it, the command takes everybody. */
export const TAKERS_MAX = 100;
/** What is said of something that looks wrong, in characters; the same in Slack. */
export const REPORT_MAX = 3_000;
/** Tail of a run's output on its card. */
export const OUTPUT_MAX = 1_800;
/** What a notification says. */
export const SUMMARY_MAX = 300;
/** Longest address that is made a link. */
export const LINK_MAX = 2_000;

/** Sends to one conversation: how many in how many milliseconds. */
export const SEND_LIMITS = [
  { sends: 7, withinMs: 1_000 },
  { sends: 60, withinMs: 30_000 },
] as const;
/** How long one message waits for a 429 before its caller is told to come back later. */
export const PATIENCE_MS = 60_000;
export const PACE: Pace = { platform: 'Teams', limits: SEND_LIMITS, patienceMs: PATIENCE_MS };
/** Used where a 429 names no time. */
export const DEFAULT_RETRY_AFTER_MS = 1_000;
/** One call of the connector. */
export const CALL_TIMEOUT_MS = 15_000;
/** An invoke must be answered within 5 s; storing comes first, and the network has its share. */
export const ANSWER_WITHIN_MS = 3_000;
/** The largest message that Teams delivers is about 100 KB; with room for its envelope and escapes. */
export const BODY_MAX_BYTES = 512 * 1024;
