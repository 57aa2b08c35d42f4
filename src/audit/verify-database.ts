/** Checks the log in the database: bodies, MACs, chain, tree, every signed checkpoint here and every one that left the house. */
import type { Sql } from '../store/database.ts';
import { readEntry } from './batch.ts';
import { canonicalBytes, parseStrict } from './canonical.ts';
import { type Chain, createChain } from './chain.ts';
import { createRootCheck, openAll, type RootCheck } from './checkpoints.ts';
import { placeEntry } from './entry.ts';
import { newestCheckpoint } from './head.ts';
import { appendLeaf, EMPTY_FRONTIER, type Frontier, leafHash, rootOf, ZERO_HASH } from './merkle.ts';
import { openCheckpoint, type Verifier } from './note.ts';
import { cursorAt, type EntryRow, FROM_THE_START, pendingPage } from './pending.ts';
import { conclude, type Verification } from './verify.ts';

/** Rows a query: some megabytes at most. */
const PAGE_SIZE = 2_000;
/** How far from its place an entry is looked for, and for how many entries: enough to tell moved from changed. */
const REACH = 1_000;
const SEARCHES = 20;

type Row = { [K in keyof EntryRow]: EntryRow[K] | null } & {
  index: number;
  leaf_hash: Buffer;
  previous: Buffer;
};

const isPresent = (row: Row): row is Row & EntryRow => row.body !== null && row.mac !== null;

function parseBody(text: string): object | null {
  try {
    const value = parseStrict(text);
    return typeof value === 'object' && value !== null ? value : null;
  } catch {
    // Any text that does not parse is the same finding: this entry has no hash.
    return null;
  }
}

/** Finds the place for which an entry was hashed: rows that were moved as a whole still tell it. */
function createLocator() {
  let shift = 0;
  let searches = SEARCHES;
  const hashAt = (body: object, index: number, previous: Buffer) =>
    leafHash(canonicalBytes(placeEntry(body, index, previous)));
  return function locate(body: object, row: Row): { index: number; computed: Buffer } {
    const matches = (index: number) => index >= 0 && hashAt(body, index, row.previous).equals(row.leaf_hash);
    if (matches(row.index)) return { index: row.index, computed: row.leaf_hash };
    if (shift !== 0 && matches(row.index + shift))
      return { index: row.index + shift, computed: row.leaf_hash };
    if (searches > 0) {
      searches -= 1;
      for (let distance = 1; distance <= REACH; distance++) {
        const found = [-distance, distance].find((offset) => matches(row.index + offset));
        if (found === undefined) continue;
        shift = found;
        return { index: row.index + found, computed: row.leaf_hash };
      }
    }
    return { index: row.index, computed: hashAt(body, row.index, row.previous) };
  };
}

async function readPage(sql: Sql, from: number, to: number): Promise<Row[]> {
  return sql.query<Row>(
    `SELECT l.index, l.leaf_hash, l.previous, e.id, e.instance, e.counter, e.body, e.mac, e.type, e.request, e.principal,
            e.sealed_key
       FROM audit_leaves l LEFT JOIN audit_entries e ON e.id = l.entry_id
      WHERE l.index >= $1 AND l.index < $2 ORDER BY l.index`,
    [from, to],
  );
}

/** Checkpoints of the database with sizes in this page, each compared with its own columns. */
async function addCheckpoints(
  sql: Sql,
  page: { from: number; to: number },
  keys: readonly Verifier[],
  chain: Chain,
  roots: RootCheck,
): Promise<void> {
  const rows = await sql.query<{ size: number; root: Buffer; note: string }>(
    'SELECT size, root, note FROM audit_checkpoints WHERE size > $1 AND size <= $2 ORDER BY size',
    [page.from, page.to],
  );
  for (const row of rows) {
    const opened = openCheckpoint(row.note, keys);
    if (opened.kind !== 'good') continue;
    if (opened.checkpoint.size !== row.size || !opened.checkpoint.root.equals(row.root)) {
      const message = `The checkpoint of ${row.size} entries is stored under numbers that it does not hold.`;
      chain.report({ kind: 'checkpoint_mismatch', index: null, message });
    }
  }
  roots.add(
    openAll(
      rows.map((row) => row.note),
      keys,
      chain,
    ),
  );
}

/** What waits for a place is no problem, unless none of our processes wrote it. */
async function checkPending(sql: Sql, macKey: Buffer | null, chain: Chain): Promise<number> {
  let cursor = cursorAt(FROM_THE_START);
  let pending = 0;
  for (;;) {
    const rows = await pendingPage(sql, cursor);
    const last = rows.at(-1);
    if (last === undefined) return pending;
    for (const row of rows) {
      const read = readEntry(row, macKey);
      if (read.ok) pending += 1;
      else
        chain.report({
          kind: 'inserted',
          index: null,
          message: `Entry ${row.id} has no place, and was not written by us.`,
        });
    }
    cursor = last;
  }
}

/**
 * Verifies the whole log. `notes` are checkpoints that left the house, read before this is called; without `macKey`
 * (a reader without MASTER_KEY) MACs are not checked. `keys`: today's verifier key and any earlier ones.
 */
export async function verifyDatabase(input: {
  sql: Sql;
  keys: readonly Verifier[];
  notes: readonly string[];
  macKey: Buffer | null;
}): Promise<Verification & { pending: number }> {
  const { sql, keys, notes, macKey } = input;
  const chain = createChain(0, ZERO_HASH.toString('hex'));
  const roots = createRootCheck(chain);
  const locate = createLocator();
  const outside = openAll(notes, keys, chain);
  roots.add(outside);
  const newest = await newestCheckpoint(sql);
  const size = newest?.size ?? 0;
  let entries = 0;
  let frontier: Frontier = EMPTY_FRONTIER;

  function check(row: Row): void {
    const stated = row.leaf_hash.toString('hex');
    const found = { index: row.index, previous: row.previous.toString('hex'), stated };
    if (!isPresent(row)) {
      chain.report({
        kind: 'removed',
        index: row.index,
        message: `Entry ${row.index} is missing; its leaf is there.`,
      });
      chain.feed({ ...found, computed: stated });
      return;
    }
    const read = readEntry(row, macKey);
    if (!read.ok) {
      const message = `Entry ${row.index} is not as we wrote it (${read.reason}).`;
      chain.report({ kind: 'changed', index: row.index, message });
    }
    const body = read.ok ? read.body : parseBody(row.body);
    if (body === null) {
      chain.feed({ ...found, computed: null });
      return;
    }
    const { index, computed } = locate(body, row);
    chain.feed({ ...found, index, computed: computed.toString('hex') });
  }

  for (let from = 0; from < size; from += PAGE_SIZE) {
    const to = Math.min(size, from + PAGE_SIZE);
    await addCheckpoints(sql, { from, to }, keys, chain, roots);
    for (const row of await readPage(sql, from, to)) {
      entries += 1;
      check(row);
      // Stored hashes go on to make the tree: a gap ends the comparison, a changed body has been named already.
      if (row.index !== frontier.size) continue;
      frontier = appendLeaf(frontier, row.leaf_hash);
      roots.at(frontier.size, () => rootOf(frontier));
    }
  }
  if (chain.next < size) {
    const message = `Entries ${chain.next} to ${size - 1} are missing: a checkpoint covers them.`;
    chain.report({ kind: 'removed', index: chain.next, message });
  }
  const furthest = outside.at(-1)?.size ?? 0;
  if (furthest > size) {
    const message = `Entries ${size} to ${furthest - 1} are missing: a checkpoint that left the house covers them.`;
    chain.report({ kind: 'removed', index: size, message });
  }
  const { beyond } = await sql.one<{ beyond: number | null }>(
    'SELECT min(index) AS beyond FROM audit_leaves WHERE index >= (SELECT coalesce(max(size), 0) FROM audit_checkpoints)',
  );
  if (beyond !== null) {
    chain.report({
      kind: 'inserted',
      index: beyond,
      message: `Entry ${beyond} is covered by no checkpoint.`,
    });
  }
  const pending = await checkPending(sql, macKey, chain);
  const verification = conclude({
    chain,
    entries,
    first: entries === 0 ? null : 0,
    root: rootOf(frontier),
    compared: roots.matched,
    size: size === 0 ? null : size,
  });
  return { ...verification, pending };
}
