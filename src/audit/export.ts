/** The log as JSON Lines, and pages of it for people: read in order, cut exactly at a signed checkpoint. */
import { AppError } from '../errors.ts';
import type { PrincipalId } from '../model/ids.ts';
import type { Database, Sql } from '../store/database.ts';
import { canonical } from './canonical.ts';
import { untilCovered } from './cover.ts';
import { type Entry, placeEntry } from './entry.ts';
import type { StoredCheckpoint } from './head.ts';
import type { AuditLog } from './log.ts';
import type { Passed } from './sequencer.ts';

/** Rows a query: some megabytes at most. */
const PAGE_SIZE = 1_000;
/** Far beyond what one batch takes. */
const COVER_TIMEOUT_MS = 30_000;

export type Placed = { index: number; leafHash: string; entry: Entry };
type Row = { index: number; leaf_hash: Buffer; previous: Buffer; body: string };

const SELECT_PLACED = `SELECT l.index, l.leaf_hash, l.previous, e.body
  FROM audit_leaves l JOIN audit_entries e ON e.id = l.entry_id`;

function toPlaced(row: Row): Placed {
  const entry = placeEntry(JSON.parse(row.body), row.index, row.previous) as Entry;
  return { index: row.index, leafHash: row.leaf_hash.toString('hex'), entry };
}

/** Entries `from` (included) to `to` (excluded), in order. */
export async function* readPlaced(sql: Sql, from: number, to: number): AsyncGenerator<Placed> {
  for (let next = from; next < to; ) {
    const until = Math.min(to, next + PAGE_SIZE);
    const rows = await sql.query<Row>(
      `${SELECT_PLACED} WHERE l.index >= $1 AND l.index < $2 ORDER BY l.index`,
      [next, until],
    );
    for (const row of rows) yield toPlaced(row);
    next = until;
  }
}

/** All entries of one request that have their place, in order. */
export async function readRequest(sql: Sql, request: string): Promise<Placed[]> {
  const rows = await sql.query<Row>(`${SELECT_PLACED} WHERE e.request = $1 ORDER BY l.index`, [request]);
  return rows.map(toPlaced);
}

/** One line of an export, without its line feed. */
export function toLine(placed: Placed): string {
  return `{"index":${placed.index},"leafHash":"${placed.leafHash}","entry":${canonical(placed.entry)}}`;
}

/** An instant as entries write it. Throws `AppError('usage')`. */
export function parseInstant(name: string, text: string): string {
  const isDate = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const instant = isDate ? new Date(text) : null;
  if (instant === null || Number.isNaN(instant.getTime())) {
    throw new AppError('usage', `${name} is a time like 2026-11-21T08:00:00Z, or a date.`);
  }
  return instant.toISOString();
}

/** The contiguous range that spans the window; clocks differ, so times within need not rise. Null: nothing in it. */
async function rangeOf(
  sql: Sql,
  window: { since: string | null; until: string | null },
  size: number,
): Promise<{ from: number; to: number } | null> {
  if (window.since === null && window.until === null) return { from: 0, to: size };
  const { since, until } = window;
  let from: number | null = null;
  let to = 0;
  for await (const { index, entry } of readPlaced(sql, 0, size)) {
    if ((since !== null && entry.time < since) || (until !== null && entry.time > until)) continue;
    from ??= index;
    to = index + 1;
  }
  return from === null ? null : { from, to };
}

export type ExportOptions = {
  db: Database;
  log: AuditLog;
  /** Sequences what waits where no sequencer runs; the one of `sequencer.runOnce`. */
  sequence: () => Promise<Passed>;
  /** Instants as `parseInstant` gives them. */
  since: string | null;
  until: string | null;
  /** Who reads: a person of the directory, or an operating-system account. */
  reader: { principal: PrincipalId } | { account: string };
};

/**
 * Commits its own `audit.read` entry, waits until a signed checkpoint covers it, and then gives the log exactly
 * up to that checkpoint, or the part that spans the window. Throws `AppError('audit_unwritable')`.
 */
export async function exportLog(
  options: ExportOptions,
): Promise<{ checkpoint: StoredCheckpoint; entries: AsyncIterable<Placed> }> {
  const { db, log, sequence, since, until, reader } = options;
  const who = 'principal' in reader ? { principal: reader.principal } : {};
  const account = 'account' in reader ? { account: reader.account } : {};
  const data = { what: 'export', since, until, ...account };
  const { id } = await db.transaction((tx) => log.append(tx, { type: 'audit.read', ...who, data }));
  await sequence();
  const checkpoint = await untilCovered({ db, entryIds: [id], timeoutMs: COVER_TIMEOUT_MS });
  const range = await rangeOf(db, { since, until }, checkpoint.size);
  return { checkpoint, entries: range === null ? nothing() : readPlaced(db, range.from, range.to) };
}

async function* nothing(): AsyncGenerator<Placed> {
  // An empty window: there is no line to give.
}
