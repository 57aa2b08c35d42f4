/** What an invoke is answered with: a card as this person sees it, or one sentence of ours. */
import type { Message } from '../../src/model/card.ts';
import { adaptiveCard, line, text } from './elements.ts';
import { SUMMARY_MAX } from './limits.ts';
import { oneLine, visible } from './outbound-text.ts';
import { contentOf, renderMessage } from './render-message.ts';

const CARD = 'application/vnd.microsoft.card.adaptive';
const WORDS = 'application/vnd.microsoft.activity.message';

export type InvokeAnswer = { statusCode: 200; type: typeof CARD | typeof WORDS; value: unknown };

/** Shown to the person alone, in place of the card, until the card is rewritten for all. */
export function answerCard(message: Message): InvokeAnswer | null {
  const rendered = renderMessage(message);
  if (rendered === null) return null;
  const content = contentOf(message, rendered, { full: true, personal: true });
  return 'card' in content ? { statusCode: 200, type: CARD, value: content.card } : null;
}

/** Shown to the person alone, beside the card. */
export function answerWords(words: string): InvokeAnswer {
  return { statusCode: 200, type: WORDS, value: oneLine(visible(words), SUMMARY_MAX) };
}

/** In place of a form, so that it cannot be sent twice by mistake. */
export function answerSent(): InvokeAnswer {
  return { statusCode: 200, type: CARD, value: adaptiveCard([line(text('Sent. The answer follows.'))]) };
}
