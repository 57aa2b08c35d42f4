/** A model's words made fit to be shown as a model's words. The text cleaner comes in: it belongs to another room. */
import { ANSWER_MAX_CHARACTERS } from './limits.ts';

export type CleanText = (text: string) => string;

/** Bounded, cleaned, trimmed; empty when nothing is left. Markup is left to renderers, which show it as text. */
export function modelText(text: unknown, clean: CleanText): string {
  if (typeof text !== 'string') return '';
  const cleaned = clean(text.slice(0, ANSWER_MAX_CHARACTERS)).trim();
  return text.length > ANSWER_MAX_CHARACTERS ? `${cleaned}…` : cleaned;
}
