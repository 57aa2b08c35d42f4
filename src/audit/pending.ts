/**
 * Which entries have no leaf yet. Transactions commit out of order, so "everything above the last" would lose entries.
 * What can be relied on: once every transaction below a number has ended, no entry of theirs can appear any more.
 */
import type { Sql } from '../store/database.ts';

/** One batch: large enough that adopting a backlog is quick, small enough to sign several times a second. */
export const BATCH_SIZE = 1_000;

export type EntryRow = {
  id: string;
  instance: string;
  counter: number;
  body: string;
  mac: Buffer;
  type: string;
  request: string | null;
  principal: string | null;
  sealed_key: string | null;
};
export type PendingRow = EntryRow & { written_by: string };
/** A place in the order of writing; `written_by` is a transaction's number (xid8) in decimal. */
export type Cursor = { written_by: string; instance: string; counter: number };

const NO_INSTANCE = '00000000-0000-0000-0000-000000000000';

/** Before everything that the transactions from this number on have written. */
export function cursorAt(lowWater: string): Cursor {
  return { written_by: lowWater, instance: NO_INSTANCE, counter: -1 };
}
/** Before everything ever written. */
export const FROM_THE_START = '0';

/** Every transaction below this number has ended. Ask it before looking, never after. */
export async function lowWaterMark(sql: Sql): Promise<string> {
  const row = await sql.one<{ low: string }>('SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS low');
  return row.low;
}

/** The next entries without a leaf after `cursor`, in the order of writing, at most `BATCH_SIZE`. */
export async function pendingPage(sql: Sql, cursor: Cursor): Promise<PendingRow[]> {
  return sql.query<PendingRow>(
    `SELECT e.id, e.instance, e.counter, e.body, e.mac, e.type, e.request, e.principal, e.sealed_key,
            e.written_by::text AS written_by
       FROM audit_entries e
      WHERE (e.written_by, e.instance, e.counter) > ($1::xid8, $2::uuid, $3::bigint)
        AND NOT EXISTS (SELECT FROM audit_leaves l WHERE l.entry_id = e.id)
      ORDER BY e.written_by, e.instance, e.counter
      LIMIT ${BATCH_SIZE}`,
    [cursor.written_by, cursor.instance, cursor.counter],
  );
}

/** Which of these entries still exist and have no leaf. */
export async function withoutLeaf(sql: Sql, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await sql.query<{ id: string }>(
    `SELECT e.id FROM audit_entries e
      WHERE e.id = ANY($1::uuid[]) AND NOT EXISTS (SELECT FROM audit_leaves l WHERE l.entry_id = e.id)`,
    [ids],
  );
  return rows.map((row) => row.id);
}
