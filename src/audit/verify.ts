/** Checks an exported log with no server: every hash, every link, the tree, and the checkpoint's signature. Pure. */
import { AppError } from '../errors.ts';
import { parseStrict } from './canonical.ts';
import { type Chain, createChain, type Problem } from './chain.ts';
import { createRootCheck, openAll } from './checkpoints.ts';
import { type Entry, hashEntry, Line } from './entry.ts';
import { appendLeaf, EMPTY_FRONTIER, rootOf, ZERO_HASH } from './merkle.ts';
import type { Checkpoint, Verifier } from './note.ts';

/** More would not be read; the count is complete. */
const MAX_PROBLEMS = 100;

export type Verification = {
  ok: boolean;
  entries: number;
  first: number | null;
  last: number | null;
  /** It does not begin at entry 0: hashes and links hold within it, the tree cannot be recomputed from it. */
  range: boolean;
  /** Hex, of all entries; null for a range and for a log with problems. */
  root: string | null;
  /** How many signed checkpoints this log was compared with, and the size of the largest. */
  checkpoints: { compared: number; size: number | null };
  problemCount: number;
  problems: Problem[];
};

export function conclude(input: {
  chain: Chain;
  entries: number;
  first: number | null;
  root: Buffer | null;
  compared: number;
  size: number | null;
}): Verification {
  const { chain, entries, first, root, compared, size } = input;
  const problems = chain.end();
  const ok = problems.length === 0;
  return {
    ok,
    entries,
    first,
    last: first === null ? null : chain.next - 1,
    range: first !== null && first > 0,
    root: ok && root !== null ? root.toString('hex') : null,
    checkpoints: { compared, size },
    problemCount: problems.length,
    problems: problems.slice(0, MAX_PROBLEMS),
  };
}

function parseLine(text: string): { parsed: Line; entry: object } | null {
  try {
    const parsed = parseStrict(text);
    const line = Line.safeParse(parsed);
    return line.success ? { parsed: line.data, entry: (parsed as { entry: object }).entry } : null;
  } catch (error) {
    if (error instanceof AppError && error.code === 'malformed') return null;
    throw error;
  }
}

/** The newest export that this log records; only a whole one may be missing nothing at its beginning. */
type ExportSeen = { whole: boolean } | null;
function seenExport(entry: Entry, before: ExportSeen): ExportSeen {
  if (entry.type !== 'audit.read' || entry.data?.what !== 'export') return before;
  return { whole: entry.data.since === null && entry.data.until === null };
}

/** Ends and beginnings that were cut off show against the checkpoint only. */
function checkEnds(chain: Chain, first: number, checkpoints: readonly Checkpoint[], seen: ExportSeen): void {
  const newest = checkpoints.at(-1);
  if (newest === undefined) return;
  if (chain.next > newest.size) {
    const message = `Entries from ${newest.size} on are covered by no checkpoint that was given.`;
    chain.report({ kind: 'inserted', index: newest.size, message });
  } else if (first === 0 && chain.next < newest.size) {
    const message = `Entries ${chain.next} to ${newest.size - 1} are missing: the checkpoint covers them. Unless it was signed after this export was made, they were removed.`;
    chain.report({ kind: 'removed', index: chain.next, message });
  } else if (first > 0 && chain.next === newest.size && seen?.whole) {
    const message = `Entries 0 to ${first - 1} are missing: this was an export of the whole log.`;
    chain.report({ kind: 'removed', index: 0, message });
  }
}

/**
 * Verifies the lines of an export (without line feeds; blank ones are skipped). `notes` are signed checkpoints, each
 * of which must be the root of this log at its size; the largest must end exactly where the export does, as
 * `audit export --checkpoint F` adds it to those that are kept. An export that begins later than entry 0 is checked as a range.
 */
export async function verifyExport(input: {
  lines: AsyncIterable<string> | Iterable<string>;
  keys: readonly Verifier[];
  notes: readonly string[];
}): Promise<Verification> {
  let chain: Chain | null = null;
  let first = 0;
  let frontier = EMPTY_FRONTIER;
  let entries = 0;
  let lineNumber = 0;
  let seen: ExportSeen = null;
  const early: Problem[] = [];
  const checkpoints = openAll(input.notes, input.keys, { report: (problem) => early.push(problem) });
  const roots = createRootCheck({
    report: (problem) => chain?.report(problem),
    explains: (from, to) => chain?.explains(from, to) ?? false,
  });
  roots.add(checkpoints);

  const begin = (index: number): Chain => {
    first = index;
    return createChain(index, index === 0 ? ZERO_HASH.toString('hex') : null);
  };
  for await (const text of input.lines) {
    lineNumber += 1;
    if (text.trim() === '') continue;
    entries += 1;
    const line = parseLine(text);
    if (line === null) {
      chain ??= begin(0);
      chain.feedUnreadable(`Line ${lineNumber}`);
      continue;
    }
    const { parsed, entry } = line;
    const stated = parsed.leafHash;
    const computed = hashEntry(entry);
    const whole = computed.toString('hex') === stated;
    // What the hash covers is believed; where that is broken, the number outside is the better guess.
    const index = whole ? parsed.entry.index : parsed.index;
    chain ??= begin(index);
    chain.feed({ index, previous: parsed.entry.previous, stated, computed: computed.toString('hex') });
    if (whole && parsed.index !== parsed.entry.index) {
      chain.report({ kind: 'changed', index, message: `Line ${lineNumber} is numbered wrongly.` });
    }
    seen = seenExport(parsed.entry, seen);
    if (first === 0 && chain.clean) {
      frontier = appendLeaf(frontier, computed);
      roots.at(frontier.size, () => rootOf(frontier));
    }
  }
  chain ??= begin(0);
  for (const problem of early) chain.report(problem);
  if (entries > 0 || checkpoints.length > 0) checkEnds(chain, first, checkpoints, seen);
  return conclude({
    chain,
    entries,
    first: entries === 0 ? null : first,
    root: first === 0 ? rootOf(frontier) : null,
    compared: roots.matched,
    size: checkpoints.at(-1)?.size ?? null,
  });
}
