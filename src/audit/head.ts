/** The end of the log as the database has it: rebuilt at a take-over, extended in one transaction a batch. */
import { AppError } from '../errors.ts';
import type { Database, Sql, Tx } from '../store/database.ts';
import type { Head, Leaf } from './batch.ts';
import { appendLeaf, EMPTY_FRONTIER, rootOf, ZERO_HASH } from './merkle.ts';
import { formatCheckpoint, openCheckpoint, type Signer, signNote } from './note.ts';

export const CHECKPOINT_CHANNEL = 'checkpoint';
/** Rows a query: a few megabytes. */
const PAGE_SIZE = 10_000;

export type StoredCheckpoint = { size: number; root: Buffer; note: string };

export async function newestCheckpoint(sql: Sql): Promise<StoredCheckpoint | null> {
  return sql.maybe<StoredCheckpoint>(
    'SELECT size, root, note FROM audit_checkpoints ORDER BY size DESC LIMIT 1',
  );
}

function broken(what: string): AppError {
  return new AppError(
    'audit_broken',
    `The audit log was changed: ${what}. Run: npx countersign audit verify`,
  );
}

async function readHead(sql: Sql): Promise<Head> {
  let frontier = EMPTY_FRONTIER;
  let last = ZERO_HASH;
  for (;;) {
    const rows = await sql.query<{ index: number; leaf_hash: Buffer; previous: Buffer }>(
      'SELECT index, leaf_hash, previous FROM audit_leaves WHERE index >= $1 ORDER BY index LIMIT $2',
      [frontier.size, PAGE_SIZE],
    );
    for (const row of rows) {
      if (row.index !== frontier.size || !row.previous.equals(last)) {
        throw broken(`its chain breaks at entry ${frontier.size}`);
      }
      frontier = appendLeaf(frontier, row.leaf_hash);
      last = row.leaf_hash;
    }
    if (rows.length < PAGE_SIZE) return { frontier, last };
  }
}

/**
 * Where the log ends, from its leaves. Throws `AppError('audit_broken')` when they do not add up to the newest
 * signed checkpoint: a tree that somebody changed must not be signed again.
 */
export async function loadHead(sql: Sql, signer: Signer): Promise<Head> {
  const head = await readHead(sql);
  const newest = await newestCheckpoint(sql);
  if (newest === null) {
    if (head.frontier.size === 0) return head;
    throw broken('it has entries and no checkpoint');
  }
  const opened = openCheckpoint(newest.note, [signer]);
  // After a change of AUDIT_SIGNING_KEY the newest checkpoint is still the old key's: its numbers have to do.
  if (
    opened.kind === 'unreadable' ||
    (opened.kind === 'bad_signature' && opened.checkpoint.origin === signer.name)
  ) {
    throw broken('its newest checkpoint is not one that we signed');
  }
  if (
    opened.checkpoint.size !== head.frontier.size ||
    !opened.checkpoint.root.equals(rootOf(head.frontier))
  ) {
    throw broken(`its entries do not add up to the checkpoint of ${opened.checkpoint.size}`);
  }
  return head;
}

/** What a fenced leader sees: another one has taken this index, or this entry. */
export function isFenced(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505';
}

async function insertLeaves(tx: Tx, leaves: readonly Leaf[]): Promise<void> {
  await tx.query(
    `INSERT INTO audit_leaves (index, entry_id, leaf_hash, previous)
     SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bytea[], $4::bytea[])`,
    [
      leaves.map((leaf) => leaf.index),
      leaves.map((leaf) => leaf.entryId),
      leaves.map((leaf) => leaf.leafHash),
      leaves.map((leaf) => leaf.previous),
    ],
  );
}

/** Leaves and their signed checkpoint, together or not at all; whoever waits hears of it at commit. */
export async function commitBatch(
  db: Database,
  head: Head,
  leaves: readonly Leaf[],
  signer: Signer,
): Promise<StoredCheckpoint> {
  const [size, root] = [head.frontier.size, rootOf(head.frontier)];
  const note = signNote(formatCheckpoint({ origin: signer.name, size, root }), signer);
  await db.transaction(async (tx) => {
    await insertLeaves(tx, leaves);
    await tx.query(
      `WITH signed AS (INSERT INTO audit_checkpoints (size, root, note) VALUES ($1, $2, $3) RETURNING size)
       SELECT pg_notify($4, size::text) FROM signed`,
      [size, root, note, CHECKPOINT_CHANNEL],
    );
  });
  return { size, root, note };
}
