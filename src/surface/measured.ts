/**
 * Text cut to what a platform takes, without breaking a character: each platform says what a character costs there. Pure, in
 * linear time.
 */

/** What is to be shown, cut by its cost. */
export type Measured = {
  measure(text: string): number;
  /** Pieces of at most `max` each, whose concatenation is the text. */
  chunk(text: string, max: number): string[];
  /** Its beginning, of at most `max`, with `…` where something is missing. */
  clip(text: string, max: number): string;
  /** Its end, of at most `max`, beginning with `…` where something is missing. */
  tail(text: string, max: number): string;
};

/** `cost`: of one character, at least its UTF-16 units; `…` must cost 1. */
export function measuredBy(cost: (char: string) => number): Measured {
  const measure = (text: string): number => {
    let length = 0;
    for (const char of text) length += cost(char);
    return length;
  };
  const chunk = (text: string, max: number): string[] => {
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
  };
  const clip = (text: string, max: number): string =>
    measure(text) <= max ? text : `${chunk(text, max - 1)[0] ?? ''}…`;
  const tail = (text: string, max: number): string => {
    const chars = [...text];
    let length = 0;
    let from = chars.length;
    while (from > 0 && length + cost(chars[from - 1]!) <= max - 1) length += cost(chars[--from]!);
    return from === 0 ? text : `…${chars.slice(from).join('')}`;
  };
  return { measure, chunk, clip, tail };
}
