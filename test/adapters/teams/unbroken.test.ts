import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { adaptiveCard } from '../../../adapters/teams/elements.ts';
import { renderCard } from '../../../adapters/teams/render-card.ts';
import { broken, hasLongRun, isPlain, TURN, UNBROKEN_MAX } from '../../../adapters/teams/unbroken.ts';
import { Card, textsOf } from '../../support/teams/card-schema.ts';
import { cardWith } from '../slack/samples.ts';

const SHA256 = '24e0620bd1e6ea6128bcb1e9eb344f2b63fe397ae1f0c2d3b4a5968778695a4b';
const blocksOf = (value: string, name = 'definition') => {
  const { body } = renderCard(cardWith({ arguments: [{ name, value, provenance: 'typed' }] }));
  expect(Card.safeParse(adaptiveCard(body)).error).toBeUndefined();
  return JSON.stringify(body);
};

describe('a word that is longer than a line of a narrow card', () => {
  test('stands in a text block, which changes nothing of it, where no client could read anything else into it', () => {
    for (const value of [SHA256, `definition=${SHA256}`, `${SHA256} (main now)`, crypto.randomUUID()]) {
      expect(isPlain(value)).toBe(true);
      expect(broken(value)).toBe(value);
      expect(blocksOf(value)).toContain(
        JSON.stringify({ type: 'TextBlock', wrap: true, text: value, fontType: 'Monospace' }),
      );
    }
  });

  test('the digest that buttons are bound to does, and so does a pinned value', () => {
    const card = cardWith({ digest: SHA256, link: null, pinned: [{ name: 'definition', value: SHA256 }] });
    const texts = JSON.stringify(renderCard(card).body).match(/"TextBlock"[^}]*/g)!;
    expect(texts.filter((it) => it.includes(`"Digest ${SHA256}"`))).toHaveLength(1);
    expect(texts.filter((it) => it.includes(`"definition=${SHA256}"`))).toHaveLength(1);
  });

  test('is broken with a sign that it goes on, whatever else it is made of', () => {
    const value = `{"a":"${'b_'.repeat(40)}"}`;
    expect(blocksOf(value)).not.toMatch(/"TextBlock"[^}]*b_b/);
    const { body } = renderCard(cardWith({ arguments: [{ name: 'a', value, provenance: 'typed' }] }));
    expect(textsOf(body)).toContain(value);
    const pieces = broken(value).split(TURN);
    expect(pieces.map((piece) => piece.length)).toEqual([32, 32, 24]);
  });

  test('may be a name too', () => {
    const name = 'n_'.repeat(20);
    const { body } = renderCard(cardWith({ arguments: [{ name, value: 'v', provenance: 'typed' }] }));
    expect(textsOf(body)).toContain(name);
  });

  test('is left to the client where that breaks it: after a hyphen or slash, and in scripts without spaces', () => {
    const address = 'https://github.com/acme/website/pull/files';
    const words = '承認されるまでは何も起こりません。承認されるまでは何も起こりません。';
    expect([broken(address), broken(words)]).toEqual([address, words]);
  });

  test('never holds markdown, an address or a mention where it is a text block', () => {
    const live = ['**b**', '_a_', '[a](b)', '1. a', '1) a', '- a', '+ a', '# a', '> a', 'a.example', 'a:b'];
    for (const sign of [...live, '<at>a</at>', '{{DATE(a)}}', 'https://a', '~a~', '`a`', 'a  b', '@a', '!a'])
      expect({ sign, plain: isPlain(sign) }).toEqual({ sign, plain: false });
  });

  test('a sign of the value’s own does not pass for one of ours', () => {
    expect(broken('first\n↳ second')).toBe('first\n⟨U+21B3⟩ second');
  });

  test('no line that is laid out by itself is longer, and nothing is lost', () => {
    const words = fc.string({ unit: 'binary', maxLength: 200 });
    const dense = fc.string({ unit: fc.constantFrom(...'ab_{}"\\.-/é́'), minLength: 30, maxLength: 400 });
    fc.assert(
      fc.property(fc.oneof(words, dense), (text) => {
        const before = text.replace(/[\v↳]/g, '');
        const after = broken(before);
        expect(after.replaceAll(TURN, '')).toBe(before);
        expect(broken(after)).toBe(after);
        const lines = after.split(/[\n\v]/).filter((line) => !isPlain(line));
        for (const run of lines.flatMap((line) => line.split(/\s|(?<=[-/])(?=\p{L})/u)))
          if (hasLongRun(run)) expect(run.replace(/\p{M}/gu, '').length).toBeLessThanOrEqual(UNBROKEN_MAX);
      }),
    );
  });
});
