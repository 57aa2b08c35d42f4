/** Turns as stored: read for the pipeline, settled once. */
import type { PrincipalId, ThreadId, TurnId } from '../model/ids.ts';
import type { PendingAsk } from '../model/ports.ts';
import type { Turn } from '../model/turn.ts';
import type { Sql, Tx } from '../store/database.ts';

export type StoredTurn = Turn & { problem: string | null; state: 'received' | 'settled'; reply: string };

export async function findTurn(sql: Sql, id: TurnId): Promise<StoredTurn | null> {
  return sql.maybe<StoredTurn>(
    `select t.id, t.thread, t.account, t.content, t.principal, t.problem, t.state, t.reply, t.received_at as "receivedAt",
       json_build_object('platform', p.platform, 'tenant', p.tenant, 'container', p.container, 'thread', p.thread,
         'direct', p.direct) as place
     from turns t join threads p on p.id = t.thread where t.id = $1`,
    [id],
  );
}

/** Ends a turn with what was answered; false where it had ended, and then nothing else may be stored. */
export async function settleTurn(tx: Tx, id: TurnId, reply: string): Promise<boolean> {
  const rows = await tx.query(
    `update turns set state = 'settled', settled_at = clock_timestamp(), reply = $2
     where id = $1 and state = 'received' returning id`,
    [id, reply],
  );
  return rows.length === 1;
}

/** This person's turns of a thread that are not answered yet, oldest first. */
export async function openTurns(sql: Sql, thread: ThreadId, principal: PrincipalId): Promise<TurnId[]> {
  const rows = await sql.query<{ id: TurnId }>(
    `select id from turns where thread = $1 and principal = $2 and state = 'received' and content->>'kind' <> 'decision'
     order by received_at`,
    [thread, principal],
  );
  return rows.map((row) => row.id);
}

export type ThreadState = { tainted: boolean; ask: PendingAsk | null };

/** What a thread holds for this person: fetched content, and what they were asked for. */
export async function threadState(sql: Sql, thread: ThreadId, principal: PrincipalId): Promise<ThreadState> {
  const row = await sql.one<{
    tainted: boolean;
    pending: { principal: PrincipalId; ask: PendingAsk } | null;
  }>('select tainted, pending_ask as pending from threads where id = $1', [thread]);
  return { tainted: row.tainted, ask: row.pending?.principal === principal ? row.pending.ask : null };
}

export async function rememberAsk(
  tx: Tx,
  thread: ThreadId,
  principal: PrincipalId,
  ask: PendingAsk | null,
): Promise<void> {
  await tx.query('update threads set pending_ask = $2 where id = $1', [
    thread,
    ask && JSON.stringify({ principal, ask }),
  ]);
}

/** Fetched content has entered this thread; there is no way back. */
export async function taint(tx: Sql, thread: ThreadId): Promise<void> {
  await tx.query('update threads set tainted = true where id = $1 and not tainted', [thread]);
}

/** Turns that were stored and not answered: a crash fell between. */
export async function unsettledTurns(sql: Sql, olderThanSeconds: number, limit: number): Promise<TurnId[]> {
  const rows = await sql.query<{ id: TurnId }>(
    `select id from turns where state = 'received' and received_at < clock_timestamp() - make_interval(secs => $1)
     order by received_at limit $2`,
    [olderThanSeconds, limit],
  );
  return rows.map((row) => row.id);
}
