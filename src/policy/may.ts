/** Questions that have no obligations: approving somebody's request, and what operators do to the house itself. */
import type { ApprovableRequest, PolicyContext } from '../model/decision.ts';
import { type AnswerCode, codeOf, deciding, errorWords } from './answer.ts';
import type { HouseAction } from './built-in.ts';
import { type Answer, ask } from './engine.ts';
import { approvalQuestion, houseQuestion, type Person } from './question.ts';
import type { LoadedPolicies } from './types.ts';
import { forbidden, noPermit, ruleWords } from './words.ts';

export type MayAnswer = { allowed: boolean; code: AnswerCode; policies: string[]; reasons: string[] };

/** `groups`: all groups of the approver at this moment, for which the approval may count; empty when not allowed. */
export type MayApproveAnswer = MayAnswer & { groups: string[] };

/** Never the requester: a built-in forbid, whatever the files say. */
export function mayApprove(
  loaded: LoadedPolicies,
  principal: Person,
  request: ApprovableRequest,
  context: PolicyContext,
  people: readonly Person[],
): MayApproveAnswer {
  const requester = people.find((person) => person.id === request.requester);
  if (requester === undefined) {
    const reasons = ['The requester is no longer in the directory, so nobody can approve this.'];
    return { allowed: false, code: 'forbidden', policies: [], reasons, groups: [] };
  }
  const facts = factsOf(request, context);
  const question = approvalQuestion(principal, request, requester, facts, loaded.requestAttributes);
  const answer = mayAnswer(loaded, ask(loaded, question), principal, 'approve', people);
  return { ...answer, groups: answer.allowed ? [...principal.groups] : [] };
}

/** The context speaks of this very request: two accounts of one fact would let them differ. */
export function factsOf(request: ApprovableRequest, context: PolicyContext): PolicyContext {
  return { ...context, tainted: request.tainted, risk: request.risk };
}

/** `people`: to name who could help. */
export function mayDo(
  loaded: LoadedPolicies,
  principal: Person,
  action: HouseAction,
  people: readonly Person[],
): MayAnswer {
  return mayAnswer(loaded, ask(loaded, houseQuestion(principal, action)), principal, action, people);
}

function mayAnswer(
  loaded: LoadedPolicies,
  answer: Answer,
  who: Person,
  action: string,
  people: readonly Person[],
): MayAnswer {
  const policies = deciding(loaded, answer.policies);
  const reasons =
    answer.errors.length > 0
      ? errorWords(loaded, answer)
      : answer.allowed
        ? policies.map((policy) => `Allowed by ${ruleWords(policy)}.`)
        : policies.length > 0
          ? forbidden(policies)
          : noPermit(loaded, who, action, null, people);
  return { allowed: answer.allowed, code: codeOf(answer), policies: answer.policies, reasons };
}
