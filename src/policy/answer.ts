/** What Cedar's answer means, as a code and in words. */
import type { Decision } from '../model/decision.ts';
import { KILL_SWITCH_RULE } from './built-in.ts';
import type { Answer } from './engine.ts';
import type { LoadedPolicies, Policy } from './types.ts';
import { groupWords } from './words.ts';

/** The codes that an answer of the engine alone can have; obligations know more. */
export type AnswerCode = Extract<
  Decision['code'],
  'allowed' | 'policy_error' | 'kill_switch' | 'forbidden' | 'no_permit'
>;

export function codeOf(answer: Answer): AnswerCode {
  if (answer.errors.length > 0) return 'policy_error';
  if (answer.allowed) return 'allowed';
  if (answer.policies.includes(KILL_SWITCH_RULE)) return 'kill_switch';
  return answer.policies.length > 0 ? 'forbidden' : 'no_permit';
}

/** The policies that decided. */
export function deciding(loaded: LoadedPolicies, ids: readonly string[]): Policy[] {
  return ids.flatMap((id) => loaded.policies.get(id) ?? []);
}

/** Cedar's own message is for operators and stays in the evidence. */
export function errorWords(loaded: LoadedPolicies, answer: Answer): string[] {
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
