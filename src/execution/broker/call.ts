/** What the broker tells whoever opened it about each call. Integers and names only; no body, no credential. */
import type { EgressRule, EgressValues } from '../../action.ts';
import type { Effect } from '../../model/request.ts';
import type { RefusalReason } from './refusal.ts';

/** A call that met its declaration. */
export type BrokerCall = {
  method: string;
  host: string;
  path: string;
  effect: Effect;
  requestBytes: number;
  /** Hex, over the body's bytes as sent; of the empty string where there is none. */
  requestSha256: string;
};

export type BrokerAnswer = BrokerCall & {
  status: number;
  responseBytes: number;
  /** Hex, over the body's bytes as given to the action, credentials masked. */
  responseSha256: string;
  durationMs: number;
  /** The upstream sent our credential back; it was masked. */
  credentialEchoed: boolean;
};

/** `sent` true: it had left, and what the upstream did with it is not known from this call. */
export type BrokerRefusal = {
  method: string;
  host: string;
  path: string;
  code: RefusalReason;
  detail: string | null;
  sent: boolean;
};

export type BrokerHooks = {
  /**
   * Commits the intent of a write, and checks lease and kill switch; throws an `AppError` to stop it. The write leaves only
   * after this has resolved.
   */
  beforeWrite(call: BrokerCall): Promise<void>;
  /** Records a call that was answered. What it throws closes the door: what cannot be recorded does not go on. */
  afterCall(call: BrokerAnswer): Promise<void>;
  refused(refusal: BrokerRefusal): Promise<void>;
};

export type Budgets = {
  /** Calls of one execution, refused ones included. */
  calls: number;
  /** Body of one request, of one answer, and all bodies together, in bytes. */
  requestBytes: number;
  responseBytes: number;
  totalBytes: number;
  /** One call, and the whole time the door is open, in milliseconds. */
  callMs: number;
  totalMs: number;
};

/** Ten times what the largest shipped action needs (paging through a ticket's comments). */
export const DEFAULT_BUDGETS: Budgets = {
  calls: 100,
  requestBytes: 256 * 1024,
  responseBytes: 4 * 1024 * 1024,
  totalBytes: 16 * 1024 * 1024,
  callMs: 20_000,
  totalMs: 120_000,
};

/** One opening of the door: one run, preview, look or reconciliation. */
export type DoorSpec = {
  rules: readonly EgressRule[];
  values: EgressValues;
  /** `read-only` refuses every write: previews, looks and reconciliations. */
  phase: 'read-only' | 'full';
  /** How many writes may leave. */
  writes: number;
  /** The only `Idempotency-Key` that passes; null or absent: none does. */
  idempotencyKey?: string | null;
  budgets?: Partial<Budgets>;
  hooks: BrokerHooks;
};

export type DoorSummary = {
  calls: number;
  writes: number;
  refused: number;
  requestBytes: number;
  responseBytes: number;
  /** A hook failed: what happened could not be recorded, or a defect. Null in the ordinary case. */
  failure: unknown;
};
