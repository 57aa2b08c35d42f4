/**
 * The kill switch. Its truth is a table; every claim and every write of the broker reads it; a read that fails
 * counts as switched on. Switching it on voids what is pending in the same transaction.
 */
import { randomUUID } from 'node:crypto';
import type { AuditLog } from '../audit/log.ts';
import type { PrincipalId, RequestId } from '../model/ids.ts';
import type { Database, Sql, Tx } from '../store/database.ts';

/** What a switch covers: null narrows nothing, all three null stop everything. */
export type KillScope = { action: string | null; principal: string | null; connector: string | null };

export type KillSwitch = KillScope & { id: string; reason: string; by: string; since: Date };

/** Channel on which every process hears that a switch was moved. */
export const GATE_CHANNEL = 'countersign_gate';

/** Whether anything is switched off that covers this. Throws when it cannot be read: the caller must stop. */
export async function isKilled(
  sql: Sql,
  what: { action: string; principal: PrincipalId; connector: string },
): Promise<boolean> {
  const row = await sql.one<{ killed: boolean }>('select is_killed($1, $2, $3) as killed', [
    what.action,
    what.principal,
    what.connector,
  ]);
  return row.killed;
}

/** The switches that are on, oldest first. */
export async function switchesOn(sql: Sql): Promise<KillSwitch[]> {
  return sql.query<KillSwitch>(
    `select id, action, principal, connector, reason, switched_on_by as by, switched_on_at as since
     from kill_switches where switched_off_at is null order by switched_on_at`,
  );
}

/**
 * Switches on. `by` names who did it (`os:root` on the command line). `voided` are the requests that were pending
 * or approved and are cancelled now; `afterVoid` rewrites their cards within the same transaction.
 */
export async function switchOn(
  deps: { db: Database; audit: AuditLog; afterVoid(tx: Tx, voided: RequestId[]): Promise<void> },
  scope: KillScope,
  by: { name: string; principal: PrincipalId | null },
  reason: string,
): Promise<{ voided: RequestId[] }> {
  return deps.db.transaction(async (tx) => {
    await tx.query(
      `insert into kill_switches (id, action, principal, connector, reason, switched_on_by) values ($1, $2, $3, $4, $5, $6)`,
      [randomUUID(), scope.action, scope.principal, scope.connector, reason, by.name],
    );
    await recordChange(deps.audit, tx, 'on', scope, by, reason);
    const voided = await tx.query<{ id: RequestId; turn: string; digest: string }>(
      `update requests set state = 'cancelled', finished_at = clock_timestamp(), lease_until = null, result = $4
       where state in ('pending', 'approved')
         and ($1::text is null or action = $1) and ($2::text is null or requester = $2) and ($3::text is null or connector = $3)
       returning id, turn, digest`,
      [
        scope.action,
        scope.principal,
        scope.connector,
        JSON.stringify({ code: 'kill_switch', message: `Stopped by the kill switch: ${reason}` }),
      ],
    );
    for (const request of voided) {
      await deps.audit.append(tx, {
        type: 'request.cancelled',
        turn: request.turn as never,
        request: request.id,
        data: { digest: request.digest, reason: 'kill_switch' },
      });
    }
    await deps.afterVoid(
      tx,
      voided.map((request) => request.id),
    );
    await tx.query('select pg_notify($1, $2)', [GATE_CHANNEL, 'on']);
    return { voided: voided.map((request) => request.id) };
  });
}

/** Lifts every switch of exactly this scope; answers how many there were. */
export async function switchOff(
  deps: { db: Database; audit: AuditLog },
  scope: KillScope,
  by: { name: string; principal: PrincipalId | null },
  reason: string,
): Promise<{ lifted: number }> {
  return deps.db.transaction(async (tx) => {
    const lifted = await tx.query(
      `update kill_switches set switched_off_at = clock_timestamp(), switched_off_by = $4
       where switched_off_at is null and action is not distinct from $1
         and principal is not distinct from $2 and connector is not distinct from $3 returning id`,
      [scope.action, scope.principal, scope.connector, by.name],
    );
    if (lifted.length > 0) await recordChange(deps.audit, tx, 'off', scope, by, reason);
    await tx.query('select pg_notify($1, $2)', [GATE_CHANNEL, 'off']);
    return { lifted: lifted.length };
  });
}

/** "everything", "ci.trigger", "ci.trigger by alice". */
export function scopeInWords(scope: KillScope): string {
  const parts = [
    scope.action,
    scope.connector && `through ${scope.connector}`,
    scope.principal && `by ${scope.principal}`,
  ].filter((part) => part !== null && part !== '');
  return parts.length === 0 ? 'everything' : parts.join(' ');
}

async function recordChange(
  audit: AuditLog,
  tx: Tx,
  to: 'on' | 'off',
  scope: KillScope,
  by: { name: string; principal: PrincipalId | null },
  reason: string,
): Promise<void> {
  await audit.append(tx, {
    type: 'killswitch.changed',
    ...(by.principal === null ? {} : { principal: by.principal }),
    data: { to, scope: { ...scope }, by: by.name, reason },
  });
}
