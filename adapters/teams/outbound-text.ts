/**
 * Words that people, models and outside systems wrote, made fit for an Adaptive Card: nothing invisible, nothing that
 * reorders what is read, cut without breaking a character. Pure, in linear time.
 */
export { visible } from '../../src/surface/unseen.ts';

/** What one line costs as a block of its own: newlines are shown by layout, never left to a renderer. */
export const LINE_COST = 110;
/** What a run of text costs that is set apart, so that no `{{...}}` is read as a function. */
const RUN_COST = 60;

/** What a text takes of a card, in UTF-16 units of JSON with its layout. */
export function measure(text: string): number {
  let length = 0;
  for (const char of text) length += cost(char);
  return length;
}

/** Pieces of at most `max` measured units whose concatenation is the text. */
export function chunk(text: string, max: number): string[] {
  const chunks: string[] = [];
  let from = 0;
  let at = 0;
  let length = 0;
  for (const char of text) {
    const next = cost(char);
    if (length + next > max) {
      chunks.push(text.slice(from, at));
      from = at;
      length = 0;
    }
    length += next;
    at += char.length;
  }
  chunks.push(text.slice(from));
  return chunks;
}

/** Shortened to `max` measured units, with `…` where something is missing. */
export function clip(text: string, max: number): string {
  return measure(text) <= max ? text : `${chunk(text, max - 1)[0] ?? ''}…`;
}

/** On one line and shortened: for where Teams shows no layout, such as a notification. */
export function oneLine(text: string, max: number): string {
  return clip(text.replace(/\s+/g, ' ').trim() || '(empty)', max);
}

/** The last `max` measured units or fewer, beginning with `…` where something is missing. */
export function tail(text: string, max: number): string {
  const chars = [...text];
  let length = 0;
  let from = chars.length;
  while (from > 0 && length + cost(chars[from - 1]!) <= max - 1) length += cost(chars[--from]!);
  return from === 0 ? text : `…${chars.slice(from).join('')}`;
}

function cost(char: string): number {
  switch (char) {
    case '\n':
      return LINE_COST;
    case '{':
      return RUN_COST;
    case '"':
    case '\\':
    case '\t':
      return 2;
    default:
      return char.length;
  }
}
