import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonical, parseStrict } from '../../src/audit/canonical.ts';

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value')),
    fc.dictionary(fc.string({ unit: 'binary' }), tie('value')),
  ),
})).value;

describe('the canonical form', () => {
  test('sorts names by UTF-16 code units, as RFC 8785, 3.2.3 shows', () => {
    const names = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
    expect(canonical(names)).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}',
    );
  });

  test('escapes as RFC 8785, 3.2.2.2 shows', () => {
    expect(canonical('\u20ac$\u000f\nA\'B"\\\\"/')).toBe('"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"');
  });

  test.each([
    ['a fraction', 1.5],
    ['an integer that is rounded', 2 ** 53],
    ['no number', Number.NaN],
    ['half of a surrogate pair', '\ud83d'],
    ['half of a surrogate pair as a name', { '\ude00': 1 }],
    ['an absent member', { a: undefined }],
    ['a hole', Array.from({ length: 3 }).fill(1, 0, 2).concat(new Array(1))],
    ['a date', new Date(0)],
    ['a function', () => 1],
    ['a big integer', 1n],
  ])('refuses %s', (_name, value) => {
    expect(() => canonical(value)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  test('refuses what is nested too deep, without exhausting the stack', () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    expect(() => parseStrict(deep)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  test('is the same for every order of names and reads back as the same value', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonical(value);
        expect(canonical(parseStrict(text))).toBe(text);
        if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
          const turned = Object.fromEntries(Object.entries(value).reverse());
          expect(canonical(turned)).toBe(text);
        }
      }),
    );
  });

  test.each(['{"a":1,"a":2}', '{"x":[{"a":1,"b":2,"a":1}]}', '{"a":{},"\\u0061":{}}'])(
    'refuses a name that occurs twice: %s',
    (text) => {
      expect(() => parseStrict(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
    },
  );

  test('takes white space, and a colon inside of a text, for what they are', () => {
    expect(parseStrict('{ "a" : "\\"b\\": \\"c\\":" , "b" : [ "x" ] }')).toEqual({
      a: '"b": "c":',
      b: ['x'],
    });
  });
});
