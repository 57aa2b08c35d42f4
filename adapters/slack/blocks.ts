/**
 * The few Block Kit shapes that we use. All of them show text literally (`plain_text` and `rich_text`): there is no
 * markup to escape, so no mention, link or formatting can be smuggled in. Texts come in already `visible`.
 */
import type { CardOffer } from '../../src/model/card.ts';
import type { MessageId } from '../../src/model/ids.ts';
import type { DecisionKind } from '../../src/model/turn.ts';
import { BUTTON_TEXT_MAX, BUTTON_VALUE_MAX, HEADER_MAX, LINK_MAX } from './limits.ts';
import { ACTION_IDS } from './needs.ts';
import { clip } from './outbound-text.ts';

export type Style = { bold?: true; italic?: true; code?: true };
export type Inline =
  | { type: 'text'; text: string; style?: Style }
  | { type: 'link'; url: string; text: string }
  | { type: 'date'; timestamp: number; format: string; fallback: string };
export type RichElement = {
  type: 'rich_text_section' | 'rich_text_preformatted' | 'rich_text_quote';
  elements: Inline[];
};
type PlainText = { type: 'plain_text'; text: string; emoji: false };
export type Button = {
  type: 'button';
  action_id: string;
  value: string;
  text: PlainText;
  style?: 'primary' | 'danger';
};
type FeedbackButton = { text: PlainText; value: string };
export type TaskStatus = 'pending' | 'in_progress' | 'complete' | 'error';
export type RichText = { type: 'rich_text'; elements: RichElement[] };
/** `title` is plain text, `output` one rich text. */
export type Task = {
  type: 'task_card';
  task_id: string;
  title: string;
  status: TaskStatus;
  output?: RichText;
};
/** On any surface; a view, which is a dialog or the Home tab, takes no others. */
export type ViewBlock =
  | { type: 'header'; text: PlainText }
  | RichText
  | { type: 'context'; elements: PlainText[] }
  | { type: 'actions'; elements: Button[] };
/** docs.slack.dev/reference/block-kit/blocks: `plan` and `context_actions` are for messages only. */
export type Block =
  | ViewBlock
  | { type: 'plan'; title: string; tasks: Task[] }
  | {
      type: 'context_actions';
      elements: {
        type: 'feedback_buttons';
        action_id: string;
        positive_button: FeedbackButton;
        negative_button: FeedbackButton;
      }[];
    };

const plain = (text: string, max: number): PlainText => ({
  type: 'plain_text',
  text: clip(text, max),
  emoji: false,
});

export const header = (text: string): ViewBlock => ({ type: 'header', text: plain(text, HEADER_MAX) });
/** Small print below a card. */
export const context = (...lines: string[]): ViewBlock => ({
  type: 'context',
  elements: lines.map((line) => plain(line, LINK_MAX)),
});
export const rich = (...elements: RichElement[]): RichText => ({ type: 'rich_text', elements });
export const section = (...elements: Inline[]): RichElement => ({ type: 'rich_text_section', elements });
export const preformatted = (value: string): RichElement => ({
  type: 'rich_text_preformatted',
  elements: [text(value)],
});
export const quote = (value: string): RichElement => ({ type: 'rich_text_quote', elements: [text(value)] });

export function text(value: string, style?: Style): Inline {
  return style === undefined ? { type: 'text', text: value } : { type: 'text', text: value, style };
}

/** A link that says what it is, or where it leads; anything but a plain web address stays text. */
export function link(url: string, label: string): Inline {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const web = parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.username === '';
  return web && parsed.href.length <= LINK_MAX
    ? { type: 'link', url: parsed.href, text: label }
    : text(label === url ? url : `${label}: ${url}`);
}

/** A moment in the reader's own time zone. */
export function moment(iso: string): Inline {
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) return text(iso);
  return {
    type: 'date',
    timestamp: Math.floor(ms / 1000),
    format: '{date_short_pretty} {time}',
    fallback: iso,
  };
}

export const isForViews = (block: Block): block is ViewBlock =>
  block.type !== 'plan' && block.type !== 'context_actions';

/** One button of its own block. */
export const button = (action: string, label: string, value: string): ViewBlock => ({
  type: 'actions',
  elements: [
    { type: 'button', action_id: action, value, text: plain(label, BUTTON_TEXT_MAX), style: 'primary' },
  ],
});

/** What people think of an answer. */
export const feedbackOn = (message: MessageId): Block => ({
  type: 'context_actions',
  elements: [
    {
      type: 'feedback_buttons',
      action_id: ACTION_IDS.feedback,
      positive_button: { text: plain('Good answer', BUTTON_TEXT_MAX), value: `good:${message}` },
      negative_button: { text: plain('Bad answer', BUTTON_TEXT_MAX), value: `bad:${message}` },
    },
  ],
});

const LABELS: Readonly<Record<DecisionKind, string>> = {
  confirm: 'Confirm',
  approve: 'Approve',
  deny: 'Deny',
  cancel: 'Cancel',
};

const OFFERS: Readonly<Record<CardOffer, string>> = {
  edit: 'Edit',
  hand_over: 'Hand over',
  undo: 'Undo',
  happened: 'It happened',
  did_not_happen: 'It did not',
  report: 'Report',
};

/** Buttons carry the rendering's opaque id and nothing else; they are never authority. Deciding comes first. */
export function buttons(
  kinds: readonly DecisionKind[],
  rendering: string,
  offers: readonly CardOffer[] = [],
): ViewBlock {
  const value = clip(rendering, BUTTON_VALUE_MAX);
  const one = (action: string, label: string): Button => ({
    type: 'button',
    action_id: action,
    value,
    text: plain(label, BUTTON_TEXT_MAX),
  });
  const decisions = kinds.map((kind): Button => {
    if (kind === 'deny') return { ...one(kind, LABELS[kind]), style: 'danger' };
    return kind === 'cancel' ? one(kind, LABELS[kind]) : { ...one(kind, LABELS[kind]), style: 'primary' };
  });
  return {
    type: 'actions',
    elements: [...decisions, ...offers.map((offer) => one(ACTION_IDS[offer], OFFERS[offer]))],
  };
}
