import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { visible as inSlack } from '../../adapters/slack/outbound-text.ts';
import { visible as inTeams } from '../../adapters/teams/outbound-text.ts';
import { unmasked } from '../../adapters/web/client/words.ts';

const SHOWN = /^⟨U\+[0-9A-F]{4,6}⟩$/;
/** Drawn as nothing or as somewhere else, by Unicode's own properties. */
const HIDDEN = /[\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\p{Cc}]/u;
const LAST = 0x10ffff;
const isSurrogate = (code: number) => code >= 0xd800 && code <= 0xdfff;

describe.each([
  ['Slack', inSlack],
  ['Teams', inTeams],
  ['the workspace', (text: string) => unmasked(text) || '(empty)'],
])('what %s shows', (_platform, visible) => {
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
    ['', '(empty)'],
  ])('of %j is %j', (given, shown) => {
    expect(visible(given)).toBe(shown);
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
        expect(visible(shown)).toBe(shown);
      }),
    );
  });
});
