/** From entries as written to leaves in order: checked, sorted, chained, hashed. Pure. */
import { AppError } from '../errors.ts';
import { parseStrict } from './canonical.ts';
import { Body, hashEntry, placeEntry } from './entry.ts';
import { isMacGood } from './mac.ts';
import { appendLeaf, type Frontier } from './merkle.ts';
import type { EntryRow } from './pending.ts';

/** Where the log ends: its tree and the leaf hash of its last entry. */
export type Head = { frontier: Frontier; last: Buffer };
export type Leaf = { index: number; entryId: string; leafHash: Buffer; previous: Buffer };
export type RejectReason = 'mac' | 'shape' | 'columns';
export type Rejected = { id: string; reason: RejectReason };

/** The copies that entries are found by must say what the body says, or a proof would leave an entry out. */
function columnsAgree(row: EntryRow, body: Body): boolean {
  return (
    row.id === body.id &&
    row.type === body.type &&
    row.request === (body.request ?? null) &&
    row.principal === (body.principal ?? null) &&
    row.sealed_key === (body.sealed?.key ?? null)
  );
}

/** An entry as written, or why it is none of ours. The database is untrusted; without `macKey` the MAC is not checked. */
export function readEntry(
  row: EntryRow,
  macKey: Buffer | null,
): { ok: true; body: Body } | { ok: false; reason: RejectReason } {
  if (macKey !== null && !isMacGood(macKey, row, row.mac)) return { ok: false, reason: 'mac' };
  let parsed: unknown;
  try {
    parsed = parseStrict(row.body);
  } catch (error) {
    if (error instanceof AppError) return { ok: false, reason: 'shape' };
    throw error;
  }
  const body = Body.safeParse(parsed);
  if (!body.success) return { ok: false, reason: 'shape' };
  return columnsAgree(row, body.data) ? { ok: true, body: parsed as Body } : { ok: false, reason: 'columns' };
}

type Accepted = { row: EntryRow; body: Body };

/** By the writer's clock, then by writer and its own count: the same entries give the same order everywhere. */
function inOrder(a: Accepted, b: Accepted): number {
  if (a.body.time !== b.body.time) return a.body.time < b.body.time ? -1 : 1;
  if (a.row.instance !== b.row.instance) return a.row.instance < b.row.instance ? -1 : 1;
  return a.row.counter - b.row.counter;
}

/** Extends the log by what is good in `rows`; the rest is named and stays outside. */
export function assembleBatch(
  head: Head,
  rows: readonly EntryRow[],
  macKey: Buffer,
): { head: Head; leaves: Leaf[]; rejected: Rejected[] } {
  const accepted: Accepted[] = [];
  const rejected: Rejected[] = [];
  for (const row of rows) {
    const read = readEntry(row, macKey);
    if (read.ok) accepted.push({ row, body: read.body });
    else rejected.push({ id: row.id, reason: read.reason });
  }
  accepted.sort(inOrder);
  let { frontier, last } = head;
  const leaves = accepted.map(({ row, body }): Leaf => {
    const index = frontier.size;
    const previous = last;
    const leafHash = hashEntry(placeEntry(body, index, previous));
    frontier = appendLeaf(frontier, leafHash);
    last = leafHash;
    return { index, entryId: row.id, leafHash, previous };
  });
  return { head: { frontier, last }, leaves, rejected };
}
