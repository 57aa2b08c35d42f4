/** Where arguments came from, found by looking, never by asking the model. */
import { type Json, leastTrusted, type Provenance } from '../model/request.ts';

export type Sources = {
  /** What the authenticated person wrote in this thread. */
  person: readonly string[];
  /** Everything that somebody else or a system wrote. */
  fetched: readonly string[];
};

/**
 * One provenance for each argument. `quoted` needs the value word for word, as whole words, in what the person wrote;
 * a value that stands in fetched text only is `fetched`; one that the schema filled in (absent in `given`) is
 * `default`; anything else is the model's wording. Named values count as their least trusted part, names included.
 */
export function provenanceOf(
  args: Record<string, Json>,
  given: Record<string, unknown>,
  sources: Sources,
): Record<string, Provenance> {
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => [
      name,
      given[name] === undefined
        ? 'default'
        : (leastTrusted(leaves(value).map((leaf) => find(leaf, sources))) ?? 'model'),
    ]),
  );
}

function find(leaf: string, sources: Sources): Provenance {
  if (sources.person.some((text) => hasWords(text, leaf))) return 'quoted';
  if (sources.fetched.some((text) => hasWords(text, leaf))) return 'fetched';
  return 'model';
}

function leaves(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(leaves);
  if (value !== null && typeof value === 'object') {
    return Object.entries(value).flatMap(([name, one]) => [name, ...leaves(one)]);
  }
  return [String(value)];
}

/** True where `value` stands in `text` and is not a piece of a longer word. */
export function hasWords(text: string, value: string): boolean {
  const wanted = value.trim();
  if (wanted === '') return false;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
    const before = text.slice(Math.max(0, at - 2), at);
    const after = text.slice(at + wanted.length, at + wanted.length + 2);
    const startsInside = WORD_END.test(before) && WORD_START.test(wanted);
    const endsInside = WORD_START.test(after) && WORD_END.test(wanted);
    if (!startsInside && !endsInside) return true;
  }
  return false;
}

const WORD_START = /^[\p{L}\p{N}_]/u;
const WORD_END = /[\p{L}\p{N}_]$/u;
