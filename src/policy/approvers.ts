/** Whether anybody could ever approve this, and who could ask instead. Asked at the proposal, before anyone is bothered. */
import type { PolicyContext } from '../model/decision.ts';
import { needsAreMet } from '../model/quorum.ts';
import type { ApprovalNeed } from '../model/request.ts';
import { ask } from './engine.ts';
import { type Approvable, approvalQuestion, type Person } from './question.ts';
import { isNamed } from './scope.ts';
import type { LoadedPolicies } from './types.ts';

/** Whom to ask is looked for among this many people, and named up to a few. */
const MAX_TRIED = 50;
const MAX_FOUND = 3;

export type Feasibility = { enough: boolean; eligible: Person[] };

/**
 * Looks for enough people other than the requester, each of whom policy lets approve and who is in a group that is
 * needed; one person counts once in the whole request. Stops at the first sufficient set, so that a large
 * directory costs a few questions; `eligible` is complete only when there are not enough.
 */
export function findApprovers(
  loaded: LoadedPolicies,
  needs: readonly ApprovalNeed[],
  request: Approvable,
  requester: Person,
  context: PolicyContext,
  people: readonly Person[],
): Feasibility {
  const total = needs.reduce((sum, need) => sum + need.quorum, 0);
  const eligible: Person[] = [];
  if (total === 0) return { enough: true, eligible };
  for (const person of eligibleApprovers(loaded, needs, request, requester, context, people)) {
    eligible.push(person);
    if (eligible.length >= total && needsAreMet(needs, eligible)) return { enough: true, eligible };
  }
  return { enough: false, eligible };
}

/** Everybody whose approval could count for one of the needs, one by one: each costs a question. */
export function* eligibleApprovers<P extends Person>(
  loaded: LoadedPolicies,
  needs: readonly ApprovalNeed[],
  request: Approvable,
  requester: Person,
  context: PolicyContext,
  people: readonly P[],
): Generator<P, void> {
  for (const person of people) {
    if (person.id === requester.id || !isWanted(person, needs)) continue;
    if (mayCountersign(loaded, person, request, requester, context)) yield person;
  }
}

/** The first few for whom it holds. In a large directory not all are tried: nobody found does not mean nobody there. */
export function firstFew(people: readonly Person[], holds: (person: Person) => boolean): Person[] {
  const found: Person[] = [];
  for (const person of people.slice(0, MAX_TRIED)) {
    if (holds(person)) found.push(person);
    if (found.length === MAX_FOUND) break;
  }
  return found;
}

function mayCountersign(
  loaded: LoadedPolicies,
  person: Person,
  request: Approvable,
  requester: Person,
  context: PolicyContext,
): boolean {
  if (!isNamed(loaded, 'approve', person)) return false;
  return ask(loaded, approvalQuestion(person, request, requester, context, loaded.requestAttributes)).allowed;
}

function isWanted(person: Person, needs: readonly ApprovalNeed[]): boolean {
  return needs.some(({ group }) => group === null || person.groups.includes(group));
}
