/** Where a log departs from itself: entries fed one after the other, each departure named with its place. Pure. */

export type ProblemKind =
  | 'changed'
  | 'removed'
  | 'inserted'
  | 'reordered'
  | 'bad_signature'
  | 'checkpoint_mismatch';
/** `index` is the entry's, or the first of those meant; null where it belongs to no place. */
export type Problem = { kind: ProblemKind; index: number | null; message: string };

/** One entry as found. `computed` is the hash of what is there, null when it has none; hashes are hex. */
export type Found = { index: number; previous: string; stated: string; computed: string | null };

export interface Chain {
  feed(found: Found): void;
  /** Something stands here that cannot be read as an entry at all; `what` names it, e.g. "line 7". */
  feedUnreadable(what: string): void;
  /** Call once, after the last. */
  end(): Problem[];
  report(problem: Problem): void;
  /** Whether something from `from` to before `to` has been named already. */
  explains(from: number, to: number): boolean;
  /** Index after the highest seen so far. */
  readonly next: number;
  readonly clean: boolean;
}

type Gap = { from: number; to: number };

/** `start`: the index that the first entry must have; `previous`: what it must follow, null when that is unknown. */
export function createChain(start: number, previous: string | null): Chain {
  const problems: Problem[] = [];
  const known = new Set<string>();
  const gaps: Gap[] = [];
  let next = start;
  /** Hashes that the next entry may name as its previous; null: any. */
  let accepted: string[] | null = previous === null ? null : [previous];
  let unreadable = 0;
  /** The link before this one was broken, and was blamed on the entry before it. */
  let lastBreak: Problem | null = null;

  function report(problem: Problem): void {
    const key = `${problem.kind} ${problem.index}`;
    if (known.has(key) && problem.index !== null) return;
    known.add(key);
    problems.push(problem);
  }

  function fillGap(index: number): boolean {
    const at = gaps.findIndex((gap) => gap.from <= index && index <= gap.to);
    const gap = gaps[at];
    if (gap === undefined) return false;
    const rest = [
      { from: gap.from, to: index - 1 },
      { from: index + 1, to: gap.to },
    ];
    gaps.splice(at, 1, ...rest.filter(({ from, to }) => from <= to));
    return true;
  }

  /** An entry that is whole in itself names another one as previous: then the other was changed, hash and all. */
  function blame(index: number): void {
    const message = `Entry ${index} does not follow the entry before it as written.`;
    if (lastBreak !== null) {
      // Neither the entry before nor the one after agrees with the one between them: it is the changed one.
      lastBreak.index = index - 1;
      lastBreak.message = `Entry ${index - 1} agrees with neither of its neighbours.`;
      lastBreak = null;
      return;
    }
    if (index === start) {
      report({ kind: 'changed', index, message });
      return;
    }
    lastBreak = {
      kind: 'changed',
      index: index - 1,
      message: `Entry ${index - 1} is not the one that entry ${index} follows.`,
    };
    report(lastBreak);
  }

  function checkLink(found: Found): void {
    const whole = found.computed === found.stated;
    if (whole && accepted !== null && !accepted.includes(found.previous)) blame(found.index);
    else lastBreak = null;
  }

  function settleUnreadable(index: number): void {
    if (unreadable === 0) return;
    // What cannot be read stood in the place of the entries that are missing here; otherwise it was put in.
    if (index >= next + unreadable) {
      next += unreadable;
      accepted = null;
    }
    unreadable = 0;
  }

  function feed(found: Found): void {
    const { index, stated, computed } = found;
    settleUnreadable(index);
    if (computed !== stated) {
      report({ kind: 'changed', index, message: `Entry ${index} is not what its hash says.` });
    }
    const hashes = computed === null ? [stated] : [stated, computed];
    if (index < next) {
      if (fillGap(index))
        report({ kind: 'reordered', index, message: `Entry ${index} is not in its place.` });
      else report({ kind: 'inserted', index, message: `There is more than one entry ${index}.` });
      if (index === next - 1) accepted = accepted && [...accepted, ...hashes];
      return;
    }
    if (index > next) {
      gaps.push({ from: next, to: index - 1 });
      lastBreak = null;
    } else {
      checkLink(found);
    }
    next = index + 1;
    accepted = hashes;
  }

  return {
    feed,
    report,
    explains(from, to) {
      const named = problems.some(({ index }) => index !== null && from <= index && index < to);
      return named || gaps.some((gap) => gap.from < to && from <= gap.to);
    },
    get next() {
      return next;
    },
    get clean() {
      return problems.length === 0 && gaps.length === 0 && unreadable === 0;
    },
    feedUnreadable(what) {
      report({ kind: 'changed', index: next + unreadable, message: `${what} cannot be read as an entry.` });
      unreadable += 1;
    },
    end() {
      settleUnreadable(Number.POSITIVE_INFINITY);
      for (const { from, to } of gaps) {
        const message = from === to ? `Entry ${from} is missing.` : `Entries ${from} to ${to} are missing.`;
        report({ kind: 'removed', index: from, message });
      }
      return problems.sort((a, b) => (a.index ?? -1) - (b.index ?? -1));
    },
  };
}
