/**
 * A governed action made from a reviewed description and from what the operator's file assigns. Nothing of the action's
 * own code is in it: rules, resource, risk and schema are ours, filled from data.
 */

import { defineAction } from '../../actions/define.ts';
import type { GovernedAction, Operation } from '../action.ts';
import { AppError } from '../errors.ts';
import { type Effect, type Json, Json as JsonSchema, type Resource, type Risk } from '../model/request.ts';
import { type Assigned, NOTHING_ASSIGNED } from './assigned.ts';
import { casesOf } from './cases.ts';
import { type Description, readDescription } from './description.ts';
import { ruleOf } from './egress.ts';
import { OPERATION } from './operation.ts';
import { fillLine, readLine } from './template.ts';

const RISKS: readonly Risk[] = ['low', 'medium', 'high'];
const EFFECTS: readonly Effect[] = ['read', 'write'];

/** Part of the resource, of the card and of the digest, and what the kill switch names. */
export const connectorOf = (action: string): string => `outside-${action}`;

/** Credentials that it would like and that the operator's file does not give it. */
export function missingCredentials(description: Description, assigned: Assigned): string[] {
  const wanted = new Set(description.egress.flatMap(({ credential }) => credential ?? []));
  return [...wanted].filter((name) => !assigned.credentials.includes(name)).sort();
}

/**
 * @throws AppError('config_invalid') where the description does not hold, or the operator's file lowers what it says
 */
export function governedFrom(
  said: unknown,
  assigned: Assigned = NOTHING_ASSIGNED,
): { governed: GovernedAction; description: Description } {
  const read = readDescription(said);
  if (!read.ok)
    throw new AppError(
      'config_invalid',
      `A reviewed description does not hold any more: ${read.problems[0]} Review it again.`,
    );
  const { description, input } = read;
  const effect = raised(EFFECTS, description.effect, assigned.effect, `${description.name}: effect`);
  const risk = raised(RISKS, description.risk, assigned.risk, `${description.name}: risk`);
  const connector = connectorOf(description.name);
  const operation = operationOf(description);
  const action = defineAction({
    name: description.name,
    title: description.title,
    description: description.description,
    examples: description.examples,
    input,
    effect,
    risk: () => risk,
    resourceType: description.resource.type,
    resource: (args) => resourceOf(description, args as Record<string, Json>, connector),
    port: 'foreign',
    operation: OPERATION,
  });
  return {
    description,
    governed: {
      action,
      operation,
      settings: assigned.settings,
      connector: {
        name: connector,
        port: 'foreign',
        author: `the action ${description.name}`,
        title: () => description.system,
        // As the operator's file says them; what is missing in them leaves a rule unfilled.
        settings: JsonSchema,
        facts: () => ({}),
        operations: { [OPERATION]: operation },
        examples: () => casesOf(description, input),
        module: '',
      },
    },
  };
}

/** Upwards only: what an action says of itself is the least that counts. */
function raised<T extends string>(order: readonly T[], said: T, wanted: T | undefined, where: string): T {
  if (wanted === undefined) return said;
  if (order.indexOf(wanted) < order.indexOf(said))
    throw new AppError(
      'config_invalid',
      `actions.assign.${where}: it says "${said}" of itself, which cannot be lowered to "${wanted}".`,
    );
  return wanted;
}

/** The four functions run in the sandbox only; the core has their rules and nothing that could be called. */
function operationOf(description: Description): Operation {
  const elsewhere = async (): Promise<never> => {
    throw new Error('An action from elsewhere runs in the sandbox only.');
  };
  return {
    egress: description.egress.map(ruleOf),
    writes: description.writes,
    idempotency: description.idempotency,
    preview: elsewhere,
    run: elsewhere,
    reconcile: elsewhere,
    follow: elsewhere,
  };
}

function resourceOf({ resource }: Description, args: Record<string, Json>, connector: string): Resource {
  const values = { args, settings: null, pinned: {}, handle: {}, mark: '', requester: '' };
  const line = (text: string): string => fillLine(readLine(text) ?? [], values);
  const attributes = Object.entries(resource.attributes).map(([name, value]) => [
    name,
    typeof value === 'string' ? line(value) : value,
  ]);
  return {
    type: resource.type,
    id: line(resource.id),
    attributes: { ...Object.fromEntries(attributes), connector },
  };
}
