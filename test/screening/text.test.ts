import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanText, limitText } from '../../src/screening/text.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 300 });

describe('cleanText', () => {
  it.each([
    ['plain words, ünïcödé and 日本', 'plain words, ünïcödé and 日本'],
    ['keeps\nnewlines\tand tabs', 'keeps\nnewlines\tand tabs'],
    ['windows\r\nand old mac\rlines', 'windows\nand old mac\nlines'],
    ['a bell\u0007 and a delete\u007f', 'a bell\u2407 and a delete\u2421'],
    ['escape \u001b[31mred', 'escape \u241b[31mred'],
    ['turned \u202Etxt.exe', 'turned [U+202E]txt.exe'],
    ['zero\u200bwidth\ufeff', 'zerowidth'],
    ['tags\u{E0041}\u{E0042}', 'tags'],
    ['e\u0301', '\u00e9'],
    ['half \ud83d end', 'half \ufffd end'],
    ['family 👨‍👩‍👧', 'family 👨‍👩‍👧'],
    ['a\u200db', 'ab'],
  ])('%j reads %j', (given, read) => {
    expect(cleanText(given)).toBe(read);
  });

  it('changes nothing the second time', () => {
    fc.assert(fc.property(anyText, (text) => cleanText(cleanText(text)) === cleanText(text)));
  });

  it('leaves no control or direction character', () => {
    fc.assert(
      fc.property(
        anyText,
        (text) => !/[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069\u200b]/u.test(cleanText(text)),
      ),
    );
  });
});

describe('limits', () => {
  it('never cuts a character in half and never exceeds the limit', () => {
    expect(limitText('ab😀cd', 4)).toBe('ab…');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (text, max) => {
        const limited = limitText(text, max);
        return limited.length <= max && limited.isWellFormed();
      }),
    );
  });
});
