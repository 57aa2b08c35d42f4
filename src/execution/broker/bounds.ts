/** What bounds a door: its own budgets, or less, where its execution has less left. Pure. */
import type { Budgets, Left, Quantity } from './call.ts';
import { EgressRefused, type RefusalReason } from './refusal.ts';

/** `refusal`: what is said once it is used up, and whose budget that was. */
export type Bound = { atMost: number; refusal(): EgressRefused };

const REASONS = {
  calls: 'call_budget',
  bytes: 'byte_budget',
  ms: 'time_budget',
} as const satisfies Record<Quantity, RefusalReason>;

export function boundsOf(
  { calls, totalBytes, totalMs }: Budgets,
  left: Left | undefined,
): Record<Quantity, Bound> {
  const own: Left = { calls, bytes: totalBytes, ms: totalMs };
  const bound = (quantity: Quantity): Bound =>
    left === undefined || own[quantity] <= left[quantity]
      ? { atMost: own[quantity], refusal: () => new EgressRefused(REASONS[quantity]) }
      : { atMost: left[quantity], refusal: () => new EgressRefused('execution_budget', quantity) };
  return { calls: bound('calls'), bytes: bound('bytes'), ms: bound('ms') };
}
