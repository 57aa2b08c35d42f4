/**
 * Who may act for a request, in PostgreSQL: the claim, its lease and its fencing token, the intents of its writes.
 * A worker whose fence is no longer the row's can write nothing more, whatever it believes.
 */
import type { WritePhase } from '../action.ts';
import { AppError } from '../errors.ts';
import type { RequestId } from '../model/ids.ts';
import { ExecutionId, newId } from '../model/ids.ts';
import type { IsolationLevel, Json, RequestState, Result } from '../model/request.ts';
import type { Database, Sql, Tx } from '../store/database.ts';

/** How long a claim holds without being renewed: several times the longest pause of a busy process. */
export const LEASE_SECONDS = 15;
/** Renewed well before it ends. */
export const RENEW_EVERY_MS = 5_000;
/** What is kept of an execution's output with the request; the runner keeps the whole. */
export const OUTPUT_TAIL_CHARACTERS = 16_384;

/** `level` is what its run must be isolated at, at least: it is what the log says of it. */
export type Claim = { request: RequestId; execution: ExecutionId; fence: number; level: IsolationLevel };

/**
 * Claims an approved request: state, digest, expiry and kill switch in one UPDATE on database time.
 * Null: one of them no longer holds.
 */
export async function claimApproved(
  tx: Tx,
  request: { id: RequestId; digest: string },
  level: IsolationLevel,
): Promise<Claim | null> {
  const row = await tx.maybe<Omit<Claim, 'request'>>(
    `update requests set state = 'executing', fence = fence + 1, execution = $3, level = $4,
       lease_until = clock_timestamp() + make_interval(secs => $5)
     where id = $1 and digest = $2 and state = 'approved' and expires_at > clock_timestamp()
       and not is_killed(action, requester, connector)
     returning execution, fence, level`,
    [request.id, request.digest, newId(ExecutionId), level, LEASE_SECONDS],
  );
  return row && { request: request.id, ...row };
}

/**
 * Takes over an execution whose worker stopped renewing; same execution id, next fence. The level stays: the log says that it
 * began at that, and what is run again for it must be isolated no less.
 */
export async function claimAbandoned(tx: Tx, id: RequestId): Promise<Claim | null> {
  const row = await tx.maybe<Omit<Claim, 'request'>>(
    `update requests set fence = fence + 1, lease_until = clock_timestamp() + make_interval(secs => $2)
     where id = $1 and state = 'executing' and (lease_until is null or lease_until <= clock_timestamp())
     returning execution, fence, level`,
    [id, LEASE_SECONDS],
  );
  return row && { request: id, ...row };
}

/** Holds the claim a little longer; false where it is no longer ours. */
export async function renewLease(sql: Sql, claim: Claim): Promise<boolean> {
  const rows = await sql.query(
    `update requests set lease_until = clock_timestamp() + make_interval(secs => $3)
     where id = $1 and fence = $2 and state = 'executing' returning id`,
    [claim.request, claim.fence, LEASE_SECONDS],
  );
  return rows.length === 1;
}

/** Executions that nobody renews any more. */
export async function abandoned(sql: Sql, limit: number): Promise<RequestId[]> {
  const rows = await sql.query<{ id: RequestId }>(
    `select id from requests where state = 'executing' and (lease_until is null or lease_until <= clock_timestamp())
     order by created_at limit $1`,
    [limit],
  );
  return rows.map((row) => row.id);
}

export type Write = { method: string; host: string; path: string; bodySha256: string };

/** Which call sends it; of looks also how many writes all of them may send together. */
export type Sender = { phase: 'run' } | { phase: 'follow'; atMost: number };

/**
 * Commits the intent of a write before it leaves. Refuses (`egress_refused`, `kill_switch`) when the claim is no
 * longer ours, the looks have sent all that they may, or the kill switch is on; anything that cannot be read throws, and
 * the write does not leave.
 */
export async function commitIntent(
  db: Database,
  claim: Claim,
  write: Write,
  sender: Sender = { phase: 'run' },
): Promise<string> {
  return db.transaction(async (tx) => {
    const row = await tx.maybe<{ action: string; requester: string; connector: string }>(
      `select action, requester, connector from requests
       where id = $1 and fence = $2 and state = 'executing' and lease_until > clock_timestamp() for update`,
      [claim.request, claim.fence],
    );
    if (!row) throw new AppError('egress_refused', 'This execution no longer holds its claim.');
    // A statement of its own: one that had waited for the row would still see the switches of before its wait.
    const { killed } = await tx.one<{ killed: boolean }>('select is_killed($1, $2, $3) as killed', [
      row.action,
      row.requester,
      row.connector,
    ]);
    if (killed) throw new AppError('kill_switch', 'The kill switch is on.');
    // The row is held: two looks at once cannot both be the last.
    if (sender.phase === 'follow' && (await sentBy(tx, claim, 'follow')) >= sender.atMost)
      throw new AppError('egress_refused', 'The looks at this execution have sent all that they may.');
    const intent = crypto.randomUUID();
    await tx.query(
      `insert into intents (id, request, execution, fence, method, host, path, body_sha256, phase)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        intent,
        claim.request,
        claim.execution,
        claim.fence,
        write.method,
        write.host,
        write.path,
        write.bodySha256,
        sender.phase,
      ],
    );
    return intent;
  });
}

/** Writes of this execution in one phase; those of which certainly nothing has left do not count. */
async function sentBy(tx: Tx, claim: Claim, phase: WritePhase): Promise<number> {
  const { sent } = await tx.one<{ sent: number }>(
    `select count(*)::int as sent from intents
     where request = $1 and phase = $2 and status is distinct from $3`,
    [claim.request, phase, NEVER_LEFT],
  );
  return sent;
}

/** Whether a kill switch covers this request now. */
export async function isSwitchedOff(sql: Sql, request: { id: RequestId }): Promise<boolean> {
  const row = await sql.one<{ killed: boolean }>(
    'select is_killed(action, requester, connector) as killed from requests where id = $1',
    [request.id],
  );
  return row.killed;
}

/** Notes the upstream's answer to a write. */
export async function settleIntent(tx: Tx, intent: string, status: number): Promise<void> {
  await tx.query('update intents set status = $2 where id = $1', [intent, status]);
}

/** The `status` of a write of which it is certain that nothing has left: no connection was made. */
export const NEVER_LEFT = 0;

export type Intents = { total: number; unanswered: number; serverErrors: number };

/**
 * What is known of the writes that a run sent: none means that nothing can have happened; those of which certainly nothing
 * has left do not count. What its looks sent later says nothing about that.
 */
export async function intentsOf(sql: Sql, request: RequestId): Promise<Intents> {
  return sql.one<Intents>(
    `select count(*)::int as total, (count(*) filter (where status is null))::int as unanswered,
       (count(*) filter (where status >= 500))::int as "serverErrors"
     from intents where request = $1 and phase = 'run' and status is distinct from $2`,
    [request, NEVER_LEFT],
  );
}

/** Seconds since the last write that the run or a look sent; where there was none, since it was asked for. */
export async function quietFor(sql: Sql, request: RequestId): Promise<number> {
  const { quiet } = await sql.one<{ quiet: number }>(
    `select extract(epoch from clock_timestamp() - coalesce(
       (select max(created_at) from intents where request = $1), created_at))::float8 as quiet
     from requests where id = $1`,
    [request],
  );
  return quiet;
}

/** What a look saw last, and the handle that it started from. */
export type LastLook = { handle: Record<string, Json>; output: string };

/**
 * Ends an execution under its fence; false where the claim was lost. With a look also false where another one came
 * first: that one's output may be this one's, and is shown once.
 */
export async function finish(
  tx: Tx,
  claim: Claim,
  state: Extract<RequestState, 'succeeded' | 'failed' | 'unknown'>,
  result: Result,
  look: LastLook | null = null,
): Promise<boolean> {
  const rows = await tx.query(
    `update requests set state = $3, result = $4, lease_until = null, output = right(output || $5, $6),
       finished_at = case when $3 = 'unknown' then null else clock_timestamp() end
     where id = $1 and fence = $2 and state = 'executing' and ($7::jsonb is null or handle = $7::jsonb) returning id`,
    [
      claim.request,
      claim.fence,
      state,
      JSON.stringify(result),
      look?.output ?? '',
      OUTPUT_TAIL_CHARACTERS,
      look && JSON.stringify(look.handle),
    ],
  );
  return rows.length === 1;
}

/**
 * Stores where the outside system goes on, for the looks that follow, and holds the claim until the next one, `pauseSeconds` away.
 * False where another look came first (`previous` is what this one started from), so that no output is shown twice.
 */
export async function storeHandle(
  tx: Tx,
  claim: Claim,
  previous: Record<string, Json> | null,
  handle: Record<string, Json>,
  output: string,
  pauseSeconds: number,
): Promise<boolean> {
  const rows = await tx.query(
    `update requests set handle = $3, output = right(output || $4, $5), looks_failed = 0, looks_failing_since = null,
       lease_until = clock_timestamp() + make_interval(secs => $6)
     where id = $1 and fence = $2 and state = 'executing' and handle is not distinct from $7::jsonb returning id`,
    [
      claim.request,
      claim.fence,
      JSON.stringify(handle),
      output,
      OUTPUT_TAIL_CHARACTERS,
      pauseSeconds + LEASE_SECONDS,
      previous && JSON.stringify(previous),
    ],
  );
  return rows.length === 1;
}

/** Looks that fail one after another: how many, and for how long they have. */
export type FailedLooks = { count: number; forSeconds: number };

/**
 * Counts a look that failed, and holds the claim until the next one, at most `longestWaitSeconds` away. Null where the claim was
 * lost, or another look came first. `handle` null: what a write did was looked for, in vain.
 */
export async function countFailedLook(
  tx: Tx,
  claim: Claim,
  handle: Record<string, Json> | null,
  longestWaitSeconds: number,
): Promise<FailedLooks | null> {
  return tx.maybe<FailedLooks>(
    `update requests set looks_failed = looks_failed + 1,
       looks_failing_since = coalesce(looks_failing_since, clock_timestamp()),
       lease_until = clock_timestamp() + make_interval(secs => $4)
     where id = $1 and fence = $2 and state = 'executing' and handle is not distinct from $3::jsonb
     returning looks_failed as count,
       extract(epoch from clock_timestamp() - looks_failing_since)::float8 as "forSeconds"`,
    [claim.request, claim.fence, handle && JSON.stringify(handle), longestWaitSeconds + LEASE_SECONDS],
  );
}

/** How many looks have failed in a row. */
export async function failedLooks(sql: Sql, request: RequestId): Promise<number> {
  const { count } = await sql.one<{ count: number }>(
    'select looks_failed as count from requests where id = $1',
    [request],
  );
  return count;
}

/** Leaves the claim to whoever looks for abandoned ones after so many seconds, ourselves too. */
export async function leaveIn(sql: Sql, claim: Claim, seconds: number): Promise<void> {
  await sql.query(
    `update requests set lease_until = clock_timestamp() + make_interval(secs => $3)
     where id = $1 and fence = $2 and state = 'executing'`,
    [claim.request, claim.fence, seconds],
  );
}

/** Appends progress to what the card shows. */
export async function appendOutput(sql: Sql, claim: Claim, output: string): Promise<void> {
  await sql.query(
    `update requests set output = right(output || $3, $4) where id = $1 and fence = $2 and state = 'executing'`,
    [claim.request, claim.fence, output, OUTPUT_TAIL_CHARACTERS],
  );
}
