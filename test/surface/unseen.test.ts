import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { legible, visible } from '../../src/surface/unseen.ts';

const SHOWN = /^⟨U\+[0-9A-F]{4,6}⟩$/;
/** Drawn as nothing or as somewhere else, by Unicode's own properties. */
const HIDDEN = /[\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\p{Cc}]/u;
const LAST = 0x10ffff;
const isSurrogate = (code: number) => code >= 0xd800 && code <= 0xdfff;

describe('what is shown on every surface', () => {
  it('names every single character that nobody sees', () => {
    const kept: string[] = [];
    for (let code = 0; code <= LAST; code += 1) {
      if (isSurrogate(code)) continue;
      const char = String.fromCodePoint(code);
      if (HIDDEN.test(char) && !SHOWN.test(visible(char))) kept.push(char);
    }
    expect(kept).toEqual(['\t', '\n']);
  });

  it.each([
    ['a\u200cb', 'a⟨U+200C⟩b'],
    ['a\u200db', 'a⟨U+200D⟩b'],
    ['\u115f\u1160', '⟨U+115F⟩⟨U+1160⟩'],
    ['admin\u3164', 'admin⟨U+3164⟩'],
    ['main\u202egnp', 'main⟨U+202E⟩gnp'],
    ['main\ufe0f', 'main⟨U+FE0F⟩'],
    ['x\u{e0101}', 'x⟨U+E0101⟩'],
    ['half \ud83d', 'half \ufffd'],
    ['\u0000\u001b[31m', '⟨U+0000⟩⟨U+001B⟩[31m'],
    ['\u{e0041}', '⟨U+E0041⟩'],
    ['line\n\tand\r\nline', 'line\n\tand\nline'],
    ['w\u0435b', 'w⟨U+0435⟩b'],
  ])('of %j is %j', (given, shown) => {
    expect(visible(given)).toBe(shown);
  });

  it('says so where there is nothing to show', () => {
    expect([visible(''), legible('')]).toEqual(['(empty)', '']);
  });

  it.each(['❤️', '1️⃣', 'Grüße שלום 日本', 'two\n\tlines'])('leaves %j as it is', (words) => {
    expect(visible(words)).toBe(words);
  });

  it('holds nothing unseen, whatever it was given, and says it the same twice', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = visible(text);
        expect(
          shown.replaceAll(/[\n\t]|(?<=[\p{Extended_Pictographic}#*0-9])[\ufe0e\ufe0f]/gu, ''),
        ).not.toMatch(HIDDEN);
        expect([...shown].length).toBeGreaterThanOrEqual([...text.replaceAll('\r\n', '\n')].length);
        expect(visible(shown)).toBe(shown);
      }),
    );
  });
});
