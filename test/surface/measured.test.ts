import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { measuredBy } from '../../src/surface/measured.ts';

/** Some characters cost more than they are long, as those do that a platform escapes. */
const { measure, chunk, clip, tail } = measuredBy((char) => (char === '&' ? 5 : char.length));

const TEXT = fc.string({ unit: fc.constantFrom('a', '&', '\n', 'é', '😀') });
/** No piece can be smaller than the dearest character and the sign that something is missing. */
const MAX = fc.integer({ min: 6, max: 40 });

describe('text measured by its cost', () => {
  it('costs what its characters cost', () => {
    expect(measure('a&😀')).toBe(1 + 5 + 2);
  });

  it.each([
    ['aaaaa', 'aaaaa', 'aaaaa'],
    ['aaaaaaa', 'aaaaa…', '…aaaaa'],
    ['a&b', 'a…', '…b'],
    ['aaaa😀b', 'aaaa…', '…aa😀b'],
  ])('%j within 6 begins as %j and ends as %j', (text, beginning, end) => {
    expect([clip(text, 6), tail(text, 6)]).toEqual([beginning, end]);
  });

  it('in pieces is whole, and each piece fits and breaks no character', () => {
    fc.assert(
      fc.property(TEXT, MAX, (text, max) => {
        const pieces = chunk(text, max);
        expect(pieces.join('')).toBe(text);
        for (const piece of pieces) {
          expect(measure(piece)).toBeLessThanOrEqual(max);
          expect(piece.isWellFormed()).toBe(true);
        }
      }),
    );
  });

  it('shortened fits, and says that something is missing', () => {
    fc.assert(
      fc.property(TEXT, MAX, (text, max) => {
        const [beginning, end] = [clip(text, max), tail(text, max)];
        for (const shown of [beginning, end]) expect(measure(shown)).toBeLessThanOrEqual(max);
        if (beginning !== text) expect(text.startsWith(beginning.slice(0, -1))).toBe(true);
        if (end !== text) expect(text.endsWith(end.slice(1))).toBe(true);
        expect(beginning.endsWith('…')).toBe(measure(text) > max);
        expect(end.startsWith('…')).toBe(measure(text) >= max);
      }),
    );
  });
});
