/** What the executor asks of the rest, which knows policy, approvals, cards and the queue. */
import type { GovernedAction } from '../action.ts';
import type { PrincipalId, RequestId } from '../model/ids.ts';
import type { IsolationLevel, Json, Result, StoredRequest } from '../model/request.ts';
import type { Sql, Tx } from '../store/database.ts';
import type { AttemptDeps } from './attempt.ts';
import type { Claim } from './lease.ts';

/** Why an approved request does not run after all; `code` is what `result.code` says. */
export type Obstacle = { code: string; message: string; event: 'checks_failed' | 'cancelled' | 'expired' };

export type ExecutorDeps = AttemptDeps & {
  /** The level that the self-attack established for all that this action starts, and whether `process` is accepted. */
  isolation(governed: GovernedAction): { level: IsolationLevel; acceptProcess: boolean };
  governed(action: string): GovernedAction | null;
  nameOf(principal: PrincipalId): Promise<string>;
  /** Keyed mark of an execution, for `reconcile`. */
  markOf(execution: string): string;
  find(sql: Sql, id: RequestId): Promise<StoredRequest | null>;
  /** Digest recomputed, approvals and confirmation verified and covered by a signed checkpoint. */
  verifyEvidence(request: StoredRequest, signal: AbortSignal): Promise<Obstacle | null>;
  /** Policy, groups and obligations of this moment, inside the claim's transaction. */
  permittedNow(tx: Tx, request: StoredRequest): Promise<{ obstacle: Obstacle | null; evidence: Json }>;
  /** Ends an approved request that does not run. */
  stop(tx: Tx, request: StoredRequest, obstacle: Obstacle): Promise<void>;
  /** Everything that belongs to a start or an end in the same transaction: entries, cards, replies. */
  started(tx: Tx, request: StoredRequest, claim: Claim, evidence: Json): Promise<void>;
  finished(
    tx: Tx,
    request: StoredRequest,
    state: 'succeeded' | 'failed' | 'unknown',
    result: Result,
  ): Promise<void>;
  progressed(request: StoredRequest): Promise<void>;
  /** Queues the next look. */
  lookAgain(tx: Tx, request: RequestId, afterSeconds: number): Promise<void>;
};
