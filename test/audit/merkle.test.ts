import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  appendLeaf,
  EMPTY_FRONTIER,
  leafHash,
  nodeHash,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from '../../src/audit/merkle.ts';
import { buildTree } from '../../src/audit/tree.ts';

/** The example tree that the RFC 6962 implementations share: leaf inputs, and the roots of sizes 0 to 8. */
const INPUTS = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const leaves = INPUTS.map((hex) => leafHash(Buffer.from(hex, 'hex')));

/** RFC 6962, 2.1, word for word: slow, and obviously right. */
function naiveRoot(hashes: readonly Buffer[]): Buffer {
  const [first] = hashes;
  if (first === undefined) return rootOf(EMPTY_FRONTIER);
  if (hashes.length === 1) return first;
  let split = 1;
  while (split * 2 < hashes.length) split *= 2;
  return nodeHash(naiveRoot(hashes.slice(0, split)), naiveRoot(hashes.slice(split)));
}

const randomLeaves = fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), {
  minLength: 1,
  maxLength: 70,
});
const buffers = (arrays: Uint8Array[]) => arrays.map((array) => Buffer.from(array));

describe('the Merkle tree', () => {
  test.each(ROOTS.map((root, size) => ({ root, size })))(
    'has the known root of size $size',
    ({ root, size }) => {
      expect(rootOf(leaves.slice(0, size).reduce(appendLeaf, EMPTY_FRONTIER)).toString('hex')).toBe(root);
      expect(buildTree(leaves.slice(0, size)).root().toString('hex')).toBe(root);
    },
  );

  test('has the known inclusion proof of leaf 5 of 8', () => {
    // RFC 6962, 2.1.1: the sibling leaf, then the sibling subtrees upwards.
    const [l4, , l6, l7] = leaves.slice(4) as [Buffer, Buffer, Buffer, Buffer];
    const left = buildTree(leaves.slice(0, 4)).root();
    expect(buildTree(leaves).inclusionProof(5)).toEqual([l4, nodeHash(l6, l7), left]);
  });

  test('grows one leaf at a time to the root that the definition gives', () => {
    fc.assert(
      fc.property(randomLeaves, (arrays) => {
        const hashes = buffers(arrays);
        let frontier = EMPTY_FRONTIER;
        for (const hash of hashes) frontier = appendLeaf(frontier, hash);
        expect(rootOf(frontier)).toEqual(naiveRoot(hashes));
        expect(buildTree(hashes).root()).toEqual(naiveRoot(hashes));
      }),
    );
  });

  test('proves each leaf, and no other leaf, place, size or root', () => {
    fc.assert(
      fc.property(randomLeaves, fc.nat(), fc.nat(), (arrays, pick, bit) => {
        const tree = buildTree(buffers(arrays));
        const index = pick % tree.size;
        const leaf = Buffer.from(arrays[index] ?? []);
        const good = { index, size: tree.size, leaf, proof: tree.inclusionProof(index), root: tree.root() };
        expect(verifyInclusion(good)).toBe(true);
        const other = Buffer.from(leaf);
        other.writeUInt8(other.readUInt8(bit % 32) ^ (1 << (bit % 8)), bit % 32);
        expect(verifyInclusion({ ...good, leaf: other })).toBe(false);
        expect(verifyInclusion({ ...good, root: other })).toBe(false);
        expect(verifyInclusion({ ...good, index: index + 1 })).toBe(false);
        expect(verifyInclusion({ ...good, proof: [...good.proof, leaf] })).toBe(false);
        expect(verifyInclusion({ ...good, proof: good.proof.slice(1) })).toBe(tree.size === 1);
      }),
    );
  });

  test('proves that it begins with each of its earlier trees, and with no other', () => {
    fc.assert(
      fc.property(randomLeaves, fc.nat(), (arrays, pick) => {
        const hashes = buffers(arrays);
        const tree = buildTree(hashes);
        const oldSize = 1 + (pick % tree.size);
        const good = {
          oldSize,
          oldRoot: naiveRoot(hashes.slice(0, oldSize)),
          newSize: tree.size,
          newRoot: tree.root(),
          proof: tree.consistencyProof(oldSize),
        };
        expect(verifyConsistency(good)).toBe(true);
        const wrong = leafHash(good.oldRoot);
        expect(verifyConsistency({ ...good, oldRoot: wrong })).toBe(false);
        expect(verifyConsistency({ ...good, newRoot: wrong })).toBe(false);
        expect(verifyConsistency({ ...good, proof: [...good.proof, wrong] })).toBe(false);
        expect(verifyConsistency({ ...good, oldSize: 0 })).toBe(false);
      }),
    );
  });
});
