/** Questions that have no obligations: approving somebody's request, and what operators do to the house itself. */
import type { ApprovableRequest, PolicyContext } from '../model/decision.ts';
import { wouldAdd } from '../model/quorum.ts';
import { type AnswerCode, codeOf, deciding, errorWords } from './answer.ts';
import type { HouseAction } from './built-in.ts';
import { type Answer, ask } from './engine.ts';
import { lookAround } from './looking.ts';
import { approvalQuestion, houseQuestion, type Person } from './question.ts';
import type { LoadedPolicies } from './types.ts';
import { forbidden, type Helpers, noPermit, once, ruleWords } from './words.ts';

export type MayAnswer = {
  allowed: boolean;
  code: AnswerCode;
  policies: string[];
  readonly reasons: string[];
};

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
  const questionFor = (person: Person) =>
    approvalQuestion(person, request, requester, facts, loaded.requestAttributes);
  const helpers = (): Helpers | null => {
    const { wanted } = request;
    if (wanted === null) return null;
    const look = lookAround(loaded);
    const others = people.filter((person) => !request.coRequesters?.includes(person.id));
    const counts = (person: Person) => !wanted || wouldAdd(wanted.needs, wanted.given, person);
    const may = (person: Person) => counts(person) && look.ask(questionFor(person)).allowed;
    return { people: others, look, may };
  };
  const answer = mayAnswer(loaded, ask(loaded, questionFor(principal)), principal, 'approve', helpers);
  return Object.assign(answer, { groups: answer.allowed ? [...principal.groups] : [] });
}

/** The context speaks of this very request: two accounts of one fact would let them differ. */
export function factsOf(request: ApprovableRequest, context: PolicyContext): PolicyContext {
  return { ...context, tainted: request.tainted, risk: request.risk };
}

export function mayDo(loaded: LoadedPolicies, principal: Person, action: HouseAction): boolean {
  return ask(loaded, houseQuestion(principal, action)).allowed;
}

/** `people`: to name who could help. */
export function mayDoInWords(
  loaded: LoadedPolicies,
  principal: Person,
  action: HouseAction,
  people: readonly Person[],
): MayAnswer {
  const answer = ask(loaded, houseQuestion(principal, action));
  return mayAnswer(loaded, answer, principal, action, () => housekeepers(loaded, action, people));
}

/** Who else may do this to the house. */
export function housekeepers(
  loaded: LoadedPolicies,
  action: HouseAction,
  people: readonly Person[],
): Helpers {
  const look = lookAround(loaded);
  return { people, look, may: (person) => look.ask(houseQuestion(person, action)).allowed };
}

function mayAnswer(
  loaded: LoadedPolicies,
  answer: Answer,
  who: Person,
  action: string,
  helpers: () => Helpers | null,
): MayAnswer {
  const policies = deciding(loaded, answer.policies);
  const said = once(() => {
    if (answer.errors.length > 0) return errorWords(loaded, answer);
    if (answer.allowed) return policies.map((policy) => `Allowed by ${ruleWords(policy)}.`);
    return policies.length > 0 ? forbidden(policies) : noPermit(loaded, who, action, null, helpers());
  });
  return {
    allowed: answer.allowed,
    code: codeOf(answer),
    policies: answer.policies,
    // Who can help takes more questions, and whoever lists many requests wants the answer alone.
    get reasons() {
      return said();
    },
  };
}
