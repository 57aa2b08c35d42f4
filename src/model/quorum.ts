import type { ApprovalNeed } from './request.ts';

/** Somebody who could count, and the groups that they could count for. */
export type Countersigner = { id: string; groups: readonly string[] };

/**
 * How many of each need these people fill, each person counting once in the whole request.
 * A maximum matching (augmenting paths): a person in two groups is moved to where they are missing.
 * The answer has one number per need, in the order given.
 */
export function fillNeeds(needs: readonly ApprovalNeed[], people: readonly Countersigner[]): number[] {
  const slots = needs.flatMap((need, index) => Array.from({ length: need.quorum }, () => ({ need, index })));
  const holder = new Map<number, string>();
  const byId = new Map(people.map((person) => [person.id, person]));

  const place = (id: string, tried: Set<number>): boolean => {
    const person = byId.get(id);
    if (!person) return false;
    for (const [slot, { need }] of slots.entries()) {
      if (tried.has(slot) || !(need.group === null || person.groups.includes(need.group))) continue;
      tried.add(slot);
      const current = holder.get(slot);
      if (current === undefined || place(current, tried)) {
        holder.set(slot, id);
        return true;
      }
    }
    return false;
  };

  for (const id of byId.keys()) place(id, new Set());
  const filled = needs.map(() => 0);
  for (const slot of holder.keys()) filled[slots[slot]!.index]! += 1;
  return filled;
}

/** Whether this person would fill something that those who are there leave missing. */
export function wouldAdd(
  needs: readonly ApprovalNeed[],
  given: readonly Countersigner[],
  person: Countersigner,
): boolean {
  if (given.some(({ id }) => id === person.id)) return false;
  const filled = (people: readonly Countersigner[]): number =>
    fillNeeds(needs, people).reduce((sum, count) => sum + count, 0);
  return filled([...given, person]) > filled(given);
}

/** Whether every need has its quorum. */
export function needsAreMet(needs: readonly ApprovalNeed[], people: readonly Countersigner[]): boolean {
  const filled = fillNeeds(needs, people);
  return needs.every((need, index) => filled[index]! >= need.quorum);
}
