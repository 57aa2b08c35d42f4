/** Whose words an answer of action code holds. Pure. */
import type { Json } from '../model/request.ts';

type Fields = { [name: string]: Json };
const isFields = (value: Json | undefined): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Names the author on a preview and on each result in a run, a look or a reconciliation, and quotes a refusal; `undefined`: the code
 * is ours. Whose words they are is never for that code to say: what it says of itself is dropped.
 */
export function attributed(value: Json, author: string | undefined): Json {
  if (!isFields(value)) return value;
  const { by: _, ...said } = value;
  for (const inner of ['result', 'outcome'])
    if (isFields(said[inner])) said[inner] = attributed(said[inner], author);
  if (author === undefined) return said;
  if (typeof said.refused === 'string') return { ...said, refused: quotation(author, said.refused) };
  return 'summary' in said || 'code' in said ? { ...said, by: author } : said;
}

/** Within a sentence of ours: no word of theirs looks as if it stood after the closing mark. */
const quotation = (author: string, words: string): string =>
  `In the words of ${author}: “${words.replaceAll('”', '"')}”`;
