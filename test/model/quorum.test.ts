import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fillNeeds, needsAreMet } from '../../src/model/quorum.ts';
import { fillsEveryNeed, mostFilled } from '../approval/brute-force.ts';

const groups = ['a', 'b', 'c'];
const needs = fc.array(
  fc.record({ group: fc.option(fc.constantFrom(...groups)), quorum: fc.integer({ min: 1, max: 3 }) }),
  { maxLength: 3 },
);
const people = fc
  .array(fc.subarray(groups), { maxLength: 5 })
  .map((all) => all.map((inGroups, at) => ({ id: `p${at}`, groups: inGroups })));

test('as many needs are filled as any way of giving people to them could fill', () => {
  fc.assert(
    fc.property(needs, people, (asked, there) => {
      const filled = fillNeeds(asked, there);
      expect(filled.reduce((sum, it) => sum + it, 0)).toBe(mostFilled(asked, there));
      expect(filled.every((it, at) => it <= asked[at]!.quorum)).toBe(true);
      expect(needsAreMet(asked, there)).toBe(fillsEveryNeed(asked, there));
    }),
    { numRuns: 500 },
  );
});

test('one more person never fills less, and the order of people does not matter', () => {
  fc.assert(
    fc.property(needs, people, fc.subarray(groups), (asked, there, extra) => {
      const total = (all: typeof there) => fillNeeds(asked, all).reduce((sum, it) => sum + it, 0);
      expect(total([...there, { id: 'more', groups: extra }])).toBeGreaterThanOrEqual(total(there));
      expect(total(there.toReversed())).toBe(total(there));
    }),
  );
});

test('one person counts once, also when they are named twice or are in every group', () => {
  const everywhere = { id: 'p', groups };
  const asked = [
    { group: 'a', quorum: 1 },
    { group: 'b', quorum: 1 },
  ];
  expect(needsAreMet(asked, [everywhere, everywhere])).toBe(false);
  expect(fillNeeds(asked, [everywhere])).toEqual([1, 0]);
});

test('a person in two groups is moved to where they are missing', () => {
  const asked = [
    { group: 'a', quorum: 1 },
    { group: 'b', quorum: 1 },
  ];
  expect(
    fillNeeds(asked, [
      { id: 'both', groups: ['a', 'b'] },
      { id: 'only', groups: ['a'] },
    ]),
  ).toEqual([1, 1]);
});

test('where nobody is needed, nobody is missing', () => {
  expect(needsAreMet([], [])).toBe(true);
});
