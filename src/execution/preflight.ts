/** All that must hold of an approved request before it is claimed, and of what is sent for it later. Each check answers an obstacle, or null. */
import type { GovernedAction } from '../action.ts';
import { Preview, type StoredRequest } from '../model/request.ts';
import { RefusalSchema } from './answers.ts';
import { callAction } from './call-action.ts';
import type { ExecutorDeps, Obstacle } from './executor-deps.ts';
import { isEnough, leastLevel } from './levels.ts';
import { usedUpResult } from './spending.ts';

/** Everything that can be checked before the claim, cheapest first. */
export async function preflight(
  deps: ExecutorDeps,
  request: StoredRequest,
  signal: AbortSignal,
): Promise<Obstacle | null> {
  const failed = (code: string, message: string): Obstacle => ({ code, message, event: 'checks_failed' });
  const governed = deps.governed(request.action);
  if (!governed || governed.connector.name !== request.connector) {
    return failed('action_gone', `${request.action} is no longer served by ${request.connector}.`);
  }
  const { level, acceptProcess } = deps.isolation(governed);
  const least = leastLevel(request.risk, request.obligations, { process: acceptProcess });
  if (!isEnough(level, least)) {
    return failed(
      'isolation_too_low',
      `This must run isolated at least at level "${least}"; this machine reaches "${level}".`,
    );
  }
  if (deps.bundleOf(request.connector).sha256 !== request.codeDigest) {
    return failed('code_changed', "The action's code is not what was approved. Ask for it again.");
  }
  const evidence = await evidenceOf(deps, request, governed, signal);
  if (evidence) return evidence;
  if (riskOf(governed, request) !== request.risk) {
    return failed('risk_changed', 'Its risk is not what it was when it was asked for. Ask for it again.');
  }
  return request.effect === 'write' ? pinnedStillHolds(deps, request, governed, signal) : null;
}

/** The risk as it is now: from the arguments and the operator's settings, not from what is stored. */
function riskOf(
  { action, connector, settings }: GovernedAction,
  request: StoredRequest,
): StoredRequest['risk'] {
  const facts = {
    connector: connector.name,
    settings: connector.facts(action.operation, request.arguments, settings),
  };
  return action.risk(request.arguments, facts);
}

/** Whether what is stored is what was approved, by whom it had to be. */
export async function evidenceOf(
  deps: ExecutorDeps,
  request: StoredRequest,
  governed: GovernedAction,
  signal: AbortSignal,
): Promise<Obstacle | null> {
  // Stored beside what the digest binds: a write that calls itself a read would need no evidence.
  if (governed.action.effect !== request.effect) {
    const message = 'What is stored is not what was approved. Operators have been told.';
    return { code: 'digest_mismatch', message, event: 'checks_failed' };
  }
  return deps.verifyEvidence(request, signal);
}

/** What was pinned in the preview must still be what the outside system says. */
async function pinnedStillHolds(
  deps: ExecutorDeps,
  request: StoredRequest,
  governed: GovernedAction,
  signal: AbortSignal,
): Promise<Obstacle | null> {
  const pinned = request.preview?.pinned ?? {};
  if (Object.keys(pinned).length === 0) return null;
  const answer = await callAction(
    deps,
    request,
    governed,
    { call: 'preview', claim: null, pinned: {}, handle: {} },
    signal,
  );
  const now = answer.kind === 'answered' ? Preview.safeParse(answer.value) : null;
  if (answer.kind === 'failed' && answer.usedUp !== null)
    return { ...usedUpResult(answer.usedUp), event: 'checks_failed' };
  if (!now?.success) {
    const refusal = answer.kind === 'answered' ? RefusalSchema.safeParse(answer.value) : null;
    const message = refusal?.success
      ? refusal.data.refused
      : 'What it would act on could not be looked up again.';
    return { code: 'preview_failed', message, event: 'checks_failed' };
  }
  for (const [name, value] of Object.entries(pinned)) {
    if (now.data.pinned[name] === value) continue;
    return {
      code: 'pinned_moved',
      message: `The ${name} has moved since it was approved (${value.slice(0, 12)}). Ask for it again to approve what is there now.`,
      event: 'checks_failed',
    };
  }
  return null;
}
