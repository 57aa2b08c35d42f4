/** Text made fit for Block Kit: measured and cut as Slack counts it. */
import { measuredBy } from '../../src/surface/measured.ts';

/** As Slack may count a character: its escapes for `&`, `<` and `>` included. */
function cost(char: string): number {
  if (char === '&') return '&amp;'.length;
  return char === '<' || char === '>' ? '&lt;'.length : char.length;
}

export const { measure, chunk, clip, tail } = measuredBy(cost);

/** For the one place where Slack reads markup, the message's fallback text. */
export function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
