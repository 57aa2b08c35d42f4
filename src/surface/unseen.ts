/**
 * Characters that nobody sees, or that make words read as other words (CVE-2021-42574), shown for what they are: the same on every
 * surface, the browser included. Pure, in linear time.
 */
import { byNumber, lookalikesMarked } from './lookalikes.ts';

/**
 * Controls but tab and newline, separators of lines, whatever turns the direction, whatever Unicode lets be drawn as nothing (joiners,
 * fillers, tags, selectors), and the marks of interlinear notes. The selectors that say whether a sign is text or emoji stay where a sign
 * stands before them: phones write them by themselves.
 */
const UNSEEN =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb](?<!\n|\t|[\p{Extended_Pictographic}#*0-9][\ufe0e\ufe0f])/gu;

/**
 * The same words with every unseen character shown as `⟨U+202E⟩`. Character by character: what is shown of a beginning is the
 * beginning of what is shown.
 */
export function unseenShown(text: string): string {
  return text.replaceAll('\r\n', '\n').toWellFormed().replace(UNSEEN, byNumber);
}

/** With letters that pass for others shown by their number too: what people decide on reads as what it is. */
export function legible(text: string): string {
  return lookalikesMarked(unseenShown(text));
}

/** The same; an empty string is named as such. */
export function visible(text: string): string {
  const shown = legible(text);
  return shown === '' ? '(empty)' : shown;
}
