/**
 * A model's answer while it is being written, as far as it may be shown: screened as the whole answer will be, and held
 * back where a later character could still turn what stands there into something that screening takes out.
 */
import { ANSWER_MAX_CHARACTERS } from './limits.ts';
import { type CleanText, modelText } from './model-text.ts';

/** Hears the whole text so far, each time beginning with what it heard before; null: it was not the answer. */
export type OnText = (soFar: string | null) => void;

/**
 * Words that a value waits for: it can be told for a secret by what follows it on its line, and "VALUE is my new api key" is
 * the longest that screening knows. Such a value holds a digit; five dashes may begin the header of a private key.
 */
const WORDS_AWAITED = 6;
/** Characters that must be new before it is screened again: screening reads the whole each time. */
const STEP_MIN = 16;
/** A quoted phrase longer than this is no password any more (screening's own bound is 300). */
const QUOTED_MAX = 320;
/** What models say before they call a tool ("Let me look that up.") is shorter as a rule, and never appears. */
const FIRST_MIN = 60;

/**
 * How much of a text that is still growing is settled: all finished lines, and of the last one what stands before its
 * unfinished word, before a value that awaits more words, and before quotation marks that are still open. What is no
 * space for screening's patterns is none here.
 */
export function settledLength(text: string): number {
  const lineStart = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1;
  const line = text.slice(lineStart);
  return lineStart + Math.min(beforeLastWords(line), beforeOpenQuote(line));
}

function beforeLastWords(line: string): number {
  const words = [...line.matchAll(/[^ \t\f]+/g)].slice(-(WORDS_AWAITED + 1));
  const unfinished = words.at(-1);
  if (unfinished === undefined || unfinished.index + unfinished[0].length < line.length) {
    return words.find(isValue)?.index ?? line.length;
  }
  return (words.find(isValue) ?? unfinished).index;
}

const isValue = ([word]: RegExpExecArray): boolean => /\p{N}|-----/u.test(word);

function beforeOpenQuote(line: string): number {
  const opened = ['"', "'", '`', '\uff02', '\uff07', '\uff40']
    .map((mark) => line.lastIndexOf(mark))
    .filter((at) => at >= 0 && line.length - at <= QUOTED_MAX && !/[\p{L}\p{N}]/u.test(line[at - 1] ?? ''));
  return Math.min(line.length, ...opened);
}

/** Whole words in which the settled part and everything so far agree: what is held back may show what stands before it. */
function agreed(settled: string, everything: string): string {
  let same = 0;
  while (same < settled.length && settled[same] === everything[same]) same++;
  if (same === settled.length) return settled;
  return settled.slice(0, Math.max(0, settled.slice(0, same).search(/[ \t\n][^ \t\n]*$/))).trimEnd();
}

/** The answer of one turn as it grows over its rounds. It only ever adds to what was heard, or falls silent. */
export class Growing {
  readonly #clean: CleanText;
  readonly #onText: OnText;
  #heard = '';
  #silent = false;
  /** How much was settled when it was last screened. */
  #looked = 0;

  constructor(clean: CleanText, onText: OnText) {
    this.#clean = clean;
    this.#onText = onText;
  }

  /** `raw`: everything that the model has written in this round so far. */
  add(raw: string): void {
    if (this.#silent || raw.length > ANSWER_MAX_CHARACTERS) return;
    const settled = settledLength(raw);
    if (settled - this.#looked < STEP_MIN) return;
    this.#looked = settled;
    const safe = agreed(modelText(raw.slice(0, settled), this.#clean), modelText(raw, this.#clean));
    if (!safe.startsWith(this.#heard)) this.withdraw();
    else if (safe.length > this.#heard.length && safe.length >= FIRST_MIN) {
      this.#heard = safe;
      this.#onText(safe);
    }
  }

  /** The round calls tools, or is tried again: what it wrote before was not the answer. */
  withdraw(): void {
    this.#looked = 0;
    if (this.#silent || this.#heard === '') return;
    this.#silent = true;
    this.#onText(null);
  }
}
