/**
 * What a delivery says, made fit to be kept: bounded, masked, storable. Pure. Everything that comes in is untrusted, names
 * and nesting of a form's values included.
 */

import { storableText } from '../model/storable.ts';
import { type Content, MESSAGE_MAX_CHARACTERS, type Spoken } from '../model/turn.ts';

/** All forwarded and quoted text of one message together; what is beyond is left out, as nobody asks by it. */
export const FETCHED_MAX_CHARACTERS = 12_000;
/** How deep a form's values may nest: deeper than any schema of ours, shallow enough for every recursive reader. */
const VALUES_MAX_DEPTH = 16;
/** What is kept of a message that is too long, so that its thread shows which one was meant. */
const EXCERPT_CHARACTERS = 200;

export type Screened = { text: string; found: string[] };
/** Masks secrets and makes control characters visible; pure. */
export type Screen = (text: string) => Screened;

/** Why it will be answered with a sentence instead of being planned. */
export type Problem = { code: 'too_long' | 'empty_text' | 'malformed'; message: string };

export type Fitted = {
  content: Content;
  /** Types of what was masked, one for each place. */
  found: string[];
  problem: Problem | null;
};

const EMPTY: Problem = {
  code: 'empty_text',
  message: 'There were no words in that message. Write what you need, or "help".',
};

const FILES_ALONE: Problem = {
  code: 'empty_text',
  message: 'I do not read files, and there were no words with them. Write what you need, or "help".',
};

/**
 * The content as it may be stored. Of what is too long only an excerpt stays, cut after masking: the half of a secret is
 * recognised by nobody.
 */
export function fitContent(content: Content, screen: Screen): Fitted {
  const found: string[] = [];
  const clean = (text: string): string => {
    const screened = screen(text);
    found.push(...screened.found);
    return storableText(screened.text);
  };
  const problem = problemOf(content);
  switch (content.kind) {
    case 'message': {
      const text = clean(content.text);
      if (problem)
        return {
          content: { kind: 'message', text: cut(text, EXCERPT_CHARACTERS), fetched: [] },
          found,
          problem,
        };
      const fetched = bounded(content.fetched.map(clean));
      const mentions = content.mentions?.map(({ words, account }) => ({
        words: storableText(screen(words).text),
        account,
      }));
      // Characters that nobody sees are no words.
      return {
        content: { ...content, text, fetched, ...(mentions === undefined ? {} : { mentions }) },
        found,
        problem: text.trim() !== '' ? null : content.files === undefined ? EMPTY : FILES_ALONE,
      };
    }
    case 'form': {
      const values = problem ? {} : (deepClean(content.arguments, clean) as Record<string, unknown>);
      return {
        content: { ...content, action: cut(clean(content.action), EXCERPT_CHARACTERS), arguments: values },
        found,
        problem,
      };
    }
    case 'decision': {
      const { rendering, decision, reason } = content;
      const said = reason === undefined ? {} : { reason: cut(clean(reason), MESSAGE_MAX_CHARACTERS) };
      return { content: { kind: 'decision', rendering, decision, ...said }, found, problem: null };
    }
    case 'report': {
      const words = cut(clean(content.words), MESSAGE_MAX_CHARACTERS);
      return { content: { ...content, words }, found, problem: null };
    }
    case 'delegate':
      return {
        content: { ...content, to: cut(clean(content.to), EXCERPT_CHARACTERS) },
        found,
        problem: null,
      };
    case 'edit': {
      const values = problem ? {} : (deepClean(content.arguments, clean) as Record<string, unknown>);
      return { content: { ...content, arguments: values }, found, problem };
    }
    case 'undo':
    case 'resolve':
    case 'link':
    case 'edited':
    case 'arrival':
      return { content, found, problem: null };
  }
}

/** Nobody's key could seal what a stranger wrote, and nobody will act on it: what kind it was is all that is kept. */
export function withoutWords(content: Content): Content {
  switch (content.kind) {
    case 'message':
      return { kind: 'message', text: '', fetched: [] };
    case 'form':
      return { kind: 'form', action: '', arguments: {} };
    case 'decision':
      return { kind: 'decision', rendering: content.rendering, decision: content.decision };
    case 'report':
      return { ...content, words: '' };
    case 'delegate':
      return { ...content, to: '' };
    case 'edit':
      return { ...content, arguments: {} };
    case 'undo':
    case 'resolve':
    case 'link':
    case 'edited':
    case 'arrival':
      return content;
  }
}

/** What a person is shown to have said. */
export function shownAs(content: Spoken): string {
  if (content.kind === 'message') return content.text;
  const pairs = Object.entries(content.arguments).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return `${content.action} ${pairs.join(' ')}`.trim();
}

/** The beginning of a text, never with half a character at its end. */
export function cut(text: string, maxCharacters: number): string {
  return text.slice(0, maxCharacters).replace(/[\ud800-\udbff]$/, '');
}

function problemOf(content: Content): Problem | null {
  if (content.kind !== 'message' && content.kind !== 'form' && content.kind !== 'edit') return null;
  if (content.kind !== 'message' && isDeeperThan(content.arguments, VALUES_MAX_DEPTH)) {
    return { code: 'malformed', message: 'The values of that form are nested too deeply.' };
  }
  const length = content.kind === 'message' ? content.text.length : JSON.stringify(content).length;
  if (length <= MESSAGE_MAX_CHARACTERS) return null;
  return {
    code: 'too_long',
    message: `That is ${length.toLocaleString('en')} characters; I read at most ${MESSAGE_MAX_CHARACTERS.toLocaleString('en')}. Please say it shorter, or in parts.`,
  };
}

/** Level by level and not by recursion, which hostile values would exhaust. */
function isDeeperThan(value: unknown, maxDepth: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= maxDepth; depth++) {
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
    if (level.length === 0) return false;
  }
  return true;
}

/** As many texts as fit; the one that crosses the limit is cut. */
function bounded(texts: readonly string[]): string[] {
  let left = FETCHED_MAX_CHARACTERS;
  const kept: string[] = [];
  for (const text of texts) {
    if (left <= 0) break;
    kept.push(cut(text, left));
    left -= text.length;
  }
  return kept;
}

function deepClean(value: unknown, clean: (text: string) => string): unknown {
  if (typeof value === 'string') return clean(value);
  if (Array.isArray(value)) return value.map((item) => deepClean(item, clean));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [clean(key), deepClean(item, clean)]),
    );
  }
  return value;
}
