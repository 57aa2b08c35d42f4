/**
 * RFC 6962 Merkle trees over SHA-256: hashing, the root of a growing list, and the checking of proofs.
 * Hashes are 32 raw bytes. Everything here is pure; `tree.ts` makes the proofs.
 */
import { createHash } from 'node:crypto';

/** RFC 6962, 2.1: the prefixes keep a node from being passed off as a leaf. */
const LEAF_PREFIX = Buffer.from([0x00]);
const NODE_PREFIX = Buffer.from([0x01]);
export const HASH_BYTES = 32;
/** `previous` of the first entry. */
export const ZERO_HASH: Buffer = Buffer.alloc(HASH_BYTES);
/** RFC 6962, 2.1: the root of the empty list is the hash of nothing. */
const EMPTY_ROOT: Buffer = createHash('sha256').digest();

export function leafHash(data: Uint8Array): Buffer {
  return createHash('sha256').update(LEAF_PREFIX).update(data).digest();
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(NODE_PREFIX).update(left).update(right).digest();
}

/**
 * The roots of the perfect subtrees that a list of `size` leaves splits into, largest first: all that is needed
 * to append and to know the root. One hash per one-bit of `size`.
 */
export type Frontier = { readonly size: number; readonly nodes: readonly Buffer[] };
export const EMPTY_FRONTIER: Frontier = { size: 0, nodes: [] };

/** The frontier after one more leaf. Amortised two hashes. */
export function appendLeaf(frontier: Frontier, leaf: Buffer): Frontier {
  const nodes = [...frontier.nodes];
  let node = leaf;
  // Every trailing one-bit of the size is a subtree as large as the one being carried.
  for (let rest = frontier.size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
    const left = nodes.pop();
    if (left === undefined) throw new RangeError('A frontier lacks a node.');
    node = nodeHash(left, node);
  }
  nodes.push(node);
  return { size: frontier.size + 1, nodes };
}

export function rootOf(frontier: Frontier): Buffer {
  const [last, ...rest] = [...frontier.nodes].reverse();
  if (last === undefined) return EMPTY_ROOT;
  return rest.reduce((right, left) => nodeHash(left, right), last);
}

function isHash(value: Uint8Array): boolean {
  return value.length === HASH_BYTES;
}

const isOdd = (n: number) => n % 2 === 1;
const half = (n: number) => Math.floor(n / 2);

/** RFC 9162, 2.1.3.2: whether `leaf` is number `index` of the tree of `size` leaves with this root. */
export function verifyInclusion(input: {
  index: number;
  size: number;
  leaf: Buffer;
  proof: readonly Buffer[];
  root: Buffer;
}): boolean {
  const { index, size, leaf, proof, root } = input;
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false;
  if (![leaf, root, ...proof].every(isHash)) return false;
  let node = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      hash = nodeHash(sibling, hash);
      while (!isOdd(node) && node !== 0) {
        node = half(node);
        last = half(last);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    node = half(node);
    last = half(last);
  }
  return last === 0 && hash.equals(root);
}

/** RFC 9162, 2.1.4.2: whether the larger tree begins with the whole smaller one. Both sizes are at least 1. */
export function verifyConsistency(input: {
  oldSize: number;
  oldRoot: Buffer;
  newSize: number;
  newRoot: Buffer;
  proof: readonly Buffer[];
}): boolean {
  const { oldSize, oldRoot, newSize, newRoot, proof } = input;
  if (!Number.isSafeInteger(oldSize) || !Number.isSafeInteger(newSize)) return false;
  if (oldSize < 1 || oldSize > newSize || ![oldRoot, newRoot, ...proof].every(isHash)) return false;
  if (oldSize === newSize) return proof.length === 0 && oldRoot.equals(newRoot);
  let node = oldSize - 1;
  let last = newSize - 1;
  while (isOdd(node)) {
    node = half(node);
    last = half(last);
  }
  // A smaller tree that is one perfect subtree is its own first node; the proof leaves it out.
  const path = node === 0 ? [oldRoot, ...proof] : [...proof];
  const first = path.shift();
  if (first === undefined) return false;
  let oldHash = first;
  let newHash = first;
  for (const sibling of path) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      oldHash = nodeHash(sibling, oldHash);
      newHash = nodeHash(sibling, newHash);
      while (!isOdd(node) && node !== 0) {
        node = half(node);
        last = half(last);
      }
    } else {
      newHash = nodeHash(newHash, sibling);
    }
    node = half(node);
    last = half(last);
  }
  return last === 0 && oldHash.equals(oldRoot) && newHash.equals(newRoot);
}
