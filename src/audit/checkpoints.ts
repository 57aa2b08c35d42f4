/** Comparing a log with the checkpoints that were signed over it: each must be the root that the log had at that size. Pure. */
import type { Chain } from './chain.ts';
import type { Checkpoint, Verifier } from './note.ts';
import { openCheckpoint } from './note.ts';

/** How the line of a signature begins (C2SP `signed-note`). */
const SIGNATURE = '\u2014 ';

/**
 * Takes a file of one or many notes apart: the signatures end a note, whatever follows them. People keep notes with or without
 * lines between, with or without the last line feed, and some of their programs write `\r\n`. Nothing is checked.
 */
export function splitNotes(text: string): string[] {
  const notes: string[] = [];
  let body: string[] = [];
  let signatures: string[] = [];
  let isBodyOver = false;
  const end = (): void => {
    const signed = signatures.length > 0 ? ['', ...signatures] : [];
    if (body.length > 0) notes.push([...body, ...signed, ''].join('\n'));
    body = [];
    signatures = [];
    isBodyOver = false;
  };
  for (const line of text.split(/\r?\n/)) {
    if (line === '') isBodyOver = body.length > 0;
    else if (line.startsWith(SIGNATURE) && isBodyOver) signatures.push(line);
    else {
      if (isBodyOver) end();
      body.push(line);
    }
  }
  end();
  return notes;
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
