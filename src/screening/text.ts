/**
 * What people write and what is shown to them, made harmless for every eye and renderer: nothing hidden, nothing
 * that turns the reading direction, nothing longer than we want to read.
 */

type Ranges = readonly (readonly [number, number])[];

/** C0 and C1 controls without line feed and tab. */
const CONTROL: Ranges = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
];
/** Embeddings, overrides, isolates and marks: they make text read as another text (CVE-2021-42574). */
const BIDIRECTIONAL: Ranges = [
  [0x061c, 0x061c],
  [0x200e, 0x200f],
  [0x202a, 0x202e],
  [0x2066, 0x2069],
];
/** Drawn as nothing: soft hyphen, joiners, fillers, byte order mark, tags, variation selectors 17 to 256 (Unicode 17). */
const INVISIBLE: Ranges = [
  [0x00ad, 0x00ad],
  [0x034f, 0x034f],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200d],
  [0x2060, 0x2065],
  [0x206a, 0x206f],
  [0x3164, 0x3164],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff9, 0xfffb],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff],
];
/** Joiners are letters' business in these scripts, and hold composed emoji together. */
const NEEDS_JOINER =
  /\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f|[\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gujarati}\p{Script=Gurmukhi}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Oriya}\p{Script=Sinhala}\p{Script=Tamil}\p{Script=Telugu}]/u;
/** Anything but printable ASCII, newline and tab. */
const SUSPECT = /[^\n\t\u0020-\u007e]/u;

function within(character: string, ranges: Ranges): boolean {
  const code = character.codePointAt(0) ?? 0;
  return ranges.some(([low, high]) => code >= low && code <= high);
}

/** True for characters that a reader does not see; screening looks through them. Not for newlines and tabs. */
export function isHidden(character: string): boolean {
  if (character === '\r') return false;
  return within(character, INVISIBLE) || within(character, CONTROL) || within(character, BIDIRECTIONAL);
}

/**
 * Text as it really is: NFC, line feeds only, controls as pictures (U+0007 becomes U+2407), characters that turn
 * the direction as `[U+202E]`, invisible ones removed (joiners stay where a script or an emoji needs them), lone
 * surrogates as U+FFFD. Newlines and tabs stay. Idempotent. Does not escape markup: renderers do.
 */
export function cleanText(text: string): string {
  if (!SUSPECT.test(text)) return text;
  const characters = [...text.toWellFormed().replaceAll('\r\n', '\n')];
  const kept: string[] = [];
  for (const [at, character] of characters.entries()) {
    if (character === '\r' || character === '\u2028' || character === '\u2029') kept.push('\n');
    else if (within(character, CONTROL)) kept.push(picture(character));
    else if (within(character, BIDIRECTIONAL)) kept.push(codePoint(character));
    else if (!within(character, INVISIBLE)) kept.push(character);
    else if (joins(character, kept.at(-1), characters[at + 1])) kept.push(character);
  }
  return kept.join('').normalize('NFC');
}

/** The text, or its beginning and an ellipsis, at most `maxCharacters` UTF-16 code units; never half a character. */
export function limitText(text: string, maxCharacters: number): string {
  if (text.length <= maxCharacters) return text;
  const head = text.slice(0, Math.max(0, maxCharacters - 1));
  const whole = head.isWellFormed() || !text.isWellFormed() ? head : head.slice(0, -1);
  return `${whole}…`;
}

function picture(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  return codePoint(character);
}

function codePoint(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `[U+${hex}]`;
}

function joins(character: string, before: string | undefined, after: string | undefined): boolean {
  if (character !== '\u200c' && character !== '\u200d') return false;
  if (before === undefined || after === undefined) return false;
  return NEEDS_JOINER.test(before) && NEEDS_JOINER.test(after);
}
