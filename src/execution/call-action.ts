/** One call of the code of a request's action: at the level that it must have at least, and while its claim is held. */
import type { GovernedAction } from '../action.ts';
import type { IsolationLevel, Json, StoredRequest } from '../model/request.ts';
import { type Attempted, attempt } from './attempt.ts';
import type { ExecutorDeps } from './executor-deps.ts';
import { whileHeld } from './holding.ts';
import { appendOutput, type Claim, renewLease } from './lease.ts';
import { isEnough, leastLevel } from './levels.ts';
import type { CallName } from './sandbox/call.ts';

/** Keeps the claim while `work` runs; aborts the work as soon as the claim is lost. */
export const withLease = <T>(
  deps: ExecutorDeps,
  claim: Claim,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => whileHeld(() => renewLease(deps.db, claim), signal, work);

/** What policy and risk ask for, and for a run no less than what the log says it runs at. */
function leastOf(
  deps: ExecutorDeps,
  request: StoredRequest,
  governed: GovernedAction,
  claim: Claim | null,
): IsolationLevel {
  const { acceptProcess } = deps.isolation(governed);
  const least = leastLevel(request.risk, request.obligations, { process: acceptProcess });
  return claim && isEnough(claim.level, least) ? claim.level : least;
}

/** `claim`: for a run, and for a look that may write; every other call only reads. */
export async function callAction(
  deps: ExecutorDeps,
  request: StoredRequest,
  governed: GovernedAction,
  what: { call: CallName; claim: Claim | null; pinned: Record<string, string>; handle: Record<string, Json> },
  signal: AbortSignal,
): Promise<Attempted> {
  const execution = what.claim?.execution ?? request.execution;
  return attempt(deps, {
    ...what,
    share: what.call === 'follow' ? 'looks' : 'run',
    governed,
    turn: request.turn,
    request: request.id,
    args: request.arguments,
    requester: { id: request.requester, name: await deps.nameOf(request.requester) },
    mark: execution ? deps.markOf(execution) : '',
    idempotencyKey: execution ?? '',
    least: leastOf(deps, request, governed, what.claim),
    onProgress: (line) => {
      if (!what.claim) return;
      appendOutput(deps.db, what.claim, `${line}\n`)
        .then(() => deps.progressed(request))
        // Progress is a courtesy; a database that is gone stops the run elsewhere.
        .catch(() => undefined);
    },
    signal,
  });
}
