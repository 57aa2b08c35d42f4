/** Requests in PostgreSQL: one statement for each transition, on the database's clock. */

import type { ExecutionId, PrincipalId, RenderingId, RequestId, ThreadId, TurnId } from '../model/ids.ts';
import type { ActionRequest, Approval, Result, StoredRequest } from '../model/request.ts';
import type { Sql, Tx } from '../store/database.ts';
import { type Event, sourcesOf, targetOf } from './machine.ts';

type Row = Record<string, unknown>;

const COLUMNS = `id, turn, thread, action, connector, requester, arguments, provenance, resource, effect, risk, preview,
  obligations, policies, reasons, tainted, code_digest, salt, digest, rendering, state, created_at, expires_at,
  confirmed_at, confirm_entry, result, fence, execution, level, handle, output,
  (select coalesce(jsonb_agg(distinct e.editor order by e.editor), '[]') from request_edits e
   where e.request = id and e.editor <> requester) as co_requesters`;

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
    coRequesters: row.co_requesters,
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

/** So many with eight equal digits are no accident: whoever wrote them has to write more. */
const BEGINNINGS_MAX = 20;
const ID_DIGITS = 32;

/** The requests whose id begins so: eight hexadecimal digits or more, in small letters, with or without the id's hyphens. */
export async function requestsBeginning(sql: Sql, beginning: string): Promise<StoredRequest[]> {
  const digits = beginning.replaceAll('-', '');
  if (!/^[0-9a-f]{8,32}$/.test(digits)) return [];
  const rows = await sql.query(
    `select ${COLUMNS} from requests where id between $1 and $2 order by id limit $3`,
    [digits.padEnd(ID_DIGITS, '0'), digits.padEnd(ID_DIGITS, 'f'), BEGINNINGS_MAX],
  );
  return rows.map(fromRow);
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

/** What stood on a card before the request was changed: its buttons decide nothing any more. */
export async function findByEarlierRendering(
  sql: Sql,
  rendering: RenderingId,
): Promise<{ request: RequestId; digest: string } | null> {
  return sql.maybe('select request, digest_before as digest from request_edits where rendering_before = $1', [
    rendering,
  ]);
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

/** The writes that this person asks for, as the first or because they changed them, newest first. */
export async function requestsBy(sql: Sql, requester: PrincipalId, limit: number): Promise<StoredRequest[]> {
  const rows = await sql.query(
    `select ${COLUMNS} from requests where effect = 'write'
       and (requester = $1 or id = any(array(select request from request_edits where editor = $1)))
     order by created_at desc limit $2`,
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
 * `quorum_met` counts distinct approvers of exactly this digest, nobody who asks for it among them, in the same statement.
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
              where a.request = r.id and a.digest = r.digest and a.approver <> r.requester
                and not exists (select 1 from request_edits e where e.request = r.id and e.editor = a.approver))
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

/** What a change replaces; everything else of the request stays. */
export type Edition = Pick<
  StoredRequest,
  | 'arguments'
  | 'provenance'
  | 'resource'
  | 'risk'
  | 'preview'
  | 'obligations'
  | 'policies'
  | 'reasons'
  | 'codeDigest'
  | 'digest'
  | 'rendering'
  | 'expiresAt'
  | 'confirmedAt'
  | 'confirmEntry'
>;

/**
 * Puts a change in place of what stood there, and records whose it is. Null: the request had moved on, nothing changed.
 * Approvals name a digest, so those of the old one count no more.
 */
export async function storeEdition(
  tx: Tx,
  before: StoredRequest,
  edition: Edition,
  by: { editor: PrincipalId; entry: string },
): Promise<StoredRequest | null> {
  await tx.query(
    `insert into request_edits (request, editor, digest_before, digest_after, rendering_before, entry)
     values ($1, $2, $3, $4, $5, $6)`,
    [before.id, by.editor, before.digest, edition.digest, before.rendering, by.entry],
  );
  const row = await tx.maybe(
    `update requests set arguments = $3, provenance = $4, resource = $5, risk = $6, preview = $7, obligations = $8,
       policies = $9, reasons = $10, code_digest = $11, digest = $12, rendering = $13, expires_at = $14,
       confirmed_at = $15, confirm_entry = $16
     where id = $1 and digest = $2 and state = 'pending' returning ${COLUMNS}`,
    [
      before.id,
      before.digest,
      JSON.stringify(edition.arguments),
      JSON.stringify(edition.provenance),
      JSON.stringify(edition.resource),
      edition.risk,
      edition.preview && JSON.stringify(edition.preview),
      JSON.stringify(edition.obligations),
      JSON.stringify(edition.policies),
      JSON.stringify(edition.reasons),
      edition.codeDigest,
      edition.digest,
      edition.rendering,
      edition.expiresAt,
      edition.confirmedAt,
      edition.confirmEntry,
    ],
  );
  return row && fromRow(row);
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
