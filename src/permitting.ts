/** Whether what was approved may still run, asked at the moment of its claim. */
import { approvalsAreMet } from './approval/needs.ts';
import { approvalsOf } from './approval/requests.ts';
import { type JudgeDeps, judgeOf } from './deciding.ts';
import { type EndingDeps, endingPermitted, takesBack } from './ending.ts';
import type { Obstacle } from './execution/executor-deps.ts';
import { UNSTARTED } from './model/expiry.ts';
import type { PrincipalId } from './model/ids.ts';
import type { Json, StoredRequest } from './model/request.ts';
import type { Tx } from './store/database.ts';

export type PermittingDeps = JudgeDeps & Pick<EndingDeps, 'governed'>;

/** Policy and obligations of the moment of the claim; unmet, it does not run. */
export async function permittedNow(
  tx: Tx,
  deps: PermittingDeps,
  request: StoredRequest,
): Promise<{ obstacle: Obstacle | null; evidence: Json }> {
  const given = await takesBack(tx, deps, request);
  if (given !== null) return endingPermitted(tx, request, given);
  const decision = await deps.judging.decideAgain(tx, request);
  const evidence = decision?.evidence ?? null;
  const stop = (code: string, message: string, event: Obstacle['event'] = 'checks_failed') => ({
    obstacle: { code, message, event },
    evidence,
  });
  if (!decision) return stop('policy_denies', `${request.requester} is not in the directory any more.`);
  if (decision.code === 'kill_switch') return stop('kill_switch', decision.reasons.join(' '), 'cancelled');
  if (!decision.allowed) return stop('policy_denies', decision.reasons.join(' '));
  const approvals = await approvalsOf(tx, request);
  const counted = await currentApprovals(tx, deps, request, approvals);
  if (!approvalsAreMet(decision, counted) || !approvalsAreMet(request, counted)) {
    return stop(
      'obligations_unmet',
      'What policy asks for now is more than what was approved. Ask for it again.',
    );
  }
  const clock = await tx.one<{ over: boolean }>('select $1::timestamptz <= clock_timestamp() as over', [
    request.expiresAt,
  ]);
  if (clock.over) return stop(UNSTARTED.code, UNSTARTED.message, 'expired');
  return { obstacle: null, evidence };
}

/** Approvals of people who may still approve, with the groups they have now. */
async function currentApprovals(
  tx: Tx,
  deps: JudgeDeps,
  request: StoredRequest,
  approvals: readonly { approver: PrincipalId }[],
) {
  const counted: { approver: PrincipalId; groups: string[] }[] = [];
  for (const { approver } of approvals) {
    const verdict = await judgeOf(deps).mayApprove(tx, approver, request);
    if (verdict.allowed) counted.push({ approver, groups: verdict.groups });
  }
  return counted;
}
