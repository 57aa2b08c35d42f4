/**
 * Patterns of schemas that come from elsewhere. They meet what people type inside the core, so they are matched in
 * linear time (RE2) or not at all, and always against the whole text.
 */
import { RE2JS } from 're2js';

/** Longer ones nobody reads at review. */
const MAX_PATTERN_CHARS = 300;
/**
 * Instructions of the compiled pattern times characters of the longest text: what one match may cost. A text of 1,000
 * characters may have a pattern of 1,000 instructions; that takes milliseconds.
 */
const MAX_MATCH_STEPS = 1_000_000;

export type Pattern = { ok: true; matches: (text: string) => boolean } | { ok: false; problem: string };

/** `maxLength`: of the texts that it will meet, in UTF-16 units; longer ones never match. */
export function compilePattern(source: string, maxLength: number): Pattern {
  const no = (problem: string): Pattern => ({ ok: false, problem });
  if (source.length > MAX_PATTERN_CHARS)
    return no(`has a pattern of more than ${MAX_PATTERN_CHARS} characters: make it shorter`);
  if (!/^\^.*\$$/s.test(source))
    return no('has a pattern that is not anchored: write ^ before and $ after it');
  const compiled = compile(source);
  if (compiled === null)
    return no('has a pattern that RE2 does not know: leave out lookarounds, back references and \\u escapes');
  if (compiled.programSize() * maxLength > MAX_MATCH_STEPS)
    return no('has a pattern that is too much work for texts of this length: lower max() or the repetitions');
  return { ok: true, matches: (text) => text.length <= maxLength && compiled.matches(text) };
}

function compile(source: string): RE2JS | null {
  try {
    return RE2JS.compile(source);
  } catch {
    // RE2's own words quote the pattern; ours say what to do.
    return null;
  }
}
