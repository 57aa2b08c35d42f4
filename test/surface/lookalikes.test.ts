import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lookalikesMarked } from '../../src/surface/lookalikes.ts';

/** Letters that look like ASCII, by the scripts from which attackers take them. */
const LOOKALIKES = ['\u0430', '\u0435', '\u043e', '\u0441', '\u04cf', '\u03bf', '\u0585', '\u13aa'];

describe('letters that pass for others', () => {
  it.each([
    ['w\u0435b', 'w⟨U+0435⟩b'],
    ['acme/w\u0435b', 'acme/w⟨U+0435⟩b'],
    // All of it in Cyrillic letters, as a name for machines.
    ['\u0430\u0441\u0435', '⟨U+0430⟩⟨U+0441⟩⟨U+0435⟩'],
    ['\u0440\u0430\u0443\u0440\u0430l.com', '⟨U+0440⟩⟨U+0430⟩⟨U+0443⟩⟨U+0440⟩⟨U+0430⟩l.com'],
    [
      'see https://\u0430\u0440\u0440\u04cf\u0435.com now',
      'see https://⟨U+0430⟩⟨U+0440⟩⟨U+0440⟩⟨U+04CF⟩⟨U+0435⟩.com now',
    ],
    ['Deploy \u0430\u0441\u0435 now', 'Deploy ⟨U+0430⟩⟨U+0441⟩⟨U+0435⟩ now'],
    // A Russian word with one Latin letter in it.
    ['Прив\u0065т, мир', 'Прив⟨U+0065⟩т, мир'],
    ['m\u03b1in', 'm⟨U+03B1⟩in'],
    ['\ua4ee\ua4d0\ua4da', '⟨U+A4EE⟩⟨U+A4D0⟩⟨U+A4DA⟩'],
    ['m\u0251in', 'm⟨U+0251⟩in'],
    ['\uff57\uff45\uff42', '⟨U+FF57⟩⟨U+FF45⟩⟨U+FF42⟩'],
    ['\u{1d430}eb', '⟨U+1D430⟩eb'],
    ['acme\u2215web', 'acme⟨U+2215⟩web'],
    ['release\u20131', 'release⟨U+2013⟩1'],
    ['\u{10400}bc', '⟨U+10400⟩bc'],
  ])('of %j are shown: %j', (text, shown) => {
    expect(lookalikesMarked(text)).toBe(shown);
  });

  it.each([
    'Обновить VPN-шлюз в Москве',
    'Ενημέρωση του διακομιστή web',
    'Խնդրում եմ',
    'naïve café, Straße, łódź, Dvořák',
    'Kapı açık kaldı',
    '登录VPN失败',
    'サーバーABCを再起動',
    '한글abc',
    'ㄅㄆabc 中文',
    'รีสตาร์ทVPN',
    'ветка/main',
    'e\u0301te\u0301',
    '“quoted” – and so on…',
    'Bitte…',
    'R² and 5 µm',
    '❤️ 1️⃣',
  ])('are none in %j', (text) => {
    expect(lookalikesMarked(text)).toBe(text);
  });

  it('never leave a name of ASCII letters with one of them unmarked', () => {
    const name = fc.string({ unit: fc.constantFrom(...'abcxyz019-._/'), maxLength: 12 });
    fc.assert(
      fc.property(name, fc.constantFrom(...LOOKALIKES), name, (before, letter, after) => {
        expect(lookalikesMarked(before + letter + after)).toMatch(/^[\0-\x7f]*⟨U\+[0-9A-F]{4}⟩[\0-\x7f]*$/);
      }),
    );
  });

  it('are said the same twice, and nothing of ASCII is ever changed', () => {
    const any = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({
        unit: fc.constantFrom(...LOOKALIKES, 'a', 'T', 'ж', 'λ', '中', 'ア', '-', ' ', '⟨', '\u0301'),
      }),
    );
    fc.assert(
      fc.property(any, (text) => {
        const shown = lookalikesMarked(text);
        expect(lookalikesMarked(shown)).toBe(shown);
      }),
      { numRuns: 300 },
    );
    fc.assert(fc.property(fc.string({ unit: 'binary-ascii' }), (text) => lookalikesMarked(text) === text));
  });
});
