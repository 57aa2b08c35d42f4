/** Which of a person's actions a plain sentence means, if any. */
import type { PlannerTool } from '../model/ports.ts';
import { type Field, fieldsOf, missingFields, problemsOf, readValue } from './schema.ts';
import { labelsOf, matchTemplate, parseTemplate, type TemplateMatch } from './template.ts';

export type Candidate = {
  tool: PlannerTool;
  /** Validated one by one; what was not fit is left out, and asked for. */
  arguments: Record<string, unknown>;
  complete: boolean;
  literals: number;
};

export type Matched =
  | { kind: 'none' }
  | { kind: 'one'; candidate: Candidate }
  /** Two actions fit equally well: the person says which. */
  | { kind: 'several'; tools: PlannerTool[] };

/** Nouns that people put next to a name: "the release pipeline", "web repo". */
const BESIDE_NAMES: ReadonlySet<string> = new Set(
  'pipeline pipelines job jobs workflow build repo repository branch project number no ticket issue id the a an my our in on of for is it its'.split(
    ' ',
  ),
);

/** The best match, the same for the same text and tools; never a guess between two actions. */
export function matchPlainWords(text: string, tools: readonly PlannerTool[]): Matched {
  const candidates = tools.flatMap((tool) => best(text, tool) ?? []);
  const top = Math.max(...candidates.map(score), 0);
  const winners = candidates.filter((candidate) => score(candidate) === top);
  const [candidate] = winners;
  if (candidate === undefined) return { kind: 'none' };
  if (winners.length > 1) return { kind: 'several', tools: winners.map((one) => one.tool) };
  return { kind: 'one', candidate };
}

/** A text as this field's value: as it stands, or the one name in it ("the web repo"). Undefined where none is valid. */
export function fieldValue(tool: PlannerTool, field: Field, text: string): unknown {
  const bare = text.trim();
  const name = nameIn(bare.replace(/[?!]+$/, ''));
  for (const form of field.prose ? [bare] : [bare, name, name.replace(/^#/, '')]) {
    if (form === '') continue;
    const value = readValue(field, form);
    if (value === undefined || (!field.prose && isSeveralWords(field, form))) continue;
    if (problemsOf(tool, { [field.name]: value }, field.name).length === 0) return value;
  }
  return undefined;
}

/** No name; a list has one on each line. */
function isSeveralWords(field: Field, text: string): boolean {
  if (field.item !== null) return field.item.kind === 'text' && /[^\S\r\n]/.test(text);
  return field.kind === 'text' && /\s/.test(text);
}

/** Which word announces which argument in a tool's examples, e.g. `on` for `ref`. */
export function labelWords(tool: PlannerTool): Map<string, string> {
  const labels = new Map<string, string>();
  for (const example of tool.examples) {
    for (const { argument, literals } of labelsOf(parseTemplate(example))) {
      const word = literals.at(-1);
      if (word !== undefined && !labels.has(word)) labels.set(word, argument);
    }
  }
  return labels;
}

function nameIn(text: string): string {
  const words = text.split(/\s+/).filter((word) => !BESIDE_NAMES.has(word.toLowerCase()));
  return words.length === 1 ? (words[0] ?? '') : '';
}

/** Complete before incomplete, then the more words in common, then the more that is known. */
function score(candidate: Candidate): number {
  const known = Object.keys(candidate.arguments).length;
  return (candidate.complete ? 10_000 : 0) + candidate.literals * 100 + known;
}

function best(text: string, tool: PlannerTool): Candidate | null {
  let found: Candidate | null = null;
  for (const example of tool.examples) {
    const match = matchTemplate(parseTemplate(example), text);
    const candidate = match === null ? null : read(tool, match);
    if (candidate !== null && (found === null || score(candidate) > score(found))) found = candidate;
  }
  return found;
}

function read(tool: PlannerTool, match: TemplateMatch): Candidate | null {
  const fields = new Map(fieldsOf(tool).map((field) => [field.name, field]));
  const args: Record<string, unknown> = {};
  let unfit = 0;
  for (const [name, text] of match.values) {
    const field = fields.get(name);
    const value = field === undefined ? undefined : fieldValue(tool, field, text);
    if (value === undefined) unfit++;
    else args[name] = value;
  }
  // One common word and nothing understood is no sign that this was meant ("run a marathon on sunday").
  if (Object.keys(args).length === 0 && match.literals < 2 && !(match.complete && unfit === 0)) return null;
  const complete = unfit === 0 && missingFields(tool, args).length === 0;
  return { tool, arguments: args, complete, literals: match.literals };
}
