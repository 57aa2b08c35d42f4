/**
 * Slack's limits as documented for Block Kit and chat.postMessage (characters, or entries), and how far below
 * them we stay. docs.slack.dev: reference/block-kit, apis/web-api/rate-limits.
 */
import type { Pace } from '../../src/surface/paced-queue.ts';

export const HEADER_MAX = 150;
export const BUTTON_TEXT_MAX = 75;
export const BUTTON_VALUE_MAX = 2_000;
export const LINK_MAX = 3_000;

/** One text element: what a section's text may hold; rich text has no documented limit of its own. */
export const TEXT_MAX = 2_900;
/** The fallback text of notifications; chat.update refuses more than 4,000. */
export const FALLBACK_MAX = 1_000;
/**
 * Text of all blocks of one message. Slack answers `msg_blocks_too_long` without saying from where on; 12,000 is
 * what it documents for markdown, so a card's parts add up to less, and words alone stay at this.
 */
export const MESSAGE_BUDGET = 9_000;
/** A card's rows; its other parts are bounded to under 7,000 together. */
export const ROWS_BUDGET = 4_800;
/** A value longer than this is shortened on its card and follows in full in the thread. */
export const INLINE_MAX = 1_200;
/** A label, title or name: longer ones are ours to shorten. */
export const LABEL_MAX = 100;
/** Tail of a run's output on its card. */
export const OUTPUT_MAX = 1_400;

/** chat.postMessage: about one a second to a channel; chat.update is held to the same. */
export const CHANNEL_GAP_MS = 1_000;
/** How long one message waits for Slack's rate limit before its caller is told to come back later. */
export const PATIENCE_MS = 60_000;
export const PACE: Pace = {
  platform: 'Slack',
  limits: [{ sends: 1, withinMs: CHANNEL_GAP_MS }],
  patienceMs: PATIENCE_MS,
};
/** Used where a 429 names no time. */
export const DEFAULT_RETRY_AFTER_MS = 1_000;
/** One Web API call; Slack itself gives up on most after 10 s. */
export const CALL_TIMEOUT_MS = 10_000;
/** Slack's own clock may differ from ours by this much, either way (its documentation's five minutes). */
export const SKEW_SECONDS = 300;
/** Slack's largest event: 40,000 characters as text and again as blocks, escaped; with room to spare. */
export const BODY_MAX_BYTES = 1024 * 1024;

/** A dialog: its title, its blocks, one text field, the options of one choice and what an option says and means. */
export const MODAL_TITLE_MAX = 24;
export const VIEW_BLOCKS_MAX = 100;
export const INPUT_MAX = 3_000;
export const OPTIONS_MAX = 100;
export const OPTION_TEXT_MAX = 75;
export const OPTION_VALUE_MAX = 150;
/** An error below a field: a sentence. */
export const FIELD_ERROR_MAX = 300;
