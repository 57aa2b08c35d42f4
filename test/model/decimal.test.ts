/** Numbers as text: one text for one number, and one number for one text. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decimalNumber, decimalText } from '../../src/model/decimal.ts';

it.each([
  [0, '0'],
  [-0, '0'],
  [2, '2'],
  [-2.5, '-2.5'],
  [0.1, '0.1'],
  [1e-7, '0.0000001'],
  [-1.25e-9, '-0.00000000125'],
  [999_999_999_999_999, '999999999999999'],
  [0.1 + 0.2, null],
  [1e15, null],
  [1e21, null],
  [1e-16, null],
  [Number.NaN, null],
  [Number.POSITIVE_INFINITY, null],
])('the number %d is the text %s', (value, text) => {
  expect(decimalText(value)).toBe(text);
});

it.each([
  ['1.50', 1.5],
  ['10', 10],
  ['100.0', 100],
  ['-0.5', -0.5],
])('the text %s may stand for %d', (text, value) => {
  expect(decimalNumber(text)).toBe(value);
});

it.each([
  '',
  '-0',
  '-0.0',
  '+1',
  '01',
  '.5',
  '5.',
  '1e3',
  '1,5',
  ' 1',
  '0x1',
  'Infinity',
  '1\n',
  '123456789012345.123456789012345',
])('the text %j is no number that could be kept', (text) => {
  expect(decimalNumber(text)).toBeNull();
});

it('every number that has a text is what its text stands for', () => {
  const numbers = fc.oneof(
    fc.double(),
    fc.double({ min: -1e6, max: 1e6 }),
    fc.integer().map((n) => n / 1000),
  );
  fc.assert(
    fc.property(numbers, (value) => {
      const text = decimalText(value);
      expect(text === null ? value : decimalNumber(text)).toBe(text !== null && value === 0 ? 0 : value);
    }),
  );
});

it('two texts in their shortest form stand for two numbers, in the same order', () => {
  const text = fc
    .tuple(fc.integer(), fc.nat(999))
    .map(([whole, part]) => decimalText(Number(`${whole}.${part}`)));
  fc.assert(
    fc.property(text, text, (one, other) => {
      if (one === null || other === null) return;
      expect(decimalNumber(one) === decimalNumber(other)).toBe(one === other);
    }),
  );
});
