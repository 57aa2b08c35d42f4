/** What a dead process left behind is taken over: its intents tell what cannot have happened from what only may have. */
import type { RequestId } from '../model/ids.ts';
import type { StoredRequest } from '../model/request.ts';
import { withLease } from './call-action.ts';
import { end, toCheck } from './end.ts';
import type { ExecutorDeps } from './executor-deps.ts';
import { type Claim, claimAbandoned, failedLooks, intentsOf, renewLease } from './lease.ts';
import { leaveBehind } from './minted-tokens.ts';
import { evidenceOf, preflight } from './preflight.ts';
import { runClaimed, settleUncertain } from './run.ts';

/** After a crash: what did its intents say? */
export async function takeOver(deps: ExecutorDeps, id: RequestId, signal: AbortSignal): Promise<void> {
  const claim = await deps.db.transaction(async (tx) => {
    const taken = await claimAbandoned(tx, id);
    if (taken) await leaveBehind(tx, id);
    return taken;
  });
  const request = claim && (await deps.find(deps.db, id));
  if (!claim || !request) return;
  const intents = await intentsOf(deps.db, id);
  if (request.handle === null && intents.total === 0) return beginAgain(deps, request, claim, signal);
  const governed = deps.governed(request.action);
  if (governed?.connector.name !== request.connector) {
    await end(deps, request, claim, 'unknown', toCheck(deps, 'sent', request, claim));
    return;
  }
  if (request.handle !== null) return deps.db.transaction((tx) => deps.lookAgain(tx, id, 0));
  // Sent again it was, where it may be; since then it is looked for.
  const isLookedFor = (await failedLooks(deps.db, id)) > 0;
  // What is sent again must be what was approved, to the byte of its code; finding what it did only reads.
  const isSameCode = deps.bundleOf(request.connector).sha256 === request.codeDigest;
  if (isSameCode) {
    // A row and an intent can be forged together; nothing is sent for them either.
    const obstacle = await withLease(deps, claim, signal, (held) =>
      evidenceOf(deps, request, governed, held),
    );
    if (signal.aborted) return;
    if (obstacle) {
      await end(deps, request, claim, 'unknown', { code: obstacle.code, message: obstacle.message });
      return;
    }
  }
  return settleUncertain(deps, request, claim, governed, signal, isSameCode && !isLookedFor);
}

/** Nothing has left: it starts anew, if all that was asked before the first start still holds. */
async function beginAgain(
  deps: ExecutorDeps,
  request: StoredRequest,
  claim: Claim,
  signal: AbortSignal,
): Promise<void> {
  const obstacle =
    (await withLease(deps, claim, signal, (held) => preflight(deps, request, held))) ??
    (await deps.db.transaction((tx) => deps.permittedNow(tx, request))).obstacle;
  if (signal.aborted || !(await renewLease(deps.db, claim))) return;
  if (!obstacle) return runClaimed(deps, request, claim, signal);
  await end(deps, request, claim, 'failed', { code: obstacle.code, message: obstacle.message });
}
