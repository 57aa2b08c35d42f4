/** The tool calls of one answer, judged: what may go on, and our words for what may not. */
import type { PlannerTool } from '../model/ports.ts';
import type { Proposal } from '../model/request.ts';
import { ARGUMENTS_MAX_CHARACTERS } from './limits.ts';
import { toProposal } from './proposal.ts';
import { provenanceOf, type Sources } from './provenance.ts';
import { fieldsOf, missingFields, problemsOf } from './schema.ts';
import { type WireTools, withoutNulls } from './wire-tools.ts';

export type Call = { id: string; function: { name: string; arguments: string } };
export type Judged =
  | { kind: 'good'; call: Call; tool: PlannerTool; proposal: Proposal }
  /** Nothing is wrong with what is there; something that only the person knows is missing. */
  | {
      kind: 'incomplete';
      call: Call;
      tool: PlannerTool;
      arguments: Record<string, unknown>;
      given: Proposal['provenance'];
    }
  | { kind: 'wrong'; call: Call; message: string };

export function judgeCall(call: Call, wire: WireTools, sources: Sources): Judged {
  const wrong = (message: string): Judged => ({ kind: 'wrong', call, message });
  const tool = wire.byWireName.get(call.function.name);
  if (tool === undefined)
    return wrong('There is no such tool. Use one of the given tools or answer in words.');
  const given = readArguments(call.function.arguments);
  if (given === null) return wrong('The arguments are not a JSON object.');
  const parsed = tool.parse(given);
  if (parsed.ok) {
    const args = toProposal(tool, given, {}, false);
    if (!args.ok) return wrong('The arguments hold a number that is not whole.');
    const provenance = provenanceOf(args.value.arguments, given, sources);
    return { kind: 'good', call, tool, proposal: { ...args.value, provenance } };
  }
  const missing = new Set(missingFields(tool, given).map((field) => field.name));
  const problems = parsed.problems.filter((problem) => !missing.has(problem.field));
  if (problems.length === 0 && missing.size > 0) {
    const valid = fieldsOf(tool).filter(
      (field) => given[field.name] !== undefined && problemsOf(tool, given, field.name).length === 0,
    );
    const known = Object.fromEntries(valid.map((field) => [field.name, given[field.name]]));
    return { kind: 'incomplete', call, tool, arguments: known, given: provenanceOfKnown(known, sources) };
  }
  // Field names are the model's own words: only those that the schema has are said again.
  const names = new Set(fieldsOf(tool).map((field) => field.name));
  const lines = problems.map(({ field, message }) =>
    names.has(field.split('.')[0] ?? '') ? `${field.split('.')[0]} ${message}` : 'a field is unknown',
  );
  return wrong(`The arguments are wrong: ${[...new Set(lines)].join('; ')}.`);
}

function provenanceOfKnown(known: Record<string, unknown>, sources: Sources): Proposal['provenance'] {
  return provenanceOf(known as Proposal['arguments'], known, sources);
}

function readArguments(text: string): Record<string, unknown> | null {
  if (text.length > ARGUMENTS_MAX_CHARACTERS) return null;
  try {
    const value: unknown = JSON.parse(text.trim() === '' ? '{}' : text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return withoutNulls(value as Record<string, unknown>);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
