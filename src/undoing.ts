/**
 * Whether something that was done can still be taken back, by the database's clock. Asked for the card that offers it, and
 * again when somebody presses. Only the card asks policy too: whoever writes or presses it all the same makes a request,
 * which policy refuses in words and on the record.
 */
import type { GovernedAction, Undo } from './action.ts';
import { lockRequest } from './approval/requests.ts';
import { threadState } from './intake/turns.ts';
import { askedOf, type Judging } from './judging.ts';
import type { PrincipalId, RequestId, ThreadId } from './model/ids.ts';
import type { Principal } from './model/principal.ts';
import type { Json, Proposal, StoredRequest } from './model/request.ts';
import type { Sql, Tx } from './store/database.ts';

export type Undoable =
  | OpenUndo
  /** Nothing takes it back, it was not done, or it is not this person's. */
  | { kind: 'none' }
  /** It was done, and its answer does not say enough to ask for what takes it back. */
  | { kind: 'untold' }
  | { kind: 'late' }
  /** It is being taken back, or has been. */
  | { kind: 'taken_back' };

/** `holdsFetched`: what code from elsewhere answered, or was asked for from fetched text, is among the arguments. */
export type OpenUndo = { kind: 'open'; proposal: Proposal; holdsFetched: boolean; until: Date };

export type UndoDeps = { governed(action: string): GovernedAction | null };

/** Why it cannot be taken back, for whoever asked. */
export const NO_UNDO = {
  none: 'There is no request of yours with that id that could be taken back.',
  untold: 'What came of that does not say what there is to take back. Ask for what should be done instead.',
  late: 'The time to take that back is over. Ask for what should be done instead.',
  taken_back: 'That is taken back already, or on its way.',
} as const;

/** What this person could press now. */
export async function undoOf(
  sql: Sql,
  deps: UndoDeps,
  request: StoredRequest,
  person: PrincipalId,
): Promise<Undoable> {
  const undo = deps.governed(request.action)?.action.undo;
  if (!undo || request.requester !== person) return { kind: 'none' };
  const taker = deps.governed(undo.action);
  if (request.state !== 'succeeded' || !request.result || !taker) return { kind: 'none' };
  // What was done in one system is not taken back in another that the operator connected since.
  if (connectorFor(request, taker) !== taker.connector.name) return { kind: 'none' };
  const args = undo.arguments(request.arguments, request.result);
  return args === null ? { kind: 'untold' } : standing(sql, { request, undo, args, taker });
}

/**
 * Until when a card offers its requester to take it back: while that is open, and policy of this moment would not refuse
 * the request that a press makes; whether others must approve that one is no reason to hide it. Null where it offers nothing.
 */
export async function offeredUntil(
  sql: Sql,
  deps: UndoDeps & { judging: Pick<Judging, 'decide'> },
  request: StoredRequest,
  person: Principal,
): Promise<Date | null> {
  const undo = await undoOf(sql, deps, request, person.id);
  const governed = undo.kind === 'open' ? deps.governed(undo.proposal.action) : null;
  if (undo.kind !== 'open' || !governed) return null;
  const tainted = await isTainted(sql, request.thread, person.id, undo);
  const asked = { ...askedOf(governed, undo.proposal.arguments), tainted };
  return (await deps.judging.decide(sql, person, asked)).allowed ? undo.until : null;
}

/**
 * Whether anything fetched could have led to what takes it back: text of this conversation, or of the one in which it was asked
 * for, or what code from elsewhere answered and is now among the arguments. That was in no conversation, as only what a read answers
 * comes into one.
 */
export async function isTainted(
  sql: Sql,
  thread: ThreadId,
  person: PrincipalId,
  { holdsFetched }: OpenUndo,
): Promise<boolean> {
  return holdsFetched || (await threadState(sql, thread, person)).tainted;
}

async function standing(
  sql: Sql,
  {
    request,
    undo,
    args,
    taker,
  }: { request: StoredRequest; undo: Undo; args: Record<string, Json>; taker: GovernedAction },
): Promise<Undoable> {
  const row = await sql.one<{ until: Date; over: boolean; taken: boolean }>(
    `select r.finished_at + make_interval(secs => $2) as until,
       r.finished_at + make_interval(secs => $2) <= clock_timestamp() as over,
       exists (select 1 from requests u where u.requester = r.requester and u.action = $3 and u.connector = $5
         and u.arguments = $4::jsonb and u.created_at >= r.finished_at
         and u.state in ('pending', 'approved', 'executing', 'succeeded', 'unknown')) as taken
     from requests r where r.id = $1`,
    [request.id, undo.withinSeconds, undo.action, JSON.stringify(args), connectorFor(request, taker)],
  );
  if (row.taken) return { kind: 'taken_back' };
  if (row.over) return { kind: 'late' };
  return { kind: 'open', ...proposalOf(request, { undo, args, taker }), until: row.until };
}

/**
 * The press is its confirmation, unless code that is not ours says what becomes of it: whoever asks has not seen that yet, and
 * confirms the card.
 */
function proposalOf(
  request: StoredRequest,
  { undo, args, taker }: { undo: Undo; args: Record<string, Json>; taker: GovernedAction },
): Pick<OpenUndo, 'proposal' | 'holdsFetched'> {
  const isForeign = taker.action.port === 'foreign';
  const provenance =
    undo.provenance?.(request.provenance) ??
    Object.fromEntries(Object.keys(args).map((name) => [name, 'fetched' as const]));
  const typed = !isForeign || Object.keys(args).length === 0;
  return {
    proposal: { action: undo.action, arguments: args, provenance, typed },
    holdsFetched: request.tainted || (isForeign && Object.values(provenance).includes('fetched')),
  };
}

/** Through which connector it is taken back: the one through which it was done, unless each action has one of its own. */
const connectorFor = ({ connector }: StoredRequest, taker: GovernedAction): string =>
  taker.action.port === 'foreign' ? taker.connector.name : connector;

/** Asked again with the row locked, so that of two presses at once one finds what the other did. */
export async function takenMeanwhile(
  tx: Tx,
  deps: UndoDeps,
  id: RequestId,
  person: Principal,
): Promise<string | null> {
  const request = await lockRequest(tx, id);
  if (!request) return NO_UNDO.none;
  const undo = await undoOf(tx, deps, request, person.id);
  return undo.kind === 'open' ? null : NO_UNDO[undo.kind];
}
