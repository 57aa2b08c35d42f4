/**
 * Words that people, models and outside systems wrote, made fit for an Adaptive Card: nothing invisible, nothing that
 * reorders what is read, cut without breaking a character. Pure, in linear time.
 */

/**
 * Control characters but tab and newline, bidirectional marks and overrides, zero-width and tag characters, line
 * separators: what could make a card read differently from what was digested.
 */
const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|\u034f|[\u180b-\u180d\u180f]|[\u{1bca0}-\u{1bca3}]|[\u{1d173}-\u{1d17a}]|[\u{e0000}-\u{e0fff}]/gu;

/** What one line costs as a block of its own: newlines are shown by layout, never left to a renderer. */
export const LINE_COST = 110;
/** What a run of text costs that is set apart, so that no `{{...}}` is read as a function. */
const RUN_COST = 60;

/** The same words with every unseen character shown as `⟨U+202E⟩`; an empty string is named as such. */
export function visible(text: string): string {
  const shown = text
    .replaceAll('\r\n', '\n')
    .toWellFormed()
    .replace(UNSEEN, (char) => `⟨U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`);
  return shown === '' ? '(empty)' : shown;
}

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
