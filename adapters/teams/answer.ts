/** What an invoke is answered with: a card as this person sees it, a form, or one sentence of ours. */
import type { Form, Message, Taker } from '../../src/model/card.ts';
import { visible } from '../../src/surface/unseen.ts';
import { type AdaptiveCard, adaptiveCard, type Data, line, text } from './elements.ts';
import { SUMMARY_MAX } from './limits.ts';
import { oneLine } from './outbound-text.ts';
import { type Problems, renderEdit, renderForm, renderTakers } from './render-form.ts';
import { contentOf, renderMessage } from './render-message.ts';

const CARD = 'application/vnd.microsoft.card.adaptive';
const WORDS = 'application/vnd.microsoft.activity.message';

export type InvokeAnswer = { statusCode: 200; type: typeof CARD | typeof WORDS; value: unknown };

/** Shown to the person alone, in place of the card, until the card is rewritten for all. */
export function answerCard(message: Message): InvokeAnswer | null {
  const rendered = renderMessage(message);
  if (rendered === null) return null;
  const content = contentOf(message, rendered, { full: true, personal: true });
  return 'card' in content ? shown(content.card) : null;
}

const shown = (card: AdaptiveCard): InvokeAnswer => ({ statusCode: 200, type: CARD, value: card });
const TOO_LONG = 'What stands there is too long for a form. It can be changed on its page in the browser.';

/** In place of the card, for this person alone: what it asks for, to be changed. */
export function answerEdit(form: Form, data: Data, problems: Problems = []): InvokeAnswer {
  const card = renderEdit(form, data, problems);
  return card === null ? answerWords(TOO_LONG) : shown(card);
}

/** In place of the card, for this person alone: to whom of these it is handed over. */
export const answerTakers = (takers: readonly Taker[], data: Data): InvokeAnswer =>
  shown(renderTakers(takers, data));

/** The form once more, with what was typed and what is wrong with it. */
export function answerForm(form: Form, message: string | null, problems: Problems): InvokeAnswer {
  const { body, actions } = renderForm(form, message, problems);
  if (actions.length > 0) return shown(adaptiveCard(body, { actions }));
  return answerWords(problems.map(({ field, message }) => `${field}: ${message}`).join('; '));
}

/** Shown to the person alone, beside the card. */
export function answerWords(words: string): InvokeAnswer {
  return { statusCode: 200, type: WORDS, value: oneLine(visible(words), SUMMARY_MAX) };
}

/** In place of a form, for whoever sent it, until it is rewritten for all. */
export function answerSent(): InvokeAnswer {
  return shown(adaptiveCard([line(text('Sent. The answer follows.'))]));
}
