/** Any message of a thread as a Teams message: pure. */
import type { Message } from '../../src/model/card.ts';
import { type AdaptiveCard, adaptiveCard, box, line, lines, refresh, text } from './elements.ts';
import { SUMMARY_MAX, WORDS_BUDGET } from './limits.ts';
import { clip, measure, oneLine, readable } from './outbound-text.ts';
import { type Readers, type Rendered, renderCard } from './render-card.ts';
import { renderForm } from './render-form.ts';
import { type Claim, citationsOf, sourceLines } from './render-sources.ts';
import { inFull, row } from './rows.ts';

/** Teams' own mark on what a language model wrote; `citation` numbers are those shown with the words. */
export type AiEntity = {
  type: 'https://schema.org/Message';
  '@type': 'Message';
  '@context': 'https://schema.org';
  '@id': '';
  additionalType: ['AIGeneratedContent'];
};
export const AI_ENTITY: AiEntity = {
  type: 'https://schema.org/Message',
  '@type': 'Message',
  '@context': 'https://schema.org',
  '@id': '',
  additionalType: ['AIGeneratedContent'],
};

/** What the connector sends, before it is addressed. `byModel` asks for the label, and for feedback unless it only continues. */
export type Content = (
  | { text: string }
  | { card: AdaptiveCard; citations?: { text: string; claims: Claim[] } }
) & {
  summary: string;
  byModel: boolean;
  continues?: true;
};

/** Words beside a card or a form; a message of words alone has more room. */
const BESIDE_MAX = 1_000;
/** Text of ours in which no client finds anything to interpret: no markup, no address, no mention. */
const BARE = /^(?:[\p{L}\p{N} ,;:?!'"()=+%\u2026]|\.(?= |$)|(?<=\w)-(?=\w)){1,2000}$/u;

export type RenderedMessage = Rendered & { byModel: boolean };

/** Null: there is nothing to show, as for a person's own words, which already stand where they wrote them. */
export function renderMessage(message: Message, readers: Readers = 'one'): RenderedMessage | null {
  if (message.authorship === 'person' && message.card === null && message.form === null) return null;
  const alone = message.card === null && message.form === null;
  const words =
    message.text === '' && !alone ? null : renderWords(message, alone ? WORDS_BUDGET : BESIDE_MAX);
  const beside = words === null ? 0 : JSON.stringify(words.body).length;
  const card = message.card === null ? null : renderCard(message.card, readers, beside);
  const form = message.form === null ? null : renderForm(message.form, message.id);
  const parts = [words, card, form].filter((part) => part !== null);
  return {
    summary: (card ?? form ?? words)!.summary,
    body: parts.flatMap((part) => part.body),
    actions: parts.flatMap((part) => part.actions),
    asks: card?.asks ?? null,
    rest: parts.flatMap((part) => part.rest),
    byModel: message.authorship === 'model',
  };
}

/** The message as sent: `full` is false while what belongs before its buttons is not there yet. */
export function contentOf(
  message: Message,
  rendered: RenderedMessage,
  options: { full: boolean; personal: boolean },
): Content {
  const { summary, byModel, body, actions, asks } = rendered;
  const bare = message.card === null && message.form === null && message.authorship === 'system';
  if (bare && BARE.test(message.text)) return { text: message.text, summary, byModel };
  const mine = options.personal && asks !== null ? { refresh: refresh(asks) } : {};
  const cited = byModel ? citationsOf(message.sources) : null;
  const citations = cited === null ? {} : { citations: cited };
  return {
    card: adaptiveCard(body, options.full ? { actions, ...mine } : {}),
    summary,
    byModel,
    ...citations,
  };
}

const ATTRIBUTION: Readonly<Record<Exclude<Message['authorship'], 'system'>, string>> = {
  person: 'Written by a person.',
  model: 'Written by a language model.',
  fetched: 'Quoted from another system; not checked by us.',
};

function renderWords({ text: raw, authorship, sources }: Message, budget: number): Rendered {
  const words = readable(raw);
  const shown = clip(words, budget);
  const body =
    authorship === 'system'
      ? lines(shown)
      : [box(lines(shown)), ...sourceLines(sources), note(ATTRIBUTION[authorship])];
  const rest = measure(words) > budget ? inFull(row('Message', null, raw)) : [];
  return { summary: oneLine(words, SUMMARY_MAX), body, actions: [], asks: null, rest };
}

const note = (words: string) => line(text(words, { size: 'Small', isSubtle: true }));
