import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonical } from '../../src/audit/canonical.ts';
import type { Json } from '../../src/model/request.ts';
import { storable, storableText } from '../../src/model/storable.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\u0000', '\ud800', '\udc00', 'a\u0000\ud83d b'),
);
const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.integer(),
    fc.constant(null),
    fc.array(tie('value')),
    fc.dictionary(text, tie('value')),
  ),
}));

test('whatever came in has a canonical form and no U+0000, and going through twice changes nothing more', () => {
  fc.assert(
    fc.property(value, (it) => {
      const stored = storable(it);
      expect(canonical(stored)).not.toContain('\\u0000');
      expect(storable(stored)).toEqual(stored);
    }),
  );
});

test('well-formed text without U+0000 stays as it is', () => {
  expect(storableText('a\n\t\u202e 😀')).toBe('a\n\t\u202e 😀');
  expect(storableText('a\u0000b\ud83d')).toBe('a\u2400b\ufffd');
});
