/** No effect without evidence: waiting until a signed checkpoint covers given entries. */
import { AppError } from '../errors.ts';
import type { Database, Sql } from '../store/database.ts';
import { CHECKPOINT_CHANNEL, type StoredCheckpoint } from './head.ts';
import { createWaiter } from './waiter.ts';

/** The net under NOTIFY. */
const POLL_MS = 500;

/** The oldest checkpoint that covers all of these entries; null while there is none. */
export async function coveringCheckpoint(
  sql: Sql,
  entryIds: readonly string[],
): Promise<StoredCheckpoint | null> {
  const ids = [...new Set(entryIds)];
  return sql.maybe<StoredCheckpoint>(
    `WITH placed AS (SELECT count(*) AS found, max(index) AS last FROM audit_leaves WHERE entry_id = ANY($1::uuid[]))
     SELECT c.size, c.root, c.note FROM audit_checkpoints c, placed p
      WHERE p.found = $2 AND c.size > p.last ORDER BY c.size LIMIT 1`,
    [ids, ids.length],
  );
}

/**
 * Resolves with the checkpoint once one covers all of `entryIds` (at least one). Throws
 * `AppError('audit_unwritable')` after `timeoutMs`, or when `signal` ends the wait.
 */
export async function untilCovered(options: {
  db: Database;
  entryIds: readonly string[];
  timeoutMs: number;
  signal?: AbortSignal;
}): Promise<StoredCheckpoint> {
  const { db, entryIds, timeoutMs, signal } = options;
  const waiter = createWaiter();
  const deadline = performance.now() + timeoutMs;
  const abort = () => waiter.stop();
  signal?.addEventListener('abort', abort, { once: true });
  // Listening comes first: a checkpoint between looking and listening would be missed.
  const stopListening = await db.listen(CHECKPOINT_CHANNEL, () => waiter.wake());
  try {
    for (;;) {
      const checkpoint = await coveringCheckpoint(db, entryIds);
      if (checkpoint !== null) return checkpoint;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0 || signal?.aborted) {
        throw new AppError('audit_unwritable', 'No signed checkpoint covers what was just recorded.');
      }
      await waiter.wait(Math.min(leftMs, POLL_MS), { wakeable: true });
    }
  } finally {
    signal?.removeEventListener('abort', abort);
    await stopListening();
  }
}
