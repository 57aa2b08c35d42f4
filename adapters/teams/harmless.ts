/** Words where Teams gives no literal text: what grows, and what citations are called. Pure. */
import { unseenShown } from '../../src/surface/unseen.ts';

/** ASCII punctuation of which some markup, mention or emoji is made. */
const MARKUP = /[*_`~#<>[\]{}|\\@&$^=+]/g;
/** Between the parts of an address or a number this stands unseen, and nothing is made a link or a list. */
const JOINER = '\u2060';

/**
 * The words as plain text in which no client finds anything to interpret, for as long as they grow; the complete message
 * then shows them exactly. Character by character, so that what was sent stays the beginning of what is sent next.
 */
export function harmless(text: string): string {
  return (unseenShown(text) || '(empty)')
    .replace(MARKUP, (sign) => String.fromCharCode(sign.charCodeAt(0) + 0xfee0))
    .replaceAll('-', '\u2011')
    .replace(/[.:/]/g, (sign) => JOINER + sign);
}
