/** Every way of giving people to needs, tried: slow, and plainly right. */
import type { ApprovalNeed } from '../../src/model/request.ts';

type Person = { id: string; groups: readonly string[] };

/** The most slots that can be filled at once, each person in at most one. */
export function mostFilled(needs: readonly ApprovalNeed[], people: readonly Person[]): number {
  const [first, ...rest] = people;
  if (!first) return 0;
  let best = mostFilled(needs, rest);
  for (const [index, need] of needs.entries()) {
    if (need.quorum === 0 || (need.group !== null && !first.groups.includes(need.group))) continue;
    const left = needs.map((it, at) => (at === index ? { ...it, quorum: it.quorum - 1 } : it));
    best = Math.max(best, 1 + mostFilled(left, rest));
  }
  return best;
}

export function fillsEveryNeed(needs: readonly ApprovalNeed[], people: readonly Person[]): boolean {
  return mostFilled(needs, people) === needs.reduce((sum, need) => sum + need.quorum, 0);
}
