/** Whom a request was put to so far, and how far its plan has come. A round begins with every asking anew. */
import type { PrincipalId, RequestId } from '../model/ids.ts';
import type { Sql, Tx } from '../store/database.ts';

/** `named`: those in `reached`. `channel`: a channel, so all who may approve, and directly those in `reached`. */
export type Scope = 'named' | 'channel' | 'everybody';
export type Reach = { round: number; step: number; scope: Scope | null };
/** Why somebody in particular was asked. */
export type Because = 'route' | 'escalated' | 'delegated';

/** A new round: whoever was asked before is asked anew. Answers its number. */
export async function beginReach(tx: Tx, request: RequestId): Promise<number> {
  await tx.query('delete from reached where request = $1', [request]);
  const { round } = await tx.one<{ round: number }>(
    `insert into reaches (request) values ($1)
     on conflict (request) do update set round = reaches.round + 1, step = 0, scope = null, begun_at = clock_timestamp()
     returning round`,
    [request],
  );
  return round;
}

/** A round that is under way ends: its plan takes no step more, and whoever is asked now is everybody. */
export async function endReach(tx: Tx, request: RequestId): Promise<void> {
  await tx.query(`update reaches set round = round + 1, step = 0, scope = 'everybody' where request = $1`, [
    request,
  ]);
  await tx.query('delete from reached where request = $1', [request]);
}

export async function findReach(sql: Sql, request: RequestId): Promise<Reach | null> {
  return sql.maybe<Reach>('select round, step, scope from reaches where request = $1', [request]);
}

/** Who is asked in particular: without those who have handed it over. */
export async function reachedBy(sql: Sql, request: RequestId): Promise<Set<PrincipalId>> {
  const rows = await sql.query<{ person: PrincipalId }>(
    'select person from reached where request = $1 and not handed_over',
    [request],
  );
  return new Set(rows.map((row) => row.person));
}

/** Who is or was asked in particular in this round. */
export async function everReachedBy(sql: Sql, request: RequestId): Promise<Set<PrincipalId>> {
  const rows = await sql.query<{ person: PrincipalId }>('select person from reached where request = $1', [
    request,
  ]);
  return new Set(rows.map((row) => row.person));
}

/** Requests that wait although not everybody is asked about them. */
export async function narrowlyAsked(sql: Sql): Promise<RequestId[]> {
  const rows = await sql.query<{ id: RequestId }>(
    `select r.id from requests r join reaches on request = r.id
     where r.state = 'pending' and scope in ('named', 'channel') order by r.created_at`,
  );
  return rows.map((row) => row.id);
}

/** Stores whom the first asking of a round goes to, once; false where that is settled or the round is over. */
export async function settleScope(
  tx: Tx,
  request: RequestId,
  round: number,
  scope: Scope,
  people: readonly PrincipalId[],
): Promise<boolean> {
  const rows = await tx.query(
    'update reaches set scope = $3 where request = $1 and round = $2 and scope is null returning request',
    [request, round, scope],
  );
  if (rows.length === 1) await addReached(tx, request, people, 'route');
  return rows.length === 1;
}

export async function widen(tx: Tx, request: RequestId): Promise<void> {
  await tx.query(`update reaches set scope = 'everybody' where request = $1`, [request]);
}

export async function addReached(
  tx: Tx,
  request: RequestId,
  people: readonly PrincipalId[],
  because: Because,
): Promise<void> {
  await tx.query(
    `insert into reached (request, person, because) select $1, person, $3 from unnest($2::text[]) person
     on conflict (request, person) do update set handed_over = false, because = excluded.because
     where reached.handed_over`,
    [request, people, because],
  );
}

/** Handed over: they are asked no more, though they may still decide, or hand it over again. */
export async function dropReached(tx: Tx, request: RequestId, person: PrincipalId): Promise<void> {
  await tx.query('update reached set handed_over = true where request = $1 and person = $2', [
    request,
    person,
  ]);
}

/** Takes one step of the plan, once; false where it was taken, or a new round has begun. */
export async function takeStep(tx: Tx, request: RequestId, round: number, step: number): Promise<boolean> {
  const rows = await tx.query(
    'update reaches set step = step + 1 where request = $1 and round = $2 and step = $3 returning request',
    [request, round, step],
  );
  return rows.length === 1;
}
