/** Looks at something that goes on elsewhere, until it has ended or nobody can see it any more. */
import type { GovernedAction, Look } from '../action.ts';
import type { RequestId } from '../model/ids.ts';
import type { Json, StoredRequest } from '../model/request.ts';
import type { Tx } from '../store/database.ts';
import { LookSchema } from './answers.ts';
import type { Attempted } from './attempt.ts';
import { isRefusalReason } from './broker/refusal.ts';
import { declare, inPhase } from './broker/rules.ts';
import { callAction, withLease } from './call-action.ts';
import { end, toCheck } from './end.ts';
import type { ExecutorDeps } from './executor-deps.ts';
import { type Claim, countFailedLook, finish, quietFor, renewLease, storeHandle } from './lease.ts';
import {
  LOOK_AT_LEAST_EVERY_SECONDS,
  LOOK_AT_OURS_SECONDS,
  pauseAfter,
  pauseAfterFailed,
} from './look-pause.ts';
import { evidenceOf } from './preflight.ts';

/** For how long every look may fail before a person is asked: longer than an outage or a night, and bounded. */
const BLIND_SECONDS = 24 * 60 * 60;

const ENDS = { done: 'succeeded', failed: 'failed', unclear: 'unknown' } as const;

/** One look at something that goes on elsewhere. */
export async function lookOnce(deps: ExecutorDeps, id: RequestId, signal: AbortSignal): Promise<void> {
  const request = await deps.find(deps.db, id);
  if (request?.state !== 'executing' || !request.handle || !request.execution) return;
  const governed = deps.governed(request.action);
  // Another system knows nothing of this handle; whoever takes the claim over asks a person.
  if (governed?.connector.name !== request.connector) return;
  const { execution, fence } = request;
  const claim: Claim = { request: id, execution, fence, level: request.level ?? 'none' };
  const answer = await lookWith(deps, { ...request, handle: request.handle }, claim, governed, signal);
  const look = answer.kind === 'answered' ? LookSchema.safeParse(answer.value) : null;
  const seen: Look | null = look?.success && !saysNothing(look.data) ? look.data : null;
  if (seen === null && answer.usedUp !== null) {
    // No other look could see anything either.
    const unseen = toCheck(deps, { looksUsedUp: answer.usedUp }, request, claim);
    await end(deps, request, claim, 'unknown', unseen, { handle: request.handle, output: '' });
    return;
  }
  if (seen === null) return lookedInVain(deps, { ...request, handle: request.handle }, claim, governed);
  if (seen.kind === 'running') {
    await deps.db.transaction(async (tx) => {
      const pause = await pauseBefore(tx, { ...request, handle: seen.handle }, governed);
      await storeHandle(tx, claim, request.handle, seen.handle, seen.output, pause);
      await deps.lookAgain(tx, id, pause);
    });
    if (seen.output !== '') await deps.progressed(request);
    return;
  }
  const last = { handle: request.handle, output: seen.output };
  const ended = ENDS[seen.kind];
  if (await end(deps, request, claim, ended, seen.result, last)) return;
  await deps.db.transaction((tx) => deps.lookAgain(tx, id, 0));
}

type Followed = StoredRequest & { handle: Record<string, Json> };

/** How long the next look waits: not at all long where it is to stop something, and while the effect of a stop is awaited. */
async function pauseBefore(tx: Tx, next: Followed, governed: GovernedAction): Promise<number> {
  if (governed.connector.builtIn || asksToWrite(next, governed)) return LOOK_AT_OURS_SECONDS;
  return pauseAfter(await quietFor(tx, next.id));
}

/** Looks once: with the claim where the handle asks for a write that looks may send, and with reads only otherwise. */
async function lookWith(
  deps: ExecutorDeps,
  request: Followed,
  claim: Claim,
  governed: GovernedAction,
  signal: AbortSignal,
): Promise<Attempted> {
  const { handle } = request;
  const look = (held: Claim | null, until: AbortSignal): Promise<Attempted> =>
    callAction(
      deps,
      request,
      governed,
      { call: 'follow', claim: held, pinned: request.preview?.pinned ?? {}, handle },
      until,
    );
  const mayWrite = asksToWrite(request, governed) && (await isStillApproved(deps, request, governed, signal));
  // A claim that is lost by now writes nothing; whoever took it over looks too.
  if (!(await renewLease(deps.db, claim))) return look(null, signal);
  // Held by every look, as a slow system may take longer to answer than a claim holds by itself.
  return withLease(deps, claim, signal, (held) => look(mayWrite ? claim : null, held));
}

/** Whether this handle fills a write that the operation declares for looks. Asked first: most looks write nothing. */
function asksToWrite(request: Followed, { action, operation, settings }: GovernedAction): boolean {
  if (action.effect !== 'write' || (operation.followWrites ?? 0) === 0) return false;
  const { arguments: args, handle, requester } = request;
  const writes = inPhase(operation.egress, 'follow').filter((rule) => rule.effect === 'write');
  const pinned = request.preview?.pinned ?? {};
  // Only whether it can be filled is asked here; what it says is filled when the door is opened.
  return declare(writes, { args, handle, pinned, settings, mark: 'mark', requester }).length > 0;
}

/** A row can be forged, and code exchanged: what a look sends is part of what was approved, to the byte of its code. */
async function isStillApproved(
  deps: ExecutorDeps,
  request: StoredRequest,
  governed: GovernedAction,
  signal: AbortSignal,
): Promise<boolean> {
  if (governed.connector.name !== request.connector) return false;
  if (deps.bundleOf(request.connector).sha256 !== request.codeDigest) return false;
  return (await evidenceOf(deps, request, governed, signal)) === null;
}

/** Ends of a look that speak of the way there only: the system did not let us see. */
const NOT_SEEN = new Set(['rate_limited', 'upstream_unauthorized', 'upstream_forbidden']);

function saysNothing(look: Look): boolean {
  return look.kind === 'failed' && (NOT_SEEN.has(look.result.code) || isRefusalReason(look.result.code));
}

/** A look that failed says nothing about what it looked at: another one later, and after a day a person's. */
async function lookedInVain(
  deps: ExecutorDeps,
  request: Followed,
  claim: Claim,
  governed: GovernedAction,
): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const failed = await countFailedLook(tx, claim, request.handle, LOOK_AT_LEAST_EVERY_SECONDS);
    if (failed && failed.forSeconds > BLIND_SECONDS) {
      const unseen = toCheck(deps, 'unseen', request, claim);
      if (await finish(tx, claim, 'unknown', unseen)) await deps.finished(tx, request, 'unknown', unseen);
      return;
    }
    const usual = await pauseBefore(tx, request, governed);
    await deps.lookAgain(tx, request.id, pauseAfterFailed(failed?.count ?? 1, usual));
  });
}
