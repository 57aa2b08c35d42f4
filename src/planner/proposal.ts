/** From arguments to a plan: a proposal when they are complete, a question when some are missing. */

import { z } from 'zod';
import type { Plan, PlannerTool } from '../model/ports.ts';
import { Json, type Proposal, type Provenance } from '../model/request.ts';
import { askFor, wrongFields } from './replies.ts';
import { missingFields } from './schema.ts';

const Arguments = z.record(z.string(), Json);

/**
 * `provenance` covers what was given; what the schema adds is `default`. `typed` is the requester's confirmation, so it
 * is true only for a command that was complete as typed.
 */
export function complete(
  tool: PlannerTool,
  args: Record<string, unknown>,
  provenance: Record<string, Provenance>,
  typed: boolean,
): Plan {
  const proposal = toProposal(tool, args, provenance, typed);
  if (proposal.ok)
    return { kind: 'proposals', proposals: [proposal.value], text: null, authorship: 'system' };
  const missing = new Set(missingFields(tool, args).map((field) => field.name));
  const wrong = proposal.problems.filter((problem) => !missing.has(problem.field));
  return wrong.length > 0 || missing.size === 0
    ? wrongFields(tool, wrong.length > 0 ? wrong : proposal.problems)
    : askFor(tool, args, provenance);
}

export type Proposed =
  | { ok: true; value: Proposal }
  | { ok: false; problems: { field: string; message: string }[] };

export function toProposal(
  tool: PlannerTool,
  args: Record<string, unknown>,
  provenance: Record<string, Provenance>,
  typed: boolean,
): Proposed {
  const parsed = tool.parse(args);
  if (!parsed.ok) return { ok: false, problems: parsed.problems };
  const json = Arguments.safeParse(parsed.arguments);
  if (!json.success) {
    return { ok: false, problems: [{ field: '', message: 'holds a number that is not whole' }] };
  }
  const given: Record<string, Provenance> = {};
  for (const name of Object.keys(json.data)) given[name] = provenance[name] ?? 'default';
  return { ok: true, value: { action: tool.name, arguments: json.data, provenance: given, typed } };
}
