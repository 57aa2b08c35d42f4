/**
 * Words that people, models and outside systems wrote, made fit for Block Kit: nothing invisible, nothing that
 * reorders what is read, cut without breaking a character. Pure, in linear time.
 */
export { visible } from '../../src/surface/unseen.ts';

/** Length as Slack may count it: its escapes for `&`, `<` and `>` included. */
export function measure(text: string): number {
  let length = 0;
  for (const char of text) length += cost(char);
  return length;
}

/** For the one place where Slack reads markup, the message's fallback text. */
export function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Pieces of at most `max` measured characters whose concatenation is the text. */
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

/** Shortened to `max` measured characters, with `…` where something is missing. */
export function clip(text: string, max: number): string {
  return measure(text) <= max ? text : `${chunk(text, max - 1)[0] ?? ''}…`;
}

/** The last `max` measured characters or fewer, beginning with `…` where something is missing. */
export function tail(text: string, max: number): string {
  const chars = [...text];
  let length = 0;
  let from = chars.length;
  while (from > 0 && length + cost(chars[from - 1]!) <= max - 1) length += cost(chars[--from]!);
  return from === 0 ? text : `…${chars.slice(from).join('')}`;
}

function cost(char: string): number {
  if (char === '&') return '&amp;'.length;
  return char === '<' || char === '>' ? '&lt;'.length : char.length;
}
