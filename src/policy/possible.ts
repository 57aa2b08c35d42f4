/** What a person could possibly use: it decides what the planner is shown, never what may happen. */
import type { LocalTime } from '../model/decision.ts';
import type { Resource, Risk } from '../model/request.ts';
import { ask } from './engine.ts';
import { governedQuestion, type Person } from './question.ts';
import { isNamed } from './scope.ts';
import { localTime } from './time.ts';
import type { LoadedPolicies } from './types.ts';

/** An action with the resources that exist for it now. With none known, the policies' heads alone decide. */
export type Candidate = { action: string; resources: readonly Resource[] };

const RISKS: readonly Risk[] = ['low', 'medium', 'high'];

export function possibleActions(
  loaded: LoadedPolicies,
  principal: Person,
  candidates: readonly Candidate[],
  now: Date,
): string[] {
  return [...loaded.catalogue.values()]
    .filter(({ name: action, unserved }) => {
      if (unserved || !isNamed(loaded, action, principal)) return false;
      const resources = candidates.filter((one) => one.action === action).flatMap((one) => one.resources);
      return (
        resources.length === 0 ||
        resources.some((resource) => somehow(loaded, principal, action, resource, now))
      );
    })
    .map(({ name }) => name);
}

/** A month in steps that meet every day of the week in its morning and its night. */
const STEP_MS = 12 * 3_600_000;
const STEPS = 60;

/**
 * Allowed under any risk and taint, now or later: the kill switch is not asked here, nor does a freeze hide anything, so that
 * people are told of both in words.
 */
function somehow(
  loaded: LoadedPolicies,
  principal: Person,
  action: string,
  resource: Resource,
  now: Date,
): boolean {
  const connector = String(resource.attributes.connector ?? '');
  const isPossible = (time: LocalTime): boolean =>
    RISKS.some((risk) =>
      [false, true].some((tainted) => {
        const context = { killed: false, tainted, risk, connector, time };
        return ask(loaded, governedQuestion(principal, action, resource, context)).allowed;
      }),
    );
  const steps = dependsOnTime(loaded, action) ? STEPS : 1;
  for (let step = 0; step < steps; step += 1)
    if (isPossible(localTime(new Date(now.getTime() + step * STEP_MS), 'UTC'))) return true;
  return false;
}

/** Whether a rule that can speak of the action mentions the moment. */
function dependsOnTime(loaded: LoadedPolicies, action: string): boolean {
  return [...loaded.policies.values()].some(
    (policy) => policy.actions.includes(action) && /\b(?:now|weekday|hour)\b/.test(policy.text),
  );
}
