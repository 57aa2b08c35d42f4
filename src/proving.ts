/** The proof that a page shows: the whole log, verified at the newest checkpoint. */
import { newestCheckpoint, type StoredCheckpoint } from './audit/head.ts';
import type { AuditKeys } from './audit/keys.ts';
import { verifyDatabase } from './audit/verify-database.ts';
import type { ProofStatus } from './model/ports.ts';
import type { Database } from './store/database.ts';

export type ProvingDeps = {
  db: Database;
  keys: Pick<AuditKeys, 'signer' | 'macKey'>;
  /** The signed checkpoints as kept outside of the database. */
  notes(): Promise<string[]>;
};

/** A verification of the whole log is good until the next checkpoint, or this long. */
const PROOF_FRESH_MS = 60_000;

/** Errors: whatever keeps the log from being read; a log that does not verify is an answer. */
export function createProving(deps: ProvingDeps): () => Promise<ProofStatus> {
  let proven: { at: number; note: string; status: Promise<ProofStatus> } | null = null;
  /** The whole log, recomputed; kept until the next checkpoint so that a page that is reloaded does not repeat it. */
  const verifyNow = async (newest: StoredCheckpoint): Promise<ProofStatus> => {
    const notes = await deps.notes();
    const found = await verifyDatabase({
      sql: deps.db,
      keys: [deps.keys.signer],
      notes,
      macKey: deps.keys.macKey,
    });
    return found.ok
      ? { verified: true, size: newest.size, root: newest.root.toString('base64'), checkpoint: newest.note }
      : { verified: false, problem: found.problems[0]?.message ?? 'The log does not verify.' };
  };

  return async () => {
    const newest = await newestCheckpoint(deps.db);
    if (!newest) return { verified: false, problem: 'There is no signed checkpoint yet.' };
    const isFresh = proven?.note === newest.note && performance.now() - proven.at < PROOF_FRESH_MS;
    // Everybody who looks at the same checkpoint shares one verification.
    if (!isFresh) proven = { at: performance.now(), note: newest.note, status: verifyNow(newest) };
    const current = proven;
    return current!.status.catch((error: unknown) => {
      if (proven === current) proven = null;
      throw error;
    });
  };
}
