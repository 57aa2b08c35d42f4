/** Words of a message, with their places, and what may be overlooked when two sentences are compared. */

/** `key` is for comparing; `start` and `end` are UTF-16 offsets into the text. */
export type Word = { key: string; start: number; end: number };

/** Words that mean the same in a request. The first of a line stands for all. */
const SAME: readonly (readonly string[])[] = [
  ['open', 'create', 'file', 'raise', 'log', 'make'],
  ['run', 'trigger', 'start', 'launch', 'execute'],
  ['show', 'see', 'view', 'display'],
  ['ticket', 'issue', 'tickets', 'issues'],
  ['of', 'for', 'from'],
];
const CANON: ReadonlyMap<string, string> = new Map(
  SAME.flatMap(([first = '', ...rest]) => rest.map((word) => [word, first] as const)),
);

/** Never told apart: articles, and what one says to be polite. */
const SMALL: ReadonlySet<string> = new Set(
  'the a an my our your this that please pls kindly thanks thank thx hi hello hey just now also'.split(' '),
);
const POLITE: readonly (readonly string[])[] = [
  ['could', 'you'],
  ['can', 'you'],
  ['would', 'you'],
  ['will', 'you'],
  ['can', 'i'],
  ['could', 'i'],
  ['i', 'need', 'you', 'to'],
  ['i', 'need', 'to'],
  ['i', 'want', 'you', 'to'],
  ['i', 'want', 'to'],
  ['i', "'d", 'like', 'to'],
  ["i'd", 'like', 'to'],
  ['i', 'would', 'like', 'to'],
  ['thank', 'you'],
  ['and'],
  ['so'],
];

const WORD = /[\p{L}\p{N}_#@/\\{}[\]<>$%&*+=~^|-][\p{L}\p{M}\p{N}_'’./:#@\\{}[\]<>$%&*+=~^|-]*/gu;

/** Splits a text into words in one pass. Inner dots, slashes and dashes belong to a word; closing punctuation does not. */
export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (const match of text.matchAll(WORD)) {
    const word = trimEnd(match[0]);
    const key = word.toLowerCase().replaceAll('’', "'");
    words.push({ key: CANON.get(key) ?? key, start: match.index, end: match.index + word.length });
  }
  return words;
}

function trimEnd(word: string): string {
  let end = word.length;
  while (end > 1 && "'’.:".includes(word[end - 1] ?? '')) end--;
  return word.slice(0, end);
}

/** True for words that carry no meaning of their own. */
export function isSmall(word: Word): boolean {
  return SMALL.has(word.key);
}

/** The words without the polite ones at either end. */
export function withoutPoliteness(words: readonly Word[]): Word[] {
  let from = 0;
  let to = words.length;
  for (let step = politeAt(words, from, to); step > 0; step = politeAt(words, from, to)) from += step;
  for (let step = politeBefore(words, from, to); step > 0; step = politeBefore(words, from, to)) to -= step;
  return words.slice(from, to);
}

const SMALL_AT_START: ReadonlySet<string> = new Set(
  'please pls kindly hi hello hey just also thanks thx'.split(' '),
);
const SMALL_AT_END: ReadonlySet<string> = new Set('please pls kindly thanks thx now'.split(' '));

function politeAt(words: readonly Word[], from: number, to: number): number {
  if (SMALL_AT_START.has(words[from]?.key ?? '') && from < to) return 1;
  const phrase = POLITE.find(
    (one) => from + one.length <= to && one.every((word, at) => words[from + at]?.key === word),
  );
  return phrase?.length ?? 0;
}

function politeBefore(words: readonly Word[], from: number, to: number): number {
  if (to > from && SMALL_AT_END.has(words[to - 1]?.key ?? '')) return 1;
  const phrase = POLITE.find(
    (one) => to - one.length >= from && one.every((word, at) => words[to - one.length + at]?.key === word),
  );
  return phrase?.length ?? 0;
}
