/** Whether anybody could ever approve this, and who could ask instead. Asked at the proposal, before anyone is bothered. */
import type { PolicyContext } from '../model/decision.ts';
import { needsAreMet } from '../model/quorum.ts';
import type { ApprovalNeed } from '../model/request.ts';
import type { Asking } from './looking.ts';
import { type Approvable, approvalQuestion, type Person } from './question.ts';
import { isNamed } from './scope.ts';
import type { LoadedPolicies } from './types.ts';

/** A request, and among whom approvers of it are sought. */
export type Sought<P extends Person = Person> = {
  needs: readonly ApprovalNeed[];
  request: Approvable;
  requester: Person;
  context: PolicyContext;
  people: readonly P[];
};

export type Feasibility = { enough: boolean; eligible: Person[] };

/**
 * Looks for enough people other than the requester, each of whom policy lets approve and who is in a group that is
 * needed; one person counts once in the whole request. Stops at the first sufficient set, so that a large
 * directory costs a few questions; `eligible` is complete only when there are not enough.
 */
export function findApprovers(loaded: LoadedPolicies, sought: Sought, ask: Asking): Feasibility {
  const { needs } = sought;
  const total = needs.reduce((sum, need) => sum + need.quorum, 0);
  const eligible: Person[] = [];
  if (total === 0) return { enough: true, eligible };
  for (const person of eligibleApprovers(loaded, sought, ask)) {
    eligible.push(person);
    if (eligible.length >= total && needsAreMet(needs, eligible)) return { enough: true, eligible };
  }
  return { enough: false, eligible };
}

/** Everybody whose approval could count for one of the needs, one by one: each costs a question. */
export function* eligibleApprovers<P extends Person>(
  loaded: LoadedPolicies,
  { needs, request, requester, context, people }: Sought<P>,
  ask: Asking,
): Generator<P, void> {
  for (const person of people) {
    if (person.id === requester.id || !isWanted(person, needs)) continue;
    if (!isNamed(loaded, 'approve', person)) continue;
    if (ask(approvalQuestion(person, request, requester, context, loaded.requestAttributes)).allowed)
      yield person;
  }
}

function isWanted(person: Person, needs: readonly ApprovalNeed[]): boolean {
  return needs.some(({ group }) => group === null || person.groups.includes(group));
}
