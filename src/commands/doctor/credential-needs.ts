/** Which credentials the connectors in use ask for, by their rules. Pure. */
import type { EgressValues, GovernedAction } from '../../action.ts';
import { declare } from '../../execution/broker/rules.ts';

/** A credential that a connector's rules name, and the actions that cannot run without it. */
export type Need = { name: string; host: string; connector: string; actions: string[]; always: boolean };

/** The values of every case that policy may tell apart; nothing is asked of anybody for them. */
export function exampleValues({ action, connector, settings }: GovernedAction): EgressValues[] {
  return connector
    .examples(action.operation, settings)
    .map((args) => ({ args, pinned: {}, handle: {}, settings, mark: '', requester: '' }));
}

/** `always`: a rule that needs it can be filled before anything was asked; others may never be used as it is set up. */
export function needsOf(governed: readonly GovernedAction[]): Need[] {
  const needs = new Map<string, Need>();
  for (const each of governed) {
    const filled = exampleValues(each).flatMap((values) => declare(each.operation.egress, values));
    for (const { credential, host } of each.operation.egress) {
      if (credential === null) continue;
      const key = `${each.connector.name} ${credential} ${host}`;
      const need = needs.get(key) ?? {
        name: credential,
        host,
        connector: each.connector.name,
        actions: [],
        always: false,
      };
      if (!need.actions.includes(each.action.name)) need.actions.push(each.action.name);
      need.always ||= filled.some((rule) => rule.credential === credential && rule.host === host);
      needs.set(key, need);
    }
  }
  return [...needs.values()];
}
