/** Requests in PostgreSQL: one statement for each transition, on the database's clock. */

import type { ExecutionId, PrincipalId, RenderingId, RequestId, ThreadId, TurnId } from '../model/ids.ts';
import type { ActionRequest, Approval, Result, StoredRequest } from '../model/request.ts';
import type { Sql, Tx } from '../store/database.ts';
import { type Event, sourcesOf, targetOf } from './machine.ts';

type Row = Record<string, unknown>;

const COLUMNS = `id, turn, thread, action, connector, requester, arguments, provenance, resource, effect, risk, preview,
  obligations, policies, reasons, tainted, code_digest, salt, digest, rendering, state, created_at, expires_at,
  confirmed_at, confirm_entry, result, fence, execution, level, handle, output`;

function fromRow(row: Row): StoredRequest {
  return {
    id: row.id,
    turn: row.turn,
    thread: row.thread,
    action: row.action,
    connector: row.connector,
    requester: row.requester,
    arguments: row.arguments,
    provenance: row.provenance,
    resource: row.resource,
    effect: row.effect,
    risk: row.risk,
    preview: row.preview,
    obligations: row.obligations,
    policies: row.policies,
    reasons: row.reasons,
    tainted: row.tainted,
    codeDigest: row.code_digest,
    salt: row.salt,
    digest: row.digest,
    rendering: row.rendering,
    state: row.state,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    confirmedAt: row.confirmed_at,
    confirmEntry: row.confirm_entry,
    result: row.result,
    fence: row.fence,
    execution: row.execution,
    level: row.level,
    handle: row.handle,
    output: row.output,
  } as StoredRequest;
}

/** Stores a new request in the state it starts in. */
export async function insertRequest(
  tx: Tx,
  request: ActionRequest & Pick<StoredRequest, 'rendering' | 'confirmEntry'>,
): Promise<void> {
  await tx.query(
    `insert into requests (id, turn, thread, action, connector, requester, arguments, provenance, resource, effect, risk,
       preview, obligations, policies, reasons, tainted, code_digest, salt, digest, rendering, state, expires_at,
       confirmed_at, confirm_entry, result, finished_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25,
       case when $21 in ('denied', 'failed') then clock_timestamp() end)`,
    [
      request.id,
      request.turn,
      request.thread,
      request.action,
      request.connector,
      request.requester,
      JSON.stringify(request.arguments),
      JSON.stringify(request.provenance),
      JSON.stringify(request.resource),
      request.effect,
      request.risk,
      request.preview && JSON.stringify(request.preview),
      JSON.stringify(request.obligations),
      JSON.stringify(request.policies),
      JSON.stringify(request.reasons),
      request.tainted,
      request.codeDigest,
      request.salt,
      request.digest,
      request.rendering,
      request.state,
      request.expiresAt,
      request.confirmedAt,
      request.confirmEntry,
      request.result && JSON.stringify(request.result),
    ],
  );
}

export async function findRequest(sql: Sql, id: RequestId): Promise<StoredRequest | null> {
  const row = await sql.maybe(`select ${COLUMNS} from requests where id = $1`, [id]);
  return row && fromRow(row);
}

/** The request with its row locked until the transaction ends: decisions on one request come one after another. */
export async function lockRequest(tx: Tx, id: RequestId): Promise<StoredRequest | null> {
  const row = await tx.maybe(`select ${COLUMNS} from requests where id = $1 for update`, [id]);
  return row && fromRow(row);
}

export async function findByRendering(sql: Sql, rendering: RenderingId): Promise<StoredRequest | null> {
  const row = await sql.maybe(`select ${COLUMNS} from requests where rendering = $1`, [rendering]);
  return row && fromRow(row);
}

/** The request that is being executed under this id. */
export async function findByExecution(sql: Sql, execution: ExecutionId): Promise<StoredRequest | null> {
  const row = await sql.maybe(`select ${COLUMNS} from requests where execution = $1`, [execution]);
  return row && fromRow(row);
}

/** The requests that one turn led to, oldest first. */
export async function requestsOfTurn(sql: Sql, turn: TurnId): Promise<StoredRequest[]> {
  const rows = await sql.query(`select ${COLUMNS} from requests where turn = $1 order by created_at, id`, [
    turn,
  ]);
  return rows.map(fromRow);
}

export async function requestsBy(sql: Sql, requester: PrincipalId, limit: number): Promise<StoredRequest[]> {
  const rows = await sql.query(
    `select ${COLUMNS} from requests where requester = $1 and effect = 'write' order by created_at desc limit $2`,
    [requester, limit],
  );
  return rows.map(fromRow);
}

/** What this person asked for in a thread and what has not ended yet, oldest first. */
export async function openRequestsIn(
  sql: Sql,
  thread: ThreadId,
  requester: PrincipalId,
): Promise<StoredRequest[]> {
  const rows = await sql.query(
    `select ${COLUMNS} from requests where thread = $1 and requester = $2
       and state in ('pending', 'approved', 'executing') order by created_at, id`,
    [thread, requester],
  );
  return rows.map(fromRow);
}

/** Approved for longer than it takes to be claimed, and still not claimed: their job is lost. */
export async function unclaimed(sql: Sql, olderThanSeconds: number, limit: number): Promise<RequestId[]> {
  const rows = await sql.query<{ id: RequestId }>(
    `select id from requests where state = 'approved' and expires_at > clock_timestamp()
       and greatest(created_at, confirmed_at, (select max(a.at) from approvals a where a.request = requests.id))
         < clock_timestamp() - make_interval(secs => $1)
     order by created_at limit $2`,
    [olderThanSeconds, limit],
  );
  return rows.map((row) => row.id);
}

/** What still waits for a decision of somebody, oldest first. */
export async function openRequests(sql: Sql, limit: number): Promise<StoredRequest[]> {
  const rows = await sql.query(
    `select ${COLUMNS} from requests where state in ('pending', 'unknown') order by created_at limit $1`,
    [limit],
  );
  return rows.map(fromRow);
}

export async function approvalsOf(
  sql: Sql,
  request: { id: RequestId; digest: string },
): Promise<ApprovalRow[]> {
  const rows = await sql.query<{
    approver: PrincipalId;
    digest: string;
    groups: string[];
    at: Date;
    entry: string;
  }>(
    'select approver, digest, groups, at, entry from approvals where request = $1 and digest = $2 order by at',
    [request.id, request.digest],
  );
  return rows.map((row) => ({ request: request.id, ...row }));
}
export type ApprovalRow = Approval & { entry: string };

/** Records an approval; false where this person's approval of this digest is there already. */
export async function insertApproval(tx: Tx, approval: Omit<ApprovalRow, 'at'>): Promise<boolean> {
  const rows = await tx.query(
    `insert into approvals (request, approver, digest, groups, entry) values ($1, $2, $3, $4, $5)
     on conflict do nothing returning approver`,
    [approval.request, approval.approver, approval.digest, JSON.stringify(approval.groups), approval.entry],
  );
  return rows.length === 1;
}

/**
 * Applies an event in one guarded UPDATE. Null: the state had moved on, nothing changed.
 * `quorum_met` counts distinct approvers of exactly this digest, the requester never among them, in the same statement.
 */
export async function move(
  tx: Tx,
  id: RequestId,
  event: Event,
  result: Result | null = null,
): Promise<StoredRequest | null> {
  const guard =
    event === 'quorum_met'
      ? `and expires_at > clock_timestamp()
         and (select count(distinct a.approver) from approvals a
              where a.request = r.id and a.digest = r.digest and a.approver <> r.requester)
             >= (select coalesce(sum((need->>'quorum')::int), 0) from jsonb_array_elements(r.obligations->'approvals') need)`
      : event === 'expired'
        ? 'and expires_at <= clock_timestamp()'
        : '';
  const to = targetOf(event);
  const row = await tx.maybe(
    `update requests r set state = $2, result = coalesce($3::jsonb, result),
       finished_at = case when $2 in ('denied', 'expired', 'cancelled', 'succeeded', 'failed') then clock_timestamp() end,
       lease_until = null
     where id = $1 and state = any($4) ${guard} returning ${COLUMNS}`,
    [id, to, result && JSON.stringify(result), [...sourcesOf(event)]],
  );
  return row && fromRow(row);
}

/**
 * The requester's own yes. False where it was given before or the request has moved on. Time is not asked again: the caller
 * looked at the clock when it took the row's lock, and its entry must not say what the row then refuses.
 */
export async function markConfirmed(tx: Tx, id: RequestId, entry: string): Promise<boolean> {
  const rows = await tx.query(
    `update requests set confirmed_at = clock_timestamp(), confirm_entry = $2
     where id = $1 and state = 'pending' and confirmed_at is null returning id`,
    [id, entry],
  );
  return rows.length === 1;
}

/** Requests whose time is over by the database's clock and that still wait. */
export async function overdue(sql: Sql, limit: number): Promise<RequestId[]> {
  const rows = await sql.query<{ id: RequestId }>(
    `select id from requests where state in ('pending', 'approved') and expires_at <= clock_timestamp()
     order by expires_at limit $1`,
    [limit],
  );
  return rows.map((row) => row.id);
}
