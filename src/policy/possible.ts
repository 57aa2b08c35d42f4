/** What a person could possibly use: it decides what the planner is shown, never what may happen. */
import type { Resource, Risk } from '../model/request.ts';
import { ask } from './engine.ts';
import { governedQuestion, type Person } from './question.ts';
import { isNamed } from './scope.ts';
import type { LoadedPolicies } from './types.ts';

/** An action with the resources that exist for it now. With none known, the policies' heads alone decide. */
export type Candidate = { action: string; resources: readonly Resource[] };

const RISKS: readonly Risk[] = ['low', 'medium', 'high'];

export function possibleActions(
  loaded: LoadedPolicies,
  principal: Person,
  candidates: readonly Candidate[],
): string[] {
  return [...loaded.catalogue.values()]
    .filter(({ name: action, unserved }) => {
      if (unserved || !isNamed(loaded, action, principal)) return false;
      const resources = candidates.filter((one) => one.action === action).flatMap((one) => one.resources);
      return (
        resources.length === 0 || resources.some((resource) => somehow(loaded, principal, action, resource))
      );
    })
    .map(({ name }) => name);
}

/** Allowed under any risk and taint; the kill switch is not asked here, so that people are told of it in words. */
function somehow(loaded: LoadedPolicies, principal: Person, action: string, resource: Resource): boolean {
  const connector = String(resource.attributes.connector ?? '');
  return RISKS.some((risk) =>
    [false, true].some((tainted) => {
      const context = { killed: false, tainted, risk, connector };
      return ask(loaded, governedQuestion(principal, action, resource, context)).allowed;
    }),
  );
}
