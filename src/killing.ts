/** Moving the kill switch, with everything that hangs on it: what was pending is void, and its cards say so. */
import type { Announcing } from './announcing.ts';
import { findRequest } from './approval/requests.ts';
import type { AuditLog } from './audit/log.ts';
import { type KillScope, scopeInWords, switchOff, switchOn } from './intake/killswitch.ts';
import type { PrincipalId } from './model/ids.ts';
import type { Database } from './store/database.ts';

export type KillingDeps = { db: Database; audit: AuditLog; announcing: Pick<Announcing, 'voided'> };

/** A sentence where a scope names what there is not; null where everything it names exists. */
export function unknownScope(
  scope: KillScope,
  known: { actions: readonly string[]; connectors: readonly string[]; people: readonly string[] },
): string | null {
  const of = (names: readonly string[]): string => [...new Set(names)].join(', ');
  if (scope.action !== null && !known.actions.includes(scope.action))
    return `There is no action "${scope.action}"; these are: ${of(known.actions)}.`;
  if (scope.connector !== null && !known.connectors.includes(scope.connector))
    return `There is no connector "${scope.connector}"; these are: ${of(known.connectors)}.`;
  if (scope.principal !== null && !known.people.includes(scope.principal))
    return `There is nobody "${scope.principal}" in the directory.`;
  return null;
}

/** What ends it again, typed where it was turned on: exactly the scope that is on. */
export function liftingCommand(scope: KillScope, where: 'chat' | 'terminal'): string {
  const parts = (['action', 'principal', 'connector'] as const).filter((name) => scope[name] !== null);
  return where === 'chat'
    ? ['kill off', ...parts.map((name) => `${name}=${scope[name]}`), 'reason=…'].join(' ')
    : ['countersign kill off', ...parts.map((name) => `--${name} ${scope[name]}`), '--reason …'].join(' ');
}

/** Answers in words what was done. `by.name` is a person's id, or the operating-system account on the command line. */
export async function moveKillSwitch(
  deps: KillingDeps,
  to: 'on' | 'off',
  scope: KillScope,
  by: { name: string; principal: PrincipalId | null },
  reason: string,
): Promise<string> {
  if (to === 'off') {
    const { lifted } = await switchOff(deps, scope, by, reason);
    return lifted === 0
      ? `The kill switch was not on for ${scopeInWords(scope)}.`
      : `The kill switch is off for ${scopeInWords(scope)}.`;
  }
  const { voided } = await switchOn(
    {
      ...deps,
      async afterVoid(tx, requests) {
        for (const id of requests) {
          const request = await findRequest(tx, id);
          if (request) await deps.announcing.voided(tx, request);
        }
      },
    },
    scope,
    by,
    reason,
  );
  const stopped =
    voided.length === 0
      ? 'Nothing was pending.'
      : `${voided.length} pending request${voided.length === 1 ? ' was' : 's were'} cancelled.`;
  const lifting = liftingCommand(scope, by.principal === null ? 'terminal' : 'chat');
  return `The kill switch is on for ${scopeInWords(scope)}. ${stopped} To lift it: ${lifting}`;
}
