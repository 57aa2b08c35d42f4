/** What ticket connectors share: which ticket is meant, how our texts end, how texts compare. Runs in the sandbox. */
import type { EgressValues, Reconciliation, RunResult } from '../../src/action.ts';
import type { Json, Result } from '../../src/model/request.ts';
import { text } from './answer.ts';
import type { Answer } from './json-call.ts';

export type Args = Readonly<Record<string, Json>>;
export type About = Pick<EgressValues, 'mark' | 'requester' | 'settings' | 'pinned'>;

/** What a look at a ticket shows of it: the newest texts, and all of them together. */
export const TEXTS_SHOWN = 20;
const MAX_OUTPUT_CHARS = 16_000;

/** `T-12`, `#12` and `12` are the same ticket where tickets have plain numbers; what has none is `0`, which no system has. */
export function numberOf(args: Args): string {
  const number = /^(?:#|[A-Za-z][A-Za-z0-9_]*-)?([1-9][0-9]*)$/.exec(text(args, 'ticket'))?.[1];
  return number ?? '0';
}

/** Ours to find again: keyed, so that nobody else can have written it before us. */
export const signed = (words: string, { requester, mark }: About): string =>
  [words, `Written for ${requester} by Countersign. [countersign:${mark}]`]
    .filter((part) => part !== '')
    .join('\n\n');

/** Joins two characters without being seen: what stands between them is no longer the outside system's markup. */
const WORD_JOINER = '\u2060';

/** Breaks every match after its first character, so that it is shown as it was written and does nothing. */
export const broken = (words: string, markup: RegExp): string =>
  words.replace(markup, (match) => `${match.slice(0, 1)}${WORD_JOINER}${match.slice(1)}`);

/** Systems wrap lines, trim ends and turn spaces into others; whatever a person would read differently differs. */
export function sameWords(a: string, b: string): boolean {
  const plain = (words: string): string =>
    words
      .replaceAll(WORD_JOINER, '')
      .replace(/(?:\s|&nbsp;)+/g, ' ')
      .trim();
  return plain(a) === plain(b);
}

export const doneWith = (ticket: string, link: string, message: string): Result => ({
  code: 'done',
  message,
  link,
  data: { ticket },
});
export const done = (ticket: string, link: string, message: string): RunResult & { kind: 'done' } => ({
  kind: 'done',
  result: doneWith(ticket, link, message),
});

export const CANNOT_TELL: Reconciliation = { kind: 'cannot_tell' };
export const happened = (outcome: RunResult): Reconciliation => ({ kind: 'happened', outcome });

export async function neverFollows(): Promise<never> {
  throw new Error('A ticket has nothing to follow.');
}

/** "a", "a and b", "a, b and c". */
export const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

/** Longest name that stands in a sentence of ours, in characters. */
const MAX_NAME_CHARS = 60;

/** A name that an outside system gave, fit to stand in a sentence of ours: one line, short. */
export const inSentence = (name: string): string =>
  name
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, MAX_NAME_CHARS);

/** The newest that may be shown, oldest first, out of pages that come newest first: read on until there are enough. */
export async function newestOf<T>(
  pages: AsyncIterable<Answer<T[]>> | Iterable<Answer<T[]>>,
  isShown: (item: T) => boolean = () => true,
): Promise<Answer<T[]>> {
  const found: T[] = [];
  for await (const page of pages) {
    if (!page.ok) return page;
    found.push(...page.value.filter(isShown));
    if (found.length >= TEXTS_SHOWN) break;
  }
  return { ok: true, value: found.slice(0, TEXTS_SHOWN).reverse() };
}

/** "no public comments", "its newest public comment is below", "its newest 20 public comments are below". */
export function shownWords(count: number, what: string): string {
  if (count === 0) return `no ${what}s`;
  return count === 1 ? `its newest ${what} is below` : `its newest ${count} ${what}s are below`;
}

/** Other people's words, oldest first: whoever shows them marks them as such. */
export const quoted = (lines: readonly string[]): string => lines.join('\n').slice(0, MAX_OUTPUT_CHARS);

/** One set of arguments for each operation of the port. */
export const TICKET_EXAMPLES: Readonly<Record<string, Record<string, Json>>> = {
  create: { title: 'example' },
  status: { ticket: '#1' },
  close: { ticket: '#1' },
  comment: { ticket: '#1', comment: 'example' },
};
