/** One decision out of those for several people who ask for the same thing. Pure. */
import type { Decision } from '../model/decision.ts';
import type { ApprovalNeed, IsolationLevel, Obligations } from '../model/request.ts';

/** Strongest first: the stronger of two is the one that stands earlier. */
const STRENGTH: readonly IsolationLevel[] = ['kernel', 'kernel-lite', 'process', 'none'];

/** Permitted only where every one is; then with everything that any of them obliges to. Null for nobody. */
export function joinDecisions(decisions: readonly Decision[]): Decision | null {
  const [first, ...others] = decisions;
  if (first === undefined) return null;
  const denied = decisions.find((decision) => !decision.allowed);
  if (denied) return denied;
  if (others.length === 0) return first;
  return {
    allowed: true,
    code: first.code,
    policies: union(decisions.map((decision) => decision.policies)),
    reasons: union(decisions.map((decision) => decision.reasons)),
    obligations: decisions.map((decision) => decision.obligations).reduce(joinObligations),
    evidence: decisions.map((decision) => decision.evidence),
  };
}

/** The stricter of each part; of approvals, the larger quorum of each group. */
export function joinObligations(one: Obligations, other: Obligations): Obligations {
  return {
    approvals: joinApprovals(one.approvals, other.approvals),
    stepup: one.stepup ?? other.stepup,
    isolation: stronger(one.isolation, other.isolation),
    expiresSeconds: Math.min(one.expiresSeconds, other.expiresSeconds),
  };
}

function joinApprovals(one: readonly ApprovalNeed[], other: readonly ApprovalNeed[]): ApprovalNeed[] {
  const quorums = new Map<string | null, number>();
  for (const { group, quorum } of [...one, ...other])
    quorums.set(group, Math.max(quorum, quorums.get(group) ?? 0));
  return [...quorums].map(([group, quorum]) => ({ group, quorum }));
}

function stronger(one: IsolationLevel | null, other: IsolationLevel | null): IsolationLevel | null {
  if (one === null || other === null) return one ?? other;
  return STRENGTH.indexOf(one) <= STRENGTH.indexOf(other) ? one : other;
}

const union = (lists: readonly string[][]): string[] => [...new Set(lists.flat())];
