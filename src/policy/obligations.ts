/** What must be met, merged from every permit that applies. Pure. */
import type { Effect, Obligations } from '../model/request.ts';
import { type Asked, DEFAULT_EXPIRY_SECONDS } from './annotations.ts';

/** Strongest first; the strictest of all permits holds. */
const LEVELS = ['kernel', 'kernel-lite', 'process'] as const;

/**
 * All permits that apply count: each named group with the highest quorum asked of it, `none` yields to any
 * group, the shortest expiry, any step-up, the strongest isolation. The order of permits does not matter.
 * A read needs nobody's approval. A write that fetched content may have shaped needs a second person
 * wherever its risk is not low, whatever the permits say.
 */
export function mergeObligations(
  asked: readonly Asked[],
  facts: { effect: Effect; tainted: boolean; risk: 'low' | 'medium' | 'high' },
): Obligations {
  const quorums = new Map<string, number>();
  for (const { approval, quorum } of asked) {
    if (approval.kind !== 'group') continue;
    quorums.set(approval.group, Math.max(quorum, quorums.get(approval.group) ?? 0));
  }
  const groups = [...quorums].sort(([a], [b]) => (a < b ? -1 : 1));
  const named = groups.map(([group, quorum]) => ({ group, quorum }));
  const secondPerson = facts.tainted && facts.risk !== 'low' && named.length === 0;
  const expiries = asked.flatMap((one) => one.expiresSeconds ?? []);
  return {
    approvals: facts.effect === 'read' ? [] : secondPerson ? [{ group: null, quorum: 1 }] : named,
    stepup: asked.some((one) => one.stepup === 'passkey') ? 'passkey' : null,
    isolation: LEVELS.find((level) => asked.some((one) => one.isolation === level)) ?? null,
    expiresSeconds: expiries.length === 0 ? DEFAULT_EXPIRY_SECONDS : Math.min(...expiries),
  };
}
