/**
 * The door of this room: what may happen, under which obligations, and why. Pure but for Cedar's parsed cache:
 * the same rules, people and facts always give the same answer, and nothing here reads prose.
 */
import type { ApprovableRequest, Decision, PolicyContext } from '../model/decision.ts';
import type { Effect, Json, Obligations, Resource } from '../model/request.ts';
import { DEFAULT_EXPIRY_SECONDS } from './annotations.ts';
import { findApprovers } from './approvers.ts';
import { type HouseAction, KILL_SWITCH_RULE } from './built-in.ts';
import { type Answer, ask, type Question } from './engine.ts';
import { mergeObligations } from './obligations.ts';
import { type Candidate, possibleActions } from './possible.ts';
import { approvalQuestion, governedQuestion, houseQuestion, type Person } from './question.ts';
import { isNamed } from './scope.ts';
import type { LoadedPolicies, Policy } from './types.ts';
import { RESOURCE_WORDS } from './vocabulary.ts';
import { forbidden, groupWords, needWords, noPermit, notEnough, ruleWords, whoCanHelp } from './words.ts';

export type DecideInput = {
  principal: Person;
  action: string;
  resource: Resource;
  context: PolicyContext;
  /** Everybody active, from the directory at this moment: who could approve, who can help. */
  people: readonly Person[];
};

export type MayApproveInput = {
  principal: Person;
  request: ApprovableRequest;
  context: PolicyContext;
  people: readonly Person[];
};

export type MayAnswer = { allowed: boolean; code: Decision['code']; policies: string[]; reasons: string[] };

/** `groups`: all groups of the approver at this moment, for which the approval may count; empty when not allowed. */
export type MayApproveAnswer = MayAnswer & { groups: string[] };

export type PolicyDecider = {
  readonly loaded: LoadedPolicies;
  /** May this person do this, and what must be met first? */
  decide(input: DecideInput): Decision;
  /** May this person approve this request? Never its requester. */
  mayApprove(input: MayApproveInput): MayApproveAnswer;
  /** May this person do this to the house itself? */
  may(principal: Person, action: HouseAction, people?: readonly Person[]): MayAnswer;
  /**
   * Names of the governed actions that the person could possibly use on one of the candidates: rather one too many,
   * because it only chooses what the planner is shown.
   */
  possible(principal: Person, candidates: readonly Candidate[]): string[];
};

/** Who could ask instead is looked for among this many people, and named up to a few. */
const MAX_INSTEAD_TRIED = 50;
const MAX_INSTEAD_NAMED = 3;

export function createPolicy(loaded: LoadedPolicies): PolicyDecider {
  return {
    loaded,
    decide: (input) => decide(loaded, input, true),
    mayApprove: (input) => mayApprove(loaded, input),
    may(principal, action, people = []) {
      const answer = ask(loaded, houseQuestion(principal, action));
      return mayAnswer(loaded, answer, principal, action, people);
    },
    possible: (principal, candidates) => possibleActions(loaded, principal, candidates),
  };
}

/** `name` = whether to look for who could ask instead; off for that look itself. */
function decide(loaded: LoadedPolicies, input: DecideInput, name: boolean): Decision {
  const { principal, action, resource, context, people } = input;
  const effect = loaded.catalogue.get(action)?.effect;
  const question = governedQuestion(principal, action, resource, context);
  const unheard =
    effect === undefined ? `${action} is not a governed action` : strangeAttribute(loaded, resource);
  const answer: Answer =
    unheard === null ? ask(loaded, question) : { allowed: false, policies: [], errors: [unheard] };
  const policies = known(loaded, answer.policies);
  const facts = { effect: effect ?? 'write', tainted: context.tainted, risk: context.risk } as const;
  const obligations = answer.allowed
    ? mergeObligations(
        policies.map((policy) => policy.asked),
        facts,
      )
    : NOTHING_ASKED;
  const evidence = evidenceOf(loaded, question, answer);
  const end = (code: Decision['code'], reasons: string[], more: Record<string, Json> = {}): Decision => ({
    allowed: code === 'allowed',
    code,
    policies: answer.policies,
    reasons,
    obligations,
    evidence: { ...evidence, ...more },
  });

  if (answer.errors.length > 0) return end('policy_error', errorWords(loaded, answer));
  if (!answer.allowed) {
    if (answer.policies.includes(KILL_SWITCH_RULE))
      return end('kill_switch', killedWords(loaded, policies, input));
    if (policies.length > 0) return end('forbidden', forbidden(policies));
    return end('no_permit', noPermit(loaded, principal, action, resource, people));
  }
  if (obligations.stepup !== null) {
    const asking = policies.filter((policy) => policy.asked.stepup !== null);
    return end('stepup_unavailable', [
      `It needs a passkey, asked for by ${asking.map(ruleWords).join(' and ')}; signing with passkeys is not available yet.`,
    ]);
  }
  const request = { requester: principal.id, action, risk: context.risk, tainted: context.tainted, resource };
  const found = findApprovers(loaded, obligations.approvals, request, principal, context, people);
  const approvers = found.eligible.map((person) => person.id);
  if (!found.enough) {
    const instead = name ? whoCouldAsk(loaded, input) : [];
    return end('nobody_could_approve', notEnough(loaded, obligations.approvals, found.eligible, instead), {
      approvers,
    });
  }
  return end('allowed', allowedWords(loaded, policies, obligations, effect ?? 'write'), { approvers });
}

function mayApprove(loaded: LoadedPolicies, input: MayApproveInput): MayApproveAnswer {
  const { principal, request, context, people } = input;
  const requester = people.find((person) => person.id === request.requester);
  if (requester === undefined) {
    const reasons = ['The requester is no longer in the directory, so nobody can approve this.'];
    return { allowed: false, code: 'forbidden', policies: [], reasons, groups: [] };
  }
  // The context speaks of this very request: two accounts of one fact would let them differ.
  const facts = { ...context, tainted: request.tainted, risk: request.risk };
  const question = approvalQuestion(principal, request, requester, facts, loaded.requestAttributes);
  const answer = mayAnswer(loaded, ask(loaded, question), principal, 'approve', people);
  return { ...answer, groups: answer.allowed ? [...principal.groups] : [] };
}

function mayAnswer(
  loaded: LoadedPolicies,
  answer: Answer,
  who: Person,
  action: string,
  people: readonly Person[],
): MayAnswer {
  const policies = known(loaded, answer.policies);
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

function codeOf(answer: Answer): 'allowed' | 'policy_error' | 'kill_switch' | 'forbidden' | 'no_permit' {
  if (answer.errors.length > 0) return 'policy_error';
  if (answer.allowed) return 'allowed';
  if (answer.policies.includes(KILL_SWITCH_RULE)) return 'kill_switch';
  return answer.policies.length > 0 ? 'forbidden' : 'no_permit';
}

/** People other than the principal for whom this very request would be possible. */
function whoCouldAsk(loaded: LoadedPolicies, input: DecideInput): Person[] {
  const found: Person[] = [];
  const others = input.people.filter(
    (person) => person.id !== input.principal.id && isNamed(loaded, input.action, person),
  );
  for (const person of others.slice(0, MAX_INSTEAD_TRIED)) {
    if (decide(loaded, { ...input, principal: person }, false).allowed) found.push(person);
    if (found.length === MAX_INSTEAD_NAMED) break;
  }
  return found;
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

function killedWords(
  loaded: LoadedPolicies,
  policies: readonly Policy[],
  { principal, people }: DecideInput,
): string[] {
  return [...forbidden(policies), ...whoCanHelp(loaded, principal, 'kill', people)];
}

/** Cedar's own message is for operators and stays in the evidence. */
function errorWords(loaded: LoadedPolicies, answer: Answer): string[] {
  const failed = [...loaded.policies.values()].filter((policy) =>
    answer.errors.some((error) => error.startsWith(`${policy.id}: `)),
  );
  const which = failed.length === 0 ? 'The rules' : failed.map((policy) => `"${policy.id}"`).join(', ');
  const help = [...loaded.policies.values()].find(
    ({ effect, actions, scope }) => effect === 'permit' && actions.includes('kill') && scope.kind === 'group',
  )?.scope;
  const whom = help?.kind === 'group' ? groupWords(loaded, help.group) : 'an operator';
  return [`${which} could not be evaluated, so nothing is allowed. Please tell ${whom}.`];
}

/** A word outside its closed set, which no rule can have meant. */
function strangeAttribute(_loaded: LoadedPolicies, resource: Resource): string | null {
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
    context: question.context,
    entities: question.entities as unknown as Json,
    decision: answer.allowed ? 'allow' : 'deny',
    policies: answer.policies,
    errors: answer.errors,
  };
}

function known(loaded: LoadedPolicies, ids: readonly string[]): Policy[] {
  return ids.flatMap((id) => loaded.policies.get(id) ?? []);
}

/** Of a denial: there is nothing to meet. */
const NOTHING_ASKED: Obligations = {
  approvals: [],
  stepup: null,
  isolation: null,
  expiresSeconds: DEFAULT_EXPIRY_SECONDS,
};
