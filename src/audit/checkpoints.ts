/** Comparing a log with the checkpoints that were signed over it: each must be the root that the log had at that size. Pure. */
import type { Chain } from './chain.ts';
import type { Checkpoint, Verifier } from './note.ts';
import { openCheckpoint } from './note.ts';

/** Takes a file of one or many notes apart, whatever blank lines stand between them. Nothing is checked. */
export function splitNotes(text: string): string[] {
  const notes: string[] = [];
  let note = '';
  for (const block of text.split(/\n{2,}/)) {
    const body = block.replace(/^\n+|\n+$/g, '');
    if (body === '') continue;
    if (body.startsWith('\u2014 ') && note !== '') {
      notes.push(`${note}\n\n${body}\n`);
      note = '';
    } else {
      if (note !== '') notes.push(`${note}\n`);
      note = body;
    }
  }
  return note === '' ? notes : [...notes, `${note}\n`];
}

/** Opens notes; each that is not good is reported. The good ones come back by size, smallest first. */
export function openAll(
  notes: Iterable<string>,
  keys: readonly Verifier[],
  chain: Pick<Chain, 'report'>,
): Checkpoint[] {
  const good: Checkpoint[] = [];
  for (const note of notes) {
    const opened = openCheckpoint(note, keys);
    if (opened.kind === 'good') {
      good.push(opened.checkpoint);
    } else if (opened.kind === 'unreadable') {
      chain.report({ kind: 'bad_signature', index: null, message: 'A checkpoint cannot be read.' });
    } else {
      const message = `The checkpoint of ${opened.checkpoint.size} entries does not bear the key’s signature.`;
      chain.report({ kind: 'bad_signature', index: null, message });
    }
  }
  return good.sort((a, b) => a.size - b.size);
}

export interface RootCheck {
  /** Compares what was signed at this size with the root that the log has there. */
  at(size: number, root: () => Buffer): void;
  add(checkpoints: readonly Checkpoint[]): void;
  readonly matched: number;
}

/** A mismatch lies after the last size that matched: that is the place. Only the first is reported; the rest follow from it. */
export function createRootCheck(chain: Pick<Chain, 'report' | 'explains'>): RootCheck {
  const bySize = new Map<number, Checkpoint[]>();
  let matched = 0;
  let lastGood = 0;
  let broken = false;
  function compare(size: number, checkpoints: readonly Checkpoint[], root: Buffer): void {
    const bad = checkpoints.find((checkpoint) => !checkpoint.root.equals(root));
    matched += checkpoints.filter((checkpoint) => checkpoint.root.equals(root)).length;
    if (bad === undefined) {
      lastGood = size;
      return;
    }
    if (broken) return;
    broken = true;
    // The entry that was found changed, removed or put in is the reason; there is nothing to add to it.
    if (chain.explains(lastGood, size)) return;
    const place = lastGood === size - 1 ? `entry ${lastGood}` : `entries ${lastGood} to ${size - 1}`;
    const message = `What was signed at ${size} entries is not what is there now: ${place} changed since.`;
    chain.report({ kind: 'checkpoint_mismatch', index: lastGood, message });
  }
  return {
    get matched() {
      return matched;
    },
    add(checkpoints) {
      for (const checkpoint of checkpoints) {
        bySize.set(checkpoint.size, [...(bySize.get(checkpoint.size) ?? []), checkpoint]);
      }
    },
    at(size, root) {
      const checkpoints = bySize.get(size);
      if (checkpoints === undefined) return;
      bySize.delete(size);
      compare(size, checkpoints, root());
    },
  };
}
