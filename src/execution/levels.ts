import type { IsolationLevel, Obligations, Risk } from '../model/request.ts';

const STRENGTH: Record<IsolationLevel, number> = { none: 0, process: 1, 'kernel-lite': 2, kernel: 3 };

/**
 * The least isolation for a run. Policy may ask for more; `process` is accepted only where the operator said so,
 * and never for high risk.
 */
export function leastLevel(
  risk: Risk,
  obligations: Pick<Obligations, 'isolation'>,
  accept: { process: boolean },
): IsolationLevel {
  const byRisk: IsolationLevel = accept.process && risk !== 'high' ? 'process' : 'kernel-lite';
  const byPolicy = obligations.isolation;
  return byPolicy !== null && STRENGTH[byPolicy] > STRENGTH[byRisk] ? byPolicy : byRisk;
}

/** Whether the level that was established is enough. */
export function isEnough(established: IsolationLevel, least: IsolationLevel): boolean {
  return STRENGTH[established] >= STRENGTH[least];
}

export const weakerOf = (one: IsolationLevel, other: IsolationLevel): IsolationLevel =>
  isEnough(one, other) ? other : one;
