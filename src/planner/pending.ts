/** The answer to "what is the repo?" continues the same proposal, field by field. */
import type { PendingAsk, Plan, PlannerTool } from '../model/ports.ts';
import type { Provenance } from '../model/request.ts';
import { fieldValue, labelWords } from './match.ts';
import { complete } from './proposal.ts';
import { askFor, dropped } from './replies.ts';
import { type Field, fieldsOf } from './schema.ts';
import { type Word, withoutPoliteness, wordsOf } from './words.ts';

/** No answer to a short question is longer, prose apart. */
const ANSWER_MAX_WORDS = 30;
const ENDS =
  /^(?:(?:please|no|ok|okay|oh)[\s,]+)*(?:never\s?mind|cancel(?: (?:it|that))?|stop|forget (?:it|that|about it)|nvm|abort|drop (?:it|that)|no,? thanks?|nothing)[\s.!]*$/i;

/** True when the person no longer wants it. */
export function endsAsk(text: string): boolean {
  return ENDS.test(text.trim().slice(0, 100));
}

/**
 * The plan after this answer: complete, or asking for the rest, or asking again with the reason. `understood` says
 * whether the text was understood as an answer at all, so that another request can take its place.
 */
export function continueAsk(
  ask: PendingAsk,
  tool: PlannerTool,
  text: string,
): { plan: Plan; understood: boolean } {
  if (endsAsk(text)) return { plan: dropped(), understood: true };
  const missing = fieldsOf(tool).filter(
    (field) => ask.missing.includes(field.name) && ask.arguments[field.name] === undefined,
  );
  const found = readAnswer(tool, missing, text);
  const args = { ...ask.arguments, ...found };
  const provenance: Record<string, Provenance> = { ...ask.provenance };
  for (const name of Object.keys(found)) provenance[name] = 'quoted';
  if (Object.keys(found).length === 0) {
    return {
      plan: askFor(tool, args, provenance, 'I could not read that as an answer. '),
      understood: false,
    };
  }
  return { plan: complete(tool, args, provenance, false), understood: true };
}

function readAnswer(tool: PlannerTool, missing: readonly Field[], text: string): Record<string, unknown> {
  const [first] = missing;
  if (first === undefined) return {};
  const labelled = readLabelled(tool, missing, text);
  if (labelled !== null) return labelled;
  // Prose is taken whole: cutting it at a word that happens to be a label would change what the person said.
  if (missing.length === 1 || first.prose) {
    const value = fieldValue(tool, first, text.trim());
    return value === undefined ? {} : { [first.name]: value };
  }
  return {};
}

/** "repo web", "on main", "web on main checks": a label takes the word after it, bare words follow the schema's order. */
function readLabelled(
  tool: PlannerTool,
  missing: readonly Field[],
  text: string,
): Record<string, unknown> | null {
  const words = withoutPoliteness(wordsOf(text));
  if (words.length === 0 || words.length > ANSWER_MAX_WORDS) return null;
  const labels = labelWords(tool);
  const found: Record<string, unknown> = {};
  const bare: Word[] = [];
  for (let at = 0; at < words.length; at++) {
    const pair = readPair(tool, missing, labels, words, at, text);
    if (pair === null) bare.push(words[at] as Word);
    else {
      found[pair.field.name] = pair.value;
      at = pair.last;
    }
  }
  const open = missing.filter((field) => found[field.name] === undefined);
  if (open[0]?.prose) return Object.keys(found).length > 0 && bare.length === 0 ? found : null;
  for (const word of bare) {
    const field = open.find((one) => found[one.name] === undefined && !one.prose);
    const value = field && fieldValue(tool, field, text.slice(word.start, word.end));
    if (field !== undefined && value !== undefined && !SKIPPED.has(word.key)) found[field.name] = value;
    else if (!SKIPPED.has(word.key)) return null;
  }
  return Object.keys(found).length > 0 ? found : null;
}

/** Around a name in an answer: "the web repo", "it is main". */
const SKIPPED: ReadonlySet<string> = new Set(
  'the a an it is its my our and with please repo repository branch job pipeline project in on of use take'.split(
    ' ',
  ),
);

function readPair(
  tool: PlannerTool,
  missing: readonly Field[],
  labels: ReadonlyMap<string, string>,
  words: readonly Word[],
  at: number,
  text: string,
): { field: Field; value: unknown; last: number } | null {
  const word = words[at] as Word;
  const whole = text.slice(word.start, word.end);
  const equals = whole.indexOf('=');
  const name = equals > 0 ? whole.slice(0, equals) : whole.replace(/:$/, '');
  const field = missing.find((one) => one.name.toLowerCase() === name.toLowerCase()) ?? labelled();
  if (field === undefined || field.prose) return null;
  if (equals > 0) {
    const value = fieldValue(tool, field, whole.slice(equals + 1));
    return value === undefined ? null : { field, value, last: at };
  }
  let last = at + 1;
  while (last < words.length - 1 && ['is', 'the', 'a', 'an'].includes(words[last]?.key ?? '')) last++;
  const next = words[last];
  const value = next && fieldValue(tool, field, text.slice(next.start, next.end));
  return value === undefined ? null : { field, value, last };

  function labelled(): Field | undefined {
    const argument = labels.get(word.key);
    return missing.find((one) => one.name === argument);
  }
}
