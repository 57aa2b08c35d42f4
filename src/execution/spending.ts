/**
 * What an execution may ask of outside systems as a whole, and what it has asked already. Each door has its budgets; an execution
 * opens several, again after every crash and at every look. So they are counted together, in the transaction of each call's entry:
 * the number is what the log says, and neither a restart nor another executor begins anew.
 */
import type { RequestId } from '../model/ids.ts';
import type { Result } from '../model/request.ts';
import type { Sql, Tx } from '../store/database.ts';
import { DEFAULT_BUDGETS, type Left, type Quantity } from './broker/call.ts';

/** `run`: all that is asked for an execution from its start until it is known whether it happened. `looks`: how it goes on. */
export type Share = 'run' | 'looks';

/**
 * How many full doors each share is worth. An undisturbed run opens four at most: what was pinned is looked up again, it
 * runs, runs once more with its key, is looked for. Looks come some 1,750 times in the first day and 1,440 in each that follows
 * (`look-pause.ts`), with two to five calls each: 100,000 calls are a week of five, and 35 days, the longest that GitHub lets a
 * run live, of two.
 */
const DOORS: Readonly<Record<Share, number>> = { run: 4, looks: 1_000 };

export function limitsOf(share: Share): Left {
  const { calls, totalBytes, totalMs } = DEFAULT_BUDGETS;
  const doors = DOORS[share];
  return { calls: doors * calls, bytes: doors * totalBytes, ms: doors * totalMs };
}

/** What is left of a share. Two doors of one execution at the same time both see it: one door too many, once, at most. */
export async function leftOf(sql: Sql, request: RequestId, share: Share): Promise<Left> {
  const spent = await sql.maybe<Left>(
    `select calls, bytes::float8 as bytes, ms::float8 as ms from spending where request = $1 and share = $2`,
    [request, share],
  );
  const limits = limitsOf(share);
  if (!spent) return limits;
  return { calls: limits.calls - spent.calls, bytes: limits.bytes - spent.bytes, ms: limits.ms - spent.ms };
}

const QUANTITIES = ['calls', 'bytes', 'ms'] as const satisfies readonly Quantity[];

/** What is used up; null where something of everything is left. */
export const usedUpOf = (left: Left): Quantity | null =>
  QUANTITIES.find((quantity) => left[quantity] <= 0) ?? null;

/** What a refusal's detail says was used up. */
export const quantityIn = (detail: string | null): Quantity | null =>
  QUANTITIES.find((quantity) => quantity === detail) ?? null;

/** Counts one call, in the transaction of its entry. */
export async function spend(
  tx: Tx,
  request: RequestId,
  share: Share,
  { bytes, ms }: { bytes: number; ms: number },
): Promise<void> {
  await tx.query(
    `insert into spending (request, share, calls, bytes, ms) values ($1, $2, 1, $3, $4)
     on conflict (request, share) do update set calls = spending.calls + 1,
       bytes = spending.bytes + excluded.bytes, ms = spending.ms + excluded.ms`,
    [request, share, bytes, Math.round(ms)],
  );
}

const WORDS: Readonly<Record<Quantity, string>> = { calls: 'calls', bytes: 'data', ms: 'time' };

/** "It has used up all the calls that one execution may use." */
export const usedUpInWords = (quantity: Quantity): string =>
  `It has used up all the ${WORDS[quantity]} that one execution may use with outside systems`;

export const EXECUTION_BUDGET = 'execution_budget';

/** The end of a run of which certainly nothing has left. */
export const usedUpResult = (quantity: Quantity): Result => ({
  code: EXECUTION_BUDGET,
  message: `${usedUpInWords(quantity)}, and nothing was changed there. Ask for it again; if it ends like this once more, tell an operator.`,
});
