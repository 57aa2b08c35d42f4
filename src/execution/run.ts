/**
 * A claimed request is run, and what came of it concluded: a write that left and was not answered is sent again with its key, or
 * looked for; where neither tells, a person is asked.
 */
import type { GovernedAction, RunResult } from '../action.ts';
import type { Result, StoredRequest } from '../model/request.ts';
import { asRunResult, ReconciliationSchema } from './answers.ts';
import type { Attempted } from './attempt.ts';
import { callAction, withLease } from './call-action.ts';
import { end, toCheck } from './end.ts';
import type { ExecutorDeps } from './executor-deps.ts';
import {
  type Claim,
  countFailedLook,
  finish,
  intentsOf,
  isSwitchedOff,
  leaveIn,
  quietFor,
  renewLease,
  storeHandle,
} from './lease.ts';
import {
  LOOK_AT_LEAST_EVERY_SECONDS,
  LOOK_AT_OURS_SECONDS,
  pauseAfter,
  pauseAfterFailed,
} from './look-pause.ts';
import { FAILURE_CODES } from './sandbox/outcome.ts';
import { EXECUTION_BUDGET, usedUpResult } from './spending.ts';

/** For how long a write may be looked for in vain before a person is asked: somebody waits for it, and outages are seldom longer. */
const UNSEEN_SECONDS = 10 * 60;

export async function runClaimed(
  deps: ExecutorDeps,
  request: StoredRequest,
  claim: Claim,
  signal: AbortSignal,
): Promise<void> {
  const governed = deps.governed(request.action)!;
  await runOnce(deps, request, claim, governed, signal, true);
}

async function runOnce(
  deps: ExecutorDeps,
  request: StoredRequest,
  claim: Claim,
  governed: GovernedAction,
  signal: AbortSignal,
  mayTryAgain: boolean,
): Promise<void> {
  const pinned = request.preview?.pinned ?? {};
  const answer = await withLease(deps, claim, signal, (held) =>
    callAction(deps, request, governed, { call: 'run', claim, pinned, handle: {} }, held),
  );
  const outcome = withItsReason(asRunResult(answer), answer);
  const isGood = outcome.kind === 'done' || outcome.kind === 'running';
  // Its code cannot know what nobody was told: a write that was never answered is no success.
  if (isGood && answer.unanswered > 0)
    return settleUncertain(deps, request, claim, governed, signal, mayTryAgain, linkOf(outcome));
  return conclude(deps, request, claim, governed, outcome, signal, mayTryAgain);
}

/** What its code says of a refusal that ended it is seldom why; a failure that stands for itself is left as it is. */
function withItsReason(outcome: RunResult, { usedUp }: Attempted): RunResult {
  if (usedUp === null || outcome.kind !== 'failed') return outcome;
  const { code } = outcome.result;
  const isFor = code === EXECUTION_BUDGET || SANDBOX_CODES.has(code);
  return isFor ? { kind: 'failed', result: usedUpResult(usedUp) } : outcome;
}

async function conclude(
  deps: ExecutorDeps,
  request: StoredRequest,
  claim: Claim,
  governed: GovernedAction,
  outcome: RunResult,
  signal: AbortSignal,
  mayTryAgain: boolean,
): Promise<void> {
  switch (outcome.kind) {
    case 'running':
      await deps.db.transaction(async (tx) => {
        if (await storeHandle(tx, claim, null, outcome.handle, '', 0))
          await deps.lookAgain(tx, request.id, 0);
      });
      await deps.progressed(request);
      return;
    case 'done':
      await end(deps, request, claim, 'succeeded', outcome.result);
      return;
    case 'unclear':
      await end(deps, request, claim, 'unknown', outcome.result);
      return;
    case 'failed': {
      // A stop, or a claim that is lost: what this was is left to whoever takes over.
      if (signal.aborted || !(await renewLease(deps.db, claim))) return;
      const intents = await intentsOf(deps.db, request.id);
      const cameBack =
        !SANDBOX_CODES.has(outcome.result.code) && intents.unanswered === 0 && intents.serverErrors === 0;
      if (intents.total === 0 || cameBack) {
        const isKilled = intents.total === 0 && (await isSwitchedOff(deps.db, request));
        await end(deps, request, claim, 'failed', isKilled ? KILLED : outcome.result);
        return;
      }
      return settleUncertain(deps, request, claim, governed, signal, mayTryAgain, linkOf(outcome));
    }
  }
}

const KILLED: Result = {
  code: 'kill_switch',
  message: 'The kill switch stopped it before anything was sent.',
};

/** Codes with which a run ends without the action's own word for it. */
const SANDBOX_CODES = new Set([...FAILURE_CODES, EXECUTION_BUDGET]);

/**
 * A write left and nobody knows what became of it. Where the upstream enforces a key it is sent again with it;
 * otherwise only finding it proves anything, and not finding it proves nothing.
 */
export async function settleUncertain(
  deps: ExecutorDeps,
  request: StoredRequest,
  claim: Claim,
  governed: GovernedAction,
  signal: AbortSignal,
  mayTryAgain: boolean,
  link?: string,
): Promise<void> {
  const pinned = request.preview?.pinned ?? {};
  if (governed.operation.idempotency !== 'none' && mayTryAgain) {
    return runOnce(deps, request, claim, governed, signal, false);
  }
  // It looks for this claim's mark; the request may have been read before there was a claim.
  const marked = { ...request, execution: claim.execution };
  const answer = await withLease(deps, claim, signal, (held) =>
    callAction(deps, marked, governed, { call: 'reconcile', claim: null, pinned, handle: {} }, held),
  );
  const found = answer.kind === 'answered' ? ReconciliationSchema.safeParse(answer.value) : null;
  if (found?.success && found.data.kind === 'happened' && found.data.outcome.kind !== 'failed') {
    return conclude(deps, request, claim, governed, found.data.outcome, signal, false);
  }
  // A stop, or a claim that is lost, is no answer: whoever takes over asks again.
  if (signal.aborted) return;
  if (answer.usedUp !== null) {
    const unseen = toCheck(deps, { sentAndUsedUp: answer.usedUp }, request, claim, link);
    await end(deps, request, claim, 'unknown', unseen);
    return;
  }
  if (isUnseen(answer)) return lookedForInVain(deps, request, claim, governed, link);
  await end(deps, request, claim, 'unknown', toCheck(deps, 'sent', request, claim, link));
}

/** Whether it could not be looked for. That it was not found says something, that nobody could look nothing at all. */
function isUnseen(answer: Attempted): boolean {
  return answer.kind === 'failed' || answer.unseen;
}

/** Somebody looks for it again a little later, and a person after some minutes: an outage is seldom longer. */
async function lookedForInVain(
  deps: ExecutorDeps,
  request: StoredRequest,
  claim: Claim,
  governed: GovernedAction,
  link: string | undefined,
): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const failed = await countFailedLook(tx, claim, null, LOOK_AT_LEAST_EVERY_SECONDS);
    if (failed === null) return;
    if (failed.forSeconds <= UNSEEN_SECONDS) {
      const usual = governed.connector.builtIn
        ? LOOK_AT_OURS_SECONDS
        : pauseAfter(await quietFor(tx, request.id));
      return leaveIn(tx, claim, pauseAfterFailed(failed.count, usual));
    }
    const unseen = toCheck(deps, 'sentUnseen', request, claim, link);
    if (await finish(tx, claim, 'unknown', unseen)) await deps.finished(tx, request, 'unknown', unseen);
  });
}

const linkOf = (outcome: RunResult): string | undefined =>
  outcome.kind === 'running' ? undefined : outcome.result.link;
