/**
 * The door of this room: what may happen, under which obligations, and why. Pure but for Cedar's parsed cache:
 * the same rules, people and facts always give the same answer, and nothing here reads prose.
 */
import type { ApprovableRequest, Decision, PolicyContext } from '../model/decision.ts';
import type { PrincipalId } from '../model/ids.ts';
import type { ApprovalNeed, Effect, Json, Obligations, Resource } from '../model/request.ts';
import { DEFAULT_EXPIRY_SECONDS } from './annotations.ts';
import { codeOf, deciding, errorWords } from './answer.ts';
import { eligibleApprovers, findApprovers } from './approvers.ts';
import type { HouseAction } from './built-in.ts';
import { type Answer, asDeclared, ask, type Question } from './engine.ts';
import { type Asking, firstFew, type Look, lookAround } from './looking.ts';
import {
  factsOf,
  housekeepers,
  type MayAnswer,
  type MayApproveAnswer,
  mayApprove,
  mayDo,
  mayDoInWords,
} from './may.ts';
import { mergeObligations } from './obligations.ts';
import { type Candidate, possibleActions } from './possible.ts';
import { governedQuestion, type Person } from './question.ts';
import { isNamed } from './scope.ts';
import type { LoadedPolicies, Policy } from './types.ts';
import { RESOURCE_WORDS } from './vocabulary.ts';
import { forbidden, needWords, noPermit, notEnough, once, ruleWords, whoCanHelp } from './words.ts';

export type DecideInput = {
  principal: Person;
  action: string;
  resource: Resource;
  context: PolicyContext;
  /** Everybody active, from the directory at this moment: who could approve, who can help. */
  people: readonly Person[];
};

export type PolicyDecider = {
  readonly loaded: LoadedPolicies;
  /** May this person do this, and what must be met first? */
  decide(input: DecideInput): Decision;
  /** May this person approve this request? Never its requester. */
  mayApprove(principal: Person, request: ApprovableRequest, context: PolicyContext): MayApproveAnswer;
  /** Everybody whose approval of this request could count for one of `needs`; cheaper than asking for each person. */
  approvers(
    needs: readonly ApprovalNeed[],
    request: ApprovableRequest,
    context: PolicyContext,
  ): Iterable<PrincipalId>;
  /** May this person do this to the house itself? */
  may(principal: Person, action: HouseAction): boolean;
  /** The same, with why and who can help. */
  mayInWords(principal: Person, action: HouseAction): MayAnswer;
  /**
   * Names of the governed actions that the person could possibly use on one of the candidates: rather one too many,
   * because it only chooses what the planner is shown.
   */
  possible(principal: Person, candidates: readonly Candidate[], now: Date): string[];
};

/**
 * Joins the rules to the people of the moment. `people` is asked at every question: everybody active in the directory,
 * from which come the requester's groups and the names of those who can help.
 */
export function createPolicy(loaded: LoadedPolicies, people: () => readonly Person[]): PolicyDecider {
  const unlimited: Asking = (question) => ask(loaded, question);
  return {
    loaded,
    decide: (input) => decide(loaded, input, unlimited),
    mayApprove: (principal, request, context) => mayApprove(loaded, principal, request, context, people()),
    *approvers(needs, request, context) {
      const everybody = people();
      const requester = everybody.find((person) => person.id === request.requester);
      if (requester === undefined) return;
      const facts = factsOf(request, context);
      const sought = { needs, request, requester, context: facts, people: everybody };
      for (const person of eligibleApprovers(loaded, sought, unlimited)) yield person.id;
    },
    may: (principal, action) => mayDo(loaded, principal, action),
    mayInWords: (principal, action) => mayDoInWords(loaded, principal, action, people()),
    possible: (principal, candidates, now) => possibleActions(loaded, principal, candidates, now),
  };
}

/** `asking`: a look around decides too, about everybody who might help, and has only so many questions. */
function decide(loaded: LoadedPolicies, input: DecideInput, asking: Asking): Decision {
  const { principal, action, resource, context, people } = input;
  const effect = loaded.catalogue.get(action)?.effect;
  const question = governedQuestion(principal, action, resource, context);
  const unheard = effect === undefined ? `${action} is not a governed action` : strangeAttribute(resource);
  const answer: Answer =
    unheard === null ? asking(question) : { allowed: false, policies: [], errors: [unheard] };
  const policies = deciding(loaded, answer.policies);
  const facts = { effect: effect ?? 'write', tainted: context.tainted, risk: context.risk } as const;
  const obligations = answer.allowed
    ? mergeObligations(
        policies.map((policy) => policy.asked),
        facts,
      )
    : NOTHING_ASKED;
  const evidence = evidenceOf(loaded, question, answer);
  const end = (code: Decision['code'], words: () => string[], more: Record<string, Json> = {}): Decision => {
    const said = once(words);
    return {
      allowed: code === 'allowed',
      code,
      policies: answer.policies,
      // Who can help takes many more questions, and whoever only needs to know whether it is allowed reads no words.
      get reasons() {
        return said();
      },
      obligations,
      evidence: { ...evidence, ...more },
    };
  };

  const code = codeOf(answer);
  switch (code) {
    case 'policy_error':
      return end(code, () => errorWords(loaded, answer));
    case 'kill_switch':
      return end(code, () => [...forbidden(policies), ...whoCanLift(loaded, principal, people)]);
    case 'forbidden':
      return end(code, () => forbidden(policies));
    case 'no_permit':
      return end(code, () => {
        const look = lookAround(loaded);
        const helpers = { people, look, may: couldAsk(loaded, input, look) };
        return noPermit(loaded, principal, action, resource, helpers);
      });
    case 'allowed':
      break;
  }
  if (obligations.stepup !== null) {
    const rules = policies.filter((policy) => policy.asked.stepup !== null);
    return end('stepup_unavailable', () => [
      `It needs a passkey, asked for by ${rules.map(ruleWords).join(' and ')}; signing with passkeys is not available yet.`,
    ]);
  }
  const request = { requester: principal.id, action, risk: context.risk, tainted: context.tainted, resource };
  const sought = { needs: obligations.approvals, request, requester: principal, context, people };
  const found = findApprovers(loaded, sought, asking);
  const approvers = found.eligible.map((person) => person.id);
  if (!found.enough) {
    const words = () => {
      const look = lookAround(loaded);
      const instead = firstFew(look, othersNamed(loaded, input), couldAsk(loaded, input, look));
      return notEnough(loaded, obligations.approvals, found.eligible, instead, look);
    };
    return end('nobody_could_approve', words, { approvers });
  }
  return end('allowed', () => allowedWords(loaded, policies, obligations, effect ?? 'write'), { approvers });
}

/** Whether somebody else could ask for the very same. */
function couldAsk(loaded: LoadedPolicies, input: DecideInput, look: Look): (person: Person) => boolean {
  return (person) => decide(loaded, { ...input, principal: person }, look.ask).allowed;
}

/** Whom a permit of this action names besides the principal. */
function othersNamed(loaded: LoadedPolicies, { people, principal, action }: DecideInput): Person[] {
  return people.filter((person) => person.id !== principal.id && isNamed(loaded, action, person));
}

function whoCanLift(loaded: LoadedPolicies, who: Person, people: readonly Person[]): string[] {
  if (mayDo(loaded, who, 'kill')) return [`${who.name} may lift it.`];
  return whoCanHelp(loaded, who, 'kill', housekeepers(loaded, 'kill', people));
}

function allowedWords(
  loaded: LoadedPolicies,
  policies: readonly Policy[],
  obligations: Obligations,
  effect: Effect,
): string[] {
  const reasons = policies.map((policy) => `Allowed by ${ruleWords(policy)}.`);
  if (effect === 'read' || obligations.approvals.length === 0) return reasons;
  reasons.push(`Needs ${needWords(loaded, obligations.approvals)}.`);
  if (obligations.approvals.some((need) => need.group === null)) {
    reasons.push('Its conversation holds text that somebody else wrote, so a second person must look at it.');
  }
  return reasons;
}

/** A word outside its closed set, which no rule can have meant. */
function strangeAttribute(resource: Resource): string | null {
  for (const [name, words] of Object.entries(RESOURCE_WORDS)) {
    const value = Object.hasOwn(resource.attributes, name) ? resource.attributes[name] : undefined;
    if (typeof value === 'string' && !words.includes(value)) return `"${value}" is no ${name}`;
  }
  return null;
}

function evidenceOf(loaded: LoadedPolicies, question: Question, answer: Answer): Record<string, Json> {
  return {
    policyDigest: loaded.digest,
    principal: question.principal,
    action: question.action,
    resource: question.resource,
    context: asDeclared(loaded, question).context as Json,
    entities: question.entities as unknown as Json,
    decision: answer.allowed ? 'allow' : 'deny',
    policies: answer.policies,
    errors: answer.errors,
  };
}

/** Of a denial: there is nothing to meet. */
const NOTHING_ASKED: Obligations = {
  approvals: [],
  stepup: null,
  isolation: null,
  expiresSeconds: DEFAULT_EXPIRY_SECONDS,
};
