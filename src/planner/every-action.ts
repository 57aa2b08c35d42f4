/**
 * A planner is shown only what a person could use. Somebody who asks in known words for what is not theirs would then
 * not be understood, where policy could say which rule denies it and who can help. So such words become a proposal
 * all the same, and policy answers.
 */
import type { PlanInput, Planned, Planner, PlannerTool } from '../model/ports.ts';
import { planOffline } from './offline.ts';

/** `everything`: a tool for each action there is. Nothing that the person could use is ever proposed here. */
export function withEveryAction(planner: Planner, everything: readonly PlannerTool[]): Planner {
  return {
    name: planner.name,
    async plan(input) {
      const planned = await planner.plan(input);
      return planned.plan.kind === 'answer' ? (beyondTheirs(planned, input, everything) ?? planned) : planned;
    },
  };
}

function beyondTheirs(
  planned: Planned,
  input: PlanInput,
  everything: readonly PlannerTool[],
): Planned | null {
  const theirs = new Set(input.tools.map((tool) => tool.name));
  const known = planOffline({ ...input, tools: everything });
  if (known.kind !== 'proposals' || known.proposals.some((proposal) => theirs.has(proposal.action)))
    return null;
  return { plan: known, calls: planned.calls };
}
