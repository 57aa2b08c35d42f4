/**
 * What is given for a time only is taken back when that time is over: by a request of its own, which nobody has to ask for or
 * approve again, as its end was part of what was approved. It is due by the database's clock, survives restarts, and is
 * tried again until it has been done.
 */
import { randomBytes } from 'node:crypto';
import type { Ending, GovernedAction } from './action.ts';
import type { Announcing } from './announcing.ts';
import { digestOf } from './approval/digest.ts';
import { findRequest } from './approval/requests.ts';
import type { AuditLog } from './audit/log.ts';
import type { Obstacle } from './execution/executor-deps.ts';
import { askedOf } from './judging.ts';
import type { Decision } from './model/decision.ts';
import { UNSTARTED } from './model/expiry.ts';
import type { PrincipalId, RequestId } from './model/ids.ts';
import { newId, RequestId as RequestIds } from './model/ids.ts';
import type { Json, Obligations, RequestState, StoredRequest } from './model/request.ts';
import { type ProposingDeps, resolve, unbegun } from './proposing.ts';
import type { Database, Sql, Tx } from './store/database.ts';

export type EndingDeps = Pick<ProposingDeps, 'executor' | 'bundleOf' | 'isolation' | 'governed'> & {
  db: Database;
  audit: AuditLog;
  announcing: Pick<Announcing, 'proposed'>;
  nameOf(person: PrincipalId): string;
  /** It could not be taken back, or nobody knows: operators must hear of it. */
  alarm(about: { request: RequestId; code: string }, words: string): void;
};

/** Whoever looks at one keeps the others off it for this long: far longer than a preview takes. */
const LOOK_SECONDS = 120;
/** After an attempt that failed; doubled each time up to the longest: an outside system may be down for a night. */
const RETRY_SECONDS = 60;
const RETRY_MAX_SECONDS = 3_600;
/** An attempt that is under way is looked at again then. */
const WATCH_SECONDS = 30;
const UNDER_WAY: ReadonlySet<RequestState> = new Set(['pending', 'approved', 'executing']);
const AT_MOST = 10;
const NOT_TAKEN_BACK = 'not_taken_back';
const SALT_BYTES = 16;
const NOTHING_OWED: Obligations = { approvals: [], stepup: null, isolation: null, expiresSeconds: 3_600 };

/** When it is to be taken back; null where it stays. */
const endingOf = (governed: GovernedAction | null): Ending | null => governed?.action.ending ?? null;

/** Whether it gives something for a time, or takes such a thing back: whoever asked gains by what is said to have become of it. */
export function isForATime(
  deps: Pick<EndingDeps, 'governed'>,
  request: Pick<StoredRequest, 'action'>,
): boolean {
  const action = deps.governed(request.action)?.action;
  return action?.ending !== undefined || action?.ends !== undefined;
}

/**
 * In the transaction in which a request ended by itself. What was given is to be taken back when its time is over, also where
 * nobody knows whether it was; what took something back, at its end or earlier and whoever asked for it, has done so: its end
 * would take what was given again since.
 */
export async function noteEnd(
  tx: Tx,
  deps: Pick<EndingDeps, 'governed'>,
  request: StoredRequest,
  state: 'succeeded' | 'failed' | 'unknown',
): Promise<void> {
  // It was never given: there is nothing to take back.
  if (state === 'failed') return close(tx, [request.id]);
  if (state === 'succeeded') {
    await close(tx, await takenBackBy(tx, deps, request));
    await close(tx, await givenAgainBy(tx, deps, request));
  }
  await remember(tx, deps, request);
}

/**
 * In the transaction in which a person says what became of a request of which nobody knew. Their word ends nothing: they may be
 * mistaken, or gain by it. What it would end is due now instead: taking it back once more changes nothing where it is gone, and
 * is read back.
 */
export async function noteWord(
  tx: Tx,
  deps: Pick<EndingDeps, 'governed'>,
  request: StoredRequest,
  said: 'succeeded' | 'failed',
): Promise<void> {
  const wouldEnd = said === 'failed' ? [request.id] : await takenBackBy(tx, deps, request);
  await tx.query(
    `update endings set due_at = least(due_at, clock_timestamp()), next_at = clock_timestamp(),
       attempt = nullif(attempt, $2)
     where request = any($1) and ended_at is null`,
    [wouldEnd, request.id],
  );
  if (said === 'succeeded') await remember(tx, deps, request);
}

/** When it is to be taken back, once: whatever is said later of what was given moves nothing. */
async function remember(tx: Tx, deps: Pick<EndingDeps, 'governed'>, request: StoredRequest): Promise<void> {
  const ending = endingOf(deps.governed(request.action));
  if (!ending) return;
  await tx.query(
    `insert into endings (request, due_at, next_at)
     select $1, at, at from (select clock_timestamp() + make_interval(secs => $2) as at) as due
     on conflict (request) do nothing`,
    [request.id, ending.afterSeconds(request.arguments)],
  );
}

async function close(sql: Sql, given: readonly RequestId[]): Promise<void> {
  await sql.query(
    'update endings set ended_at = clock_timestamp() where request = any($1) and ended_at is null',
    [given],
  );
}

/**
 * What this request was made to take back, and whatever else was given before its first write left. What came later than that
 * may have been given again, and what nobody knows may still arrive: both keep their end.
 */
async function takenBackBy(
  tx: Tx,
  deps: Pick<EndingDeps, 'governed'>,
  request: StoredRequest,
): Promise<RequestId[]> {
  const mine = await tx.query<{ given: RequestId }>(
    'select request as given from endings where attempt = $1 and ended_at is null',
    [request.id],
  );
  const before = await givenBefore(tx, request);
  return [
    ...mine.map(({ given }) => given),
    ...before.filter((given) => isItsEnd(deps, given, request)).map(({ id }) => id),
  ];
}

/**
 * What had been given before, and is given now again: it was not there any more, or this would have been refused. What is there
 * now has an end of its own, and the one before would take it too early.
 */
async function givenAgainBy(
  tx: Tx,
  deps: Pick<EndingDeps, 'governed'>,
  request: StoredRequest,
): Promise<RequestId[]> {
  const end = endOf(deps, request);
  if (!end) return [];
  const before = await givenBefore(tx, request);
  return before.filter((given) => isItsEnd(deps, given, end)).map(({ id }) => id);
}

/**
 * Whether the same was given once more since, and has not ended: then that end holds for it. Whoever gives again closes what was
 * there before, but releases that did not may have left it open. What nobody knows keeps its end, as there.
 */
async function isGivenAgain(
  sql: Sql,
  deps: Pick<EndingDeps, 'governed'>,
  given: StoredRequest,
): Promise<boolean> {
  const end = endOf(deps, given);
  if (!end || given.state !== 'succeeded') return false;
  const since = await sql.query<{ again: RequestId }>(
    `select e.request as again from endings e join requests g on g.id = e.request
     where e.ended_at is null and g.state = 'succeeded' and g.connector = $2
       and (select min(i.created_at) from intents i where i.request = g.id)
         > (select max(i.created_at) from intents i where i.request = $1)`,
    [given.id, given.connector],
  );
  for (const { again } of since) {
    const found = await findRequest(sql, again);
    if (found && isItsEnd(deps, found, end)) return true;
  }
  return false;
}

/** What was given before the first write of this one left, and has not ended. */
async function givenBefore(tx: Tx, request: StoredRequest): Promise<StoredRequest[]> {
  const rows = await tx.query<{ given: RequestId }>(
    `select e.request as given from endings e join requests g on g.id = e.request
     where e.ended_at is null and g.state = 'succeeded' and g.connector = $2
       and (select max(i.created_at) from intents i where i.request = g.id)
         < (select min(i.created_at) from intents i where i.request = $1)`,
    [request.id, request.connector],
  );
  const found: StoredRequest[] = [];
  for (const { given } of rows) {
    const before = await findRequest(tx, given);
    if (before !== null) found.push(before);
  }
  return found;
}

type End = Pick<StoredRequest, 'action' | 'arguments'>;

/** What would take it back: from what was digested, not from what a row says should be done. */
function endOf(deps: Pick<EndingDeps, 'governed'>, given: StoredRequest): End | null {
  const ending = endingOf(deps.governed(given.action));
  return ending && { action: ending.action, arguments: ending.arguments(given.arguments) };
}

function isItsEnd(deps: Pick<EndingDeps, 'governed'>, given: StoredRequest, request: End): boolean {
  const end = endOf(deps, given);
  if (end?.action !== request.action) return false;
  return JSON.stringify(sorted(end.arguments)) === JSON.stringify(sorted(request.arguments));
}

/** What was given, if this request is the one that takes it back now that its time is over. */
export async function takesBack(
  sql: Sql,
  deps: Pick<EndingDeps, 'governed'>,
  request: StoredRequest,
): Promise<RequestId | null> {
  const row = await sql.maybe<{ given: RequestId }>(
    `select request as given from endings where attempt = $1 and ended_at is null and due_at <= clock_timestamp()`,
    [request.id],
  );
  const given = row && (await findRequest(sql, row.given));
  if (!given || !isItsEnd(deps, given, request)) return null;
  return given.requester === request.requester ? given.id : null;
}

const sorted = (args: Record<string, Json>): [string, Json][] =>
  Object.entries(args).sort(([a], [b]) => (a < b ? -1 : 1));

/** Policy was asked when it was given; the kill switch is asked now. */
export async function endingPermitted(
  sql: Sql,
  request: StoredRequest,
  given: RequestId,
): Promise<{ obstacle: Obstacle | null; evidence: Json }> {
  const { killed, over } = await sql.one<{ killed: boolean; over: boolean }>(
    'select is_killed($1, $2, $3) as killed, $4::timestamptz <= clock_timestamp() as over',
    [request.action, request.requester, request.connector, request.expiresAt],
  );
  const evidence = { takesBack: given };
  const stop = (code: string, message: string, event: Obstacle['event']) => ({
    obstacle: { code, message, event },
    evidence,
  });
  if (killed) return stop('kill_switch', 'The kill switch is on; it is tried again.', 'cancelled');
  if (over) return stop(UNSTARTED.code, `${UNSTARTED.message} It is tried again.`, 'expired');
  return { obstacle: null, evidence };
}

type Due = { request: RequestId; attempt: RequestId | null; attempts: number };

/** Looks at everything that is due; safe to repeat and in several processes. Answers how many were looked at. */
export async function takeBackDue(deps: EndingDeps, signal: AbortSignal): Promise<number> {
  const due = await deps.db.query<Due>(
    `update endings set next_at = clock_timestamp() + make_interval(secs => $1)
     where request in (select request from endings where ended_at is null and next_at <= clock_timestamp()
       order by next_at limit $2 for update skip locked)
     returning request, attempt, attempts`,
    [LOOK_SECONDS, AT_MOST],
  );
  for (const one of due) await look(deps, one, signal);
  return due.length;
}

async function look(deps: EndingDeps, due: Due, signal: AbortSignal): Promise<void> {
  const given = await findRequest(deps.db, due.request);
  const attempt = due.attempt === null ? null : await findRequest(deps.db, due.attempt);
  if (!given) return;
  if (attempt && UNDER_WAY.has(attempt.state)) return again(deps, given, WATCH_SECONDS);
  if (await isGivenAgain(deps.db, deps, given)) return close(deps.db, [given.id]);
  if (!attempt) return begin(deps, given, signal);
  // What succeeded by itself has ended it in the same transaction: somebody's word is no reason for an alarm.
  if (attempt.state === 'succeeded') return tryAgain(deps.db, given);
  await deps.db.transaction(async (tx) => {
    await tryAgain(tx, given);
    await deps.audit.append(tx, {
      type: 'alert.raised',
      turn: given.turn,
      request: given.id,
      data: {
        code: NOT_TAKEN_BACK,
        attempt: attempt.id,
        state: attempt.state,
        why: attempt.result?.code ?? 'no_reason',
      },
    });
  });
  deps.alarm({ request: given.id, code: NOT_TAKEN_BACK }, stillGiven(given, attempt));
}

/** With the id of the attempt, as whoever looks names it in `resolve`. */
function stillGiven(given: StoredRequest, attempt: StoredRequest): string {
  const isUnknown = attempt.state === 'unknown';
  const what = isUnknown ? 'nobody knows whether it was taken back' : 'it could not be taken back';
  const why = attempt.result?.code ?? 'no reason';
  const look = isUnknown ? `please look, and write: resolve ${attempt.id} succeeded|failed` : 'please look.';
  return `${given.action} of request ${given.id} should have ended, and ${what} by request ${attempt.id} (${why}). It is tried again; ${look}`;
}

/** By a new request, after a pause: taking back twice changes nothing more, so an attempt of which nobody knows is no reason to wait. */
async function tryAgain(sql: Sql, given: StoredRequest): Promise<void> {
  await sql.query(
    `update endings set attempt = null,
       next_at = clock_timestamp() + make_interval(secs => least($2 * power(2, least(attempts - 1, 10)), $3))
     where request = $1 and ended_at is null`,
    [given.id, RETRY_SECONDS, RETRY_MAX_SECONDS],
  );
}

async function again(deps: EndingDeps, given: StoredRequest, seconds: number): Promise<void> {
  await deps.db.query(
    'update endings set next_at = clock_timestamp() + make_interval(secs => $2) where request = $1',
    [given.id, seconds],
  );
}

/** Makes the request that takes it back, and puts it on its way. */
async function begin(deps: EndingDeps, given: StoredRequest, signal: AbortSignal): Promise<void> {
  const ending = endingOf(deps.governed(given.action));
  const governed = ending && deps.governed(ending.action);
  // What was given in one system does not end in another that the operator connected since.
  if (!ending || governed?.connector.name !== given.connector) {
    deps.alarm(
      { request: given.id, code: NOT_TAKEN_BACK },
      `${given.action} of request ${given.id} should end now, and nothing serves what takes it back any more. Please take it back yourself.`,
    );
    return again(deps, given, RETRY_MAX_SECONDS);
  }
  const request = await requestFor(deps, given, governed, ending.arguments(given.arguments), signal);
  const decision: Decision = {
    allowed: true,
    code: 'allowed',
    policies: [],
    reasons: request.reasons,
    obligations: NOTHING_OWED,
    evidence: { takesBack: given.id },
  };
  await deps.db.transaction(async (tx) => {
    const row = await tx.maybe<{ attempts: number }>(
      `update endings set attempts = attempts + 1, next_at = clock_timestamp() + make_interval(secs => $2)
       where request = $1 and ended_at is null and attempt is null returning attempts`,
      [given.id, WATCH_SECONDS],
    );
    if (!row) return;
    await deps.announcing.proposed(tx, { request, decision, typed: true }, { runNow: false, by: 'ending' });
    await tx.query('update endings set attempt = $2 where request = $1', [given.id, request.id]);
  });
}

async function requestFor(
  deps: EndingDeps,
  given: StoredRequest,
  governed: GovernedAction,
  args: Record<string, Json>,
  signal: AbortSignal,
): Promise<StoredRequest> {
  const { action, connector } = governed;
  const asked = askedOf(governed, args);
  const id = newId(RequestIds);
  const reasons = [
    given.state === 'failed'
      ? `Somebody says that request ${given.id} gave nothing, and nobody could tell: taking it back makes sure.`
      : `Its time is over: the end was approved with request ${given.id}.`,
  ];
  const resolved = await resolve(
    deps,
    {
      turn: given.turn,
      id,
      governed,
      args,
      principal: { id: given.requester, name: deps.nameOf(given.requester) },
      risk: asked.risk,
      decision: { obligations: NOTHING_OWED },
    },
    signal,
  );
  const { now } = await deps.db.one<{ now: Date }>(
    "select date_trunc('milliseconds', clock_timestamp()) as now",
  );
  const draft = {
    id,
    turn: given.turn,
    thread: given.thread,
    ...asked,
    // What it does was fixed by people before anything was fetched.
    tainted: false,
    arguments: args,
    provenance: Object.fromEntries(Object.keys(args).map((name) => [name, 'default' as const])),
    effect: action.effect,
    preview: resolved.preview,
    requester: given.requester,
    obligations: NOTHING_OWED,
    policies: [],
    reasons,
    codeDigest: deps.bundleOf(connector.name).sha256,
    salt: randomBytes(SALT_BYTES).toString('base64'),
    createdAt: now,
    expiresAt: new Date(now.getTime() + NOTHING_OWED.expiresSeconds * 1000),
  };
  return {
    ...draft,
    digest: digestOf(draft),
    state: resolved.problem?.state ?? 'approved',
    confirmedAt: resolved.problem ? null : now,
    confirmEntry: null,
    result: resolved.problem?.result ?? null,
    ...unbegun(),
  };
}
