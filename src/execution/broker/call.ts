/** What the broker tells whoever opened it about each call. Integers and names only; no body, no credential. */
import type { CredentialScope, EgressRule, EgressValues } from '../../action.ts';
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
  /** 1 for the first try of this call. */
  attempt: number;
  status: number;
  /** Of the body, as far as it was read. */
  responseBytes: number;
  /** Hex, over the body's bytes as given to the action, credentials masked; null where none of it was given on, as of each own call. */
  responseSha256: string | null;
  durationMs: number;
  /** The upstream sent our credential back; it was masked. */
  credentialEchoed: boolean;
  /** It answered with what is not taken (a redirect, too much, something encoded): what it did is not known from that. */
  unread?: true;
  /** A call of the broker's own (a login, a crumb, a token), beside those of the action: none of its writes, none of its budgets. */
  own?: true;
};

/** `sent` true: it had left, and what the upstream did with it is not known from this call. */
export type BrokerRefusal = {
  method: string;
  host: string;
  path: string;
  code: RefusalReason;
  detail: string | null;
  sent: boolean;
  /** The try that it happened to; 1 also where none began. */
  attempt: number;
  /** Of a call of the broker's own: what became of the action's call is told besides. */
  own?: true;
};

export type BrokerHooks = {
  /**
   * Commits the intent of a write, and checks lease and kill switch; throws an `AppError` to stop it. The write leaves only
   * after this has resolved. Asked again before each further try of a write of which nothing had left.
   */
  beforeWrite(call: BrokerCall): Promise<void>;
  /** Records a call that was answered. What it throws closes the door: what cannot be recorded does not go on. */
  afterCall(call: BrokerAnswer): Promise<void>;
  refused(refusal: BrokerRefusal): Promise<void>;
};

export type Budgets = {
  /** Calls through one door, each try and refused ones included. */
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

/** What is counted over all doors of an execution: calls, bytes of bodies, and milliseconds for which a door was open. */
export type Left = { calls: number; bytes: number; ms: number };
export type Quantity = keyof Left;

/** A token made for one door. Never the secret, nor anything made from it. */
export type MintedToken = {
  name: string;
  host: string;
  /** `owner/repo`. */
  repository: string;
  /** What came, not what was asked for. */
  permissions: Readonly<Record<string, string>>;
  /** RFC 3339; it opens nothing after this, whatever became of it. */
  expiresAt: string;
  /** False: it can do more than, or something else than was asked for; it is used for nothing. */
  exact: boolean;
};

/** What credentials that are made on demand may be made for. */
export type Minting = {
  /** What the action declares. */
  scope(values: EgressValues): CredentialScope | null;
  /** Doors of this name that only read share a token for a while: the looks of one execution. Null: never. */
  sharedBy: string | null;
  /**
   * Commits that a token is about to be asked for, and answers by which id the others name it: were this process to end now, it
   * would be known that there may be one. `permissions`: what is asked for. What it throws closes the door.
   */
  expected(token: Omit<MintedToken, 'expiresAt' | 'exact'>): Promise<string>;
  /** It was certainly not made. What it throws closes the door. */
  notMade(id: string): Promise<void>;
  /** Records a token before it is used, and keeps its secret so that only we can take it back. What it throws closes the door. */
  minted(id: string, token: MintedToken, secret: string): Promise<void>;
  /** Records that it was taken back; `failure` says why that is not certain. Must not throw. */
  revoked(id: string, token: MintedToken, failure: string | null): Promise<void>;
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
  /** What its execution has left, where that is bounded too. */
  left?: Left;
  /** Absent: nothing is made for this door, and a credential that would have to be is refused. */
  minting?: Minting;
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
