/** A model's words made fit to be shown as a model's words. The text cleaner comes in: it belongs to another room. */
import { ANSWER_MAX_CHARACTERS } from './limits.ts';

export type CleanText = (text: string) => string;

/** How much more is cleaned than shown, so that a secret at the cut is seen whole. */
const BEYOND_CUT = 1_000;

/** Cleaned, bounded, trimmed; empty when nothing is left. Markup is left to renderers, which show it as text. */
export function modelText(text: unknown, clean: CleanText): string {
  if (typeof text !== 'string') return '';
  const cleaned = clean(text.slice(0, ANSWER_MAX_CHARACTERS + BEYOND_CUT)).trim();
  const shown = cleaned.slice(0, ANSWER_MAX_CHARACTERS).trimEnd();
  return text.length > ANSWER_MAX_CHARACTERS ? `${shown}…` : shown;
}
