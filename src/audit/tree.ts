/** A whole tree in memory, for making proofs: 64 bytes a leaf. Checking them needs only `merkle.ts`. */
import { EMPTY_FRONTIER, HASH_BYTES, nodeHash, rootOf } from './merkle.ts';

export interface Tree {
  readonly size: number;
  root(): Buffer;
  /** RFC 6962, 2.1.1: siblings from the leaf upwards. */
  inclusionProof(index: number): Buffer[];
  /** RFC 6962, 2.1.2, from the tree of the first `oldSize` leaves to this one. */
  consistencyProof(oldSize: number): Buffer[];
}

/** Level by level, the hashes of all perfect subtrees; `levels[0]` are the leaves. */
function buildLevels(leaves: readonly Buffer[]): Buffer[][] {
  const levels: Buffer[][] = [[...leaves]];
  for (;;) {
    const below = levels.at(-1) ?? [];
    if (below.length < 2) return levels;
    const level: Buffer[] = [];
    for (let i = 0; i + 1 < below.length; i += 2) {
      const [left, right] = [below[i], below[i + 1]];
      if (left !== undefined && right !== undefined) level.push(nodeHash(left, right));
    }
    levels.push(level);
  }
}

/** The largest power of two below `size`: where RFC 6962 splits a list. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

/** `leaves` are leaf hashes in order, 32 bytes each. */
export function buildTree(leaves: readonly Buffer[]): Tree {
  if (leaves.some((leaf) => leaf.length !== HASH_BYTES)) throw new RangeError('A leaf hash is not 32 bytes.');
  const levels = buildLevels(leaves);

  function subtree(start: number, end: number): Buffer {
    const size = end - start;
    const level = Math.log2(size);
    const known = Number.isInteger(level) ? levels[level]?.[start / size] : undefined;
    if (known !== undefined) return known;
    const middle = start + splitOf(size);
    return nodeHash(subtree(start, middle), subtree(middle, end));
  }
  function path(index: number, start: number, end: number): Buffer[] {
    if (end - start <= 1) return [];
    const middle = start + splitOf(end - start);
    return index < middle
      ? [...path(index, start, middle), subtree(middle, end)]
      : [...path(index, middle, end), subtree(start, middle)];
  }
  function subproof(oldEnd: number, start: number, end: number, whole: boolean): Buffer[] {
    if (oldEnd === end) return whole ? [] : [subtree(start, end)];
    const middle = start + splitOf(end - start);
    return oldEnd <= middle
      ? [...subproof(oldEnd, start, middle, whole), subtree(middle, end)]
      : [...subproof(oldEnd, middle, end, false), subtree(start, middle)];
  }
  return {
    size: leaves.length,
    root() {
      return leaves.length === 0 ? rootOf(EMPTY_FRONTIER) : subtree(0, leaves.length);
    },
    inclusionProof(index) {
      if (index < 0 || index >= leaves.length) throw new RangeError('There is no such leaf.');
      return path(index, 0, leaves.length);
    },
    consistencyProof(oldSize) {
      if (oldSize < 1 || oldSize > leaves.length) throw new RangeError('There is no such smaller tree.');
      return subproof(oldSize, 0, leaves.length, true);
    },
  };
}
