/**
 * Words without a place where a line could end. Teams draws a text run as wide as it is, and a narrow card cuts off what
 * sticks out; so each stands where it is broken. Pure, in linear time.
 */
import { byNumber } from '../../src/surface/lookalikes.ts';

/** What a line of a card on a phone holds, in characters of equal width, inside of a box. */
export const UNBROKEN_MAX = 32;
/** Ends a line within a word, until `lines` lays it out: no visible text holds a vertical tab. */
export const TURN = '\v';
/** Stands before what goes on from the line above without a space. */
export const GOES_ON = '↳';

/** What a client breaks by itself: scripts that write no spaces, and signs as wide as theirs. */
const BREAKABLE = String.raw`\p{Ideographic}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Extended_Pictographic}\u3000-\u303f\uff00-\uffef`;
const LONG_RUN = new RegExp(`[^\\s${BREAKABLE}]{${UNBROKEN_MAX + 1},}`, 'gu');
/** So does it after these, where a letter follows. */
const AFTER_SIGN = /(?<=[-/])(?=\p{L})/u;
/** What is never cut: a letter with its accents, and a character that is shown by its number. */
const UNIT = /⟨U\+[0-9A-F]{4,6}⟩|\S\p{M}*/gu;

const BARE = '[0-9A-Za-z=+/…]+';
const WORD = String.raw`\(?${BARE}(?:-${BARE})*\)?[.,:]?`;
/** Not begun as an item of a list. */
const PLAIN = new RegExp(String.raw`^(?!\+ |[0-9]+[.)] )${WORD}(?: (?:${WORD}|·))*$`);

/**
 * Whether a line is made of signs only of which no client makes anything but what they are: no markdown, address, mention or
 * date. As digests and their labels are. It may stand in a text block, which breaks any word and changes none.
 */
export const isPlain = (line: string): boolean => PLAIN.test(line);

export const hasLongRun = (line: string): boolean => line.search(LONG_RUN) !== -1;

/**
 * The same lines, with a turn wherever a word must be broken that no text block may hold. Where one was broken already it stays. A
 * value's own `↳` is shown by its number, so that none can pass for a turn.
 */
export function broken(text: string): string {
  return text
    .replaceAll(GOES_ON, byNumber(GOES_ON))
    .split('\n')
    .map((line) => (isPlain(line) ? line : line.replace(LONG_RUN, runBroken)))
    .join('\n');
}

const runBroken = (run: string): string => run.split(AFTER_SIGN).map(partBroken).join('');

function partBroken(part: string): string {
  let shown = '';
  let width = 0;
  for (const [unit] of part.matchAll(UNIT)) {
    const wide = unit.startsWith('⟨') ? unit.length : 1;
    if (width > 0 && width + wide > UNBROKEN_MAX) {
      shown += TURN;
      width = 0;
    }
    shown += unit;
    width += wide;
  }
  return shown;
}
