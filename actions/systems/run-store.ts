/** Runs in PostgreSQL: who works on one, what it printed, how it ended. Times are the database's. */
import type { IsolationLevel } from '../../src/model/request.ts';
import type { Database, Sql } from '../../src/store/database.ts';
import type { JobLimits } from './jobs.ts';

/** Heard by whoever shows a run; the payload is the run's id. */
export const RUN_CHANNEL = 'ci_run';
/** A worker that has not renewed for this long is taken for dead: several times the longest pause of a busy one. */
export const LEASE_SECONDS = 15;

export type RunState = 'queued' | 'running' | 'done' | 'failed';
export type Run = {
  id: string;
  number: string;
  /** Of the execution that asked for it. */
  key: string;
  repository: string;
  ref: string;
  commit: string;
  job: string;
  environment: string;
  command: string[];
  inputs: Record<string, string>;
  limits: JobLimits;
  /** What the log says that its request is isolated at, at least; null where it was accepted before that was held here. */
  level: IsolationLevel | null;
  requester: string;
  state: RunState;
  /** Once it has ended: `done`, `exit_nonzero`, `timeout`, `runner_interrupted` ... */
  code: string | null;
  exitCode: number | null;
  /** For whom it was asked to stop; it has not stopped before it has ended. */
  cancelAskedBy: string | null;
};
export type NewRun = Omit<Run, 'number' | 'state' | 'code' | 'exitCode' | 'cancelAskedBy'> & { mark: string };

const COLUMNS = `id, number, idempotency_key as key, repository, ref, commit, job, environment, command, inputs, limits, level, requester, state, code,
  exit_code as "exitCode", cancel_asked_by as "cancelAskedBy"`;

/** Adds a run under its key; null where the key is known already. */
export function insertRun(sql: Sql, run: NewRun): Promise<Run | null> {
  return sql.maybe<Run>(
    `insert into ci_runs (id, repository, ref, commit, job, environment, command, inputs, limits, requester,
       idempotency_key, mark, level)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     on conflict (idempotency_key) do nothing returning ${COLUMNS}`,
    [
      ...[run.id, run.repository, run.ref, run.commit, run.job, run.environment],
      ...[JSON.stringify(run.command), JSON.stringify(run.inputs), JSON.stringify(run.limits)],
      ...[run.requester, run.key, run.mark, run.level],
    ],
  );
}

export function runByKey(sql: Sql, key: string): Promise<Run | null> {
  return sql.maybe<Run>(`select ${COLUMNS} from ci_runs where idempotency_key = $1`, [key]);
}
export function runByMark(sql: Sql, mark: string): Promise<Run | null> {
  return sql.maybe<Run>(`select ${COLUMNS} from ci_runs where mark = $1`, [mark]);
}
export function runByNumber(sql: Sql, number: string): Promise<Run | null> {
  return sql.maybe<Run>(`select ${COLUMNS} from ci_runs where number = $1`, [number]);
}

/** Runs of one job that were given this value for one of its inputs, newest first. */
export function runsWithInput(
  sql: Sql,
  { repository, job, input, value }: { repository: string; job: string; input: string; value: string },
  limit: number,
): Promise<Run[]> {
  return sql.query<Run>(
    `select ${COLUMNS} from ci_runs where repository = $1 and job = $2 and inputs ->> $3 = $4
     order by number desc limit $5`,
    [repository, job, input, value, limit],
  );
}

/** A run that nobody works on yet, and for how long it has waited; null where somebody does, or it has ended. */
export function waitingRun(
  sql: Sql,
  id: string,
): Promise<(Pick<Run, 'key' | 'level'> & { waitedSeconds: number }) | null> {
  return sql.maybe(
    `select idempotency_key as key, level,
       extract(epoch from clock_timestamp() - created_at)::double precision as "waitedSeconds"
     from ci_runs where id = $1 and state = 'queued'`,
    [id],
  );
}

/** Takes a queued run; null where somebody else has it or it has ended. */
export function claimRun(sql: Sql, id: string, worker: string): Promise<Run | null> {
  return sql.maybe<Run>(
    `update ci_runs set state = 'running', worker = $2, started_at = clock_timestamp(),
       lease_until = clock_timestamp() + make_interval(secs => $3)
     where id = $1 and state = 'queued' returning ${COLUMNS}`,
    [id, worker, LEASE_SECONDS],
  );
}

/** False where the run is no longer this worker's. */
export async function renewRun(sql: Sql, id: string, worker: string): Promise<boolean> {
  const rows = await sql.query(
    `update ci_runs set lease_until = clock_timestamp() + make_interval(secs => $3)
     where id = $1 and worker = $2 and state = 'running' returning id`,
    [id, worker, LEASE_SECONDS],
  );
  return rows.length === 1;
}

/** Keeps a piece of output, under the worker's lease, and tells whoever listens. */
export async function appendOutput(
  db: Database,
  run: { id: string; worker: string },
  piece: number,
  content: string,
): Promise<void> {
  await db.transaction(async (tx) => {
    const rows = await tx.query(
      `update ci_runs set output_characters = output_characters + $3
       where id = $1 and worker = $2 and state = 'running' returning id`,
      [run.id, run.worker, content.length],
    );
    if (rows.length === 0) return;
    await tx.query('insert into ci_run_output (run, piece, content) values ($1, $2, $3)', [
      run.id,
      piece,
      content,
    ]);
    await tx.query('select pg_notify($1, $2)', [RUN_CHANNEL, run.id]);
  });
}

export type Ending = { state: 'done' | 'failed'; code: string; exitCode: number | null };

/** Ends a run under its worker's lease; late workers change nothing. */
export async function endRun(sql: Sql, id: string, worker: string, ending: Ending): Promise<boolean> {
  const rows = await sql.query(
    `with ended as (
       update ci_runs set state = $3, code = $4, exit_code = $5, ended_at = clock_timestamp(), lease_until = null
       where id = $1 and worker = $2 and state = 'running' returning id)
     select pg_notify($6, id::text) from ended`,
    [id, worker, ending.state, ending.code, ending.exitCode, RUN_CHANNEL],
  );
  return rows.length === 1;
}

/**
 * Asks a run to stop: one that nobody works on yet ends here, any other is ended by its worker. Null where there is no such
 * run; one that has ended stays as it is.
 */
export async function askToCancel(sql: Sql, number: string, by: string): Promise<Run | null> {
  await sql.query(
    `with asked as (
       update ci_runs set
         cancel_asked_by = coalesce(cancel_asked_by, $2),
         cancel_asked_at = coalesce(cancel_asked_at, clock_timestamp()),
         code = case state when 'queued' then 'cancelled' end,
         ended_at = case state when 'queued' then clock_timestamp() end,
         state = case state when 'queued' then 'failed' else state end
       where number = $1 and state in ('queued', 'running') returning id)
     select pg_notify($3, id::text) from asked`,
    [number, by, RUN_CHANNEL],
  );
  return runByNumber(sql, number);
}

export async function wasAskedToCancel(sql: Sql, id: string): Promise<boolean> {
  const rows = await sql.query('select 1 from ci_runs where id = $1 and cancel_asked_at is not null', [id]);
  return rows.length > 0;
}

/** Runs whose worker died end as failed: what they had done by then is gone with their sandbox. */
export async function endLost(sql: Sql): Promise<number> {
  const rows = await sql.query(
    `with lost as (
       update ci_runs set state = 'failed', ended_at = clock_timestamp(),
         code = case when cancel_asked_at is null then 'runner_interrupted' else 'cancelled' end
       where state = 'running' and lease_until < clock_timestamp() returning id)
     select pg_notify($1, id::text) from lost`,
    [RUN_CHANNEL],
  );
  return rows.length;
}

export async function queuedRuns(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `select id from ci_runs where state = 'queued' order by created_at`,
  );
  return rows.map((row) => row.id);
}

/** Output from a piece on, at most `maxPieces`; `next` is where to go on. */
export async function readOutput(
  sql: Sql,
  id: string,
  from: number,
  maxPieces: number,
): Promise<{ output: string; next: number }> {
  const rows = await sql.query<{ content: string }>(
    'select content from ci_run_output where run = $1 and piece >= $2 order by piece limit $3',
    [id, from, maxPieces],
  );
  return { output: rows.map((row) => row.content).join(''), next: from + rows.length };
}

/** The end of what it printed, at most about `characters`. */
export async function tailOutput(sql: Sql, id: string, characters: number): Promise<string> {
  // A piece holds at least one character.
  const rows = await sql.query<{ content: string }>(
    'select content from ci_run_output where run = $1 order by piece desc limit 200',
    [id],
  );
  return rows
    .reverse()
    .map((row) => row.content)
    .join('')
    .slice(-characters);
}
