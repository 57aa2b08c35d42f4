/** The same decision with everything behind it, for operators and auditors: each rule, where it stands, whether it applies. */
import type { Decision, LocalTime, PolicyContext } from '../model/decision.ts';
import type { Resource, Risk } from '../model/request.ts';
import type { DecideInput, PolicyDecider } from './decide.ts';
import { applies } from './engine.ts';
import { governedQuestion, type Person } from './question.ts';
import type { Policy } from './types.ts';
import { needWords } from './words.ts';

export type Rule = Pick<Policy, 'id' | 'effect' | 'description' | 'file' | 'line' | 'text'> & {
  applies: boolean;
};

export type Explanation = { principal: string; decision: Decision; rules: Rule[]; lines: string[] };

/** One thing that somebody might ask for, with the facts that its connector's settings give. */
export type Case = { action: string; resource: Resource; risk: Risk };

export type MatrixRow = {
  principal: string;
  action: string;
  resource: string;
  risk: Risk;
  code: Decision['code'];
  /** What must be met, in words; null where it is denied. */
  needs: string | null;
};

/** Every rule that can speak of the action, each asked by itself: a decision names only the rules that decided. */
export function explain({ loaded, decide }: PolicyDecider, input: DecideInput): Explanation {
  const { principal, action, resource, context } = input;
  const decision = decide(input);
  const question = governedQuestion(principal, action, resource, context);
  const rules = [...loaded.policies.values()]
    .filter((policy) => policy.actions.includes(action))
    .map((policy) => ({ ...pick(policy), applies: applies(policy, loaded, question) }));
  const lines = [
    `${principal.name} (${principal.id}), ${action} on ${resource.type} ${resource.id}, ${facts(context)}:`,
    `  ${decision.allowed ? 'allowed' : 'denied'} (${decision.code})`,
    ...decision.reasons.map((reason) => `  ${reason}`),
    ...(decision.allowed ? [`  Expires after ${decision.obligations.expiresSeconds} s.`] : []),
    '  Rules that speak of it:',
    ...rules.flatMap((rule) => [
      `  ${rule.applies ? 'applies' : 'does not apply'}: ${rule.effect} ${rule.id} (${rule.file}:${rule.line})`,
      ...rule.text.split('\n').map((line) => `      ${line}`),
    ]),
  ];
  return { principal: principal.id, decision, rules, lines };
}

/** Person by case: what each may do, and what it takes. Asked in an untainted conversation, no kill switch on. */
export function matrix(
  policy: PolicyDecider,
  people: readonly Person[],
  cases: readonly Case[],
  time: LocalTime,
): MatrixRow[] {
  return cases.flatMap(({ action, resource, risk }) =>
    people.map((principal) => {
      const decision = policy.decide({
        principal,
        action,
        resource,
        context: calm(resource, risk, time),
        people,
      });
      const { approvals } = decision.obligations;
      const needs = approvals.length === 0 ? 'nobody else' : needWords(policy.loaded, approvals);
      return {
        principal: principal.id,
        action,
        resource: `${resource.type} ${resource.id}`,
        risk,
        code: decision.code,
        needs: decision.allowed ? needs : null,
      };
    }),
  );
}

/** The context of an ordinary day: what explanations and the matrix are asked under. */
export function calm(resource: Resource, risk: Risk, time: LocalTime): PolicyContext {
  const connector = resource.attributes.connector;
  return {
    killed: false,
    tainted: false,
    risk,
    connector: typeof connector === 'string' ? connector : '',
    time,
  };
}

function facts({ risk, tainted, killed }: PolicyContext): string {
  return `${risk} risk${tainted ? ', fetched content in the conversation' : ''}${killed ? ', kill switch on' : ''}`;
}

function pick({ id, effect, description, file, line, text }: Policy) {
  return { id, effect, description, file, line, text };
}
