import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Growing, settledLength } from '../../src/planner/growing.ts';
import { modelText } from '../../src/planner/model-text.ts';
import { findSecrets, maskSecrets } from '../../src/screening/secrets.ts';
import { cleanText } from '../../src/screening/text.ts';

const clean = (text: string) => cleanText(maskSecrets(text).text);

/** Writes the text in these pieces; answers all that was heard. */
function hear(pieces: readonly string[]): (string | null)[] {
  const heard: (string | null)[] = [];
  const growing = new Growing(clean, (text) => heard.push(text));
  let raw = '';
  for (const piece of pieces) {
    raw += piece;
    growing.add(raw);
  }
  return heard;
}
const cut = (text: string, sizes: readonly number[]): string[] => {
  const pieces: string[] = [];
  let at = 0;
  for (let turn = 0; at < text.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
};

// Made at run time: no credential, real or invented, stands in the repository.
const letters = 'abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789';
const token = (length: number) =>
  fc
    .array(fc.constantFrom(...letters), { minLength: length, maxLength: length })
    .map((chars) => `${chars.join('').slice(0, -4)}a7Kq`);
const phrase = fc
  .array(fc.constantFrom('correct', 'horse', 'battery', 'staple', 'Elbe4', 'river', 'green'), {
    minLength: 2,
    maxLength: 12,
  })
  .map((words) => words.join(' '));
const secret = fc.oneof(
  token(36).map((it) => ({ text: ['ghp', it].join('_'), hidden: it })),
  token(24).map((it) => ({ text: `password: ${it}`, hidden: it })),
  token(24).map((it) => ({ text: `The password is ${it}`, hidden: it })),
  token(24).map((it) => ({ text: `${it} is my new signing key`, hidden: it })),
  token(24).map((it) => ({ text: `https://robot:${it}@example.com/x`, hidden: it })),
  phrase.map((it) => ({ text: `password = "${it}"`, hidden: it })),
  phrase.map((it) => ({ text: `Passwort: '${it}'`, hidden: it })),
  fc.array(token(60), { minLength: 1, maxLength: 4 }).map((lines) => ({
    text: [
      ['-----BEGIN RSA', 'PRIVATE KEY-----'].join(' '),
      ...lines,
      ['-----END RSA', 'PRIVATE KEY-----'].join(' '),
    ].join('\n'),
    hidden: lines[0]!,
  })),
);
const prose = fc
  .array(
    fc.constantFrom(
      'the',
      'gateway',
      "isn't",
      'up,',
      'so',
      '“we”',
      'wait.\n',
      'ticket',
      'T-17',
      '(again)',
      'für',
      '\u202e',
      '数据。',
    ),
    {
      minLength: 8,
      maxLength: 30,
    },
  )
  .map((words) => words.join(' '));

describe('an answer that grows', () => {
  it('shows only what the whole answer will show, however it is cut', () => {
    fc.assert(
      fc.property(
        prose,
        secret,
        prose,
        fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1 }),
        (before, it, after, sizes) => {
          const text = `${before} ${it.text} ${after}`;
          const whole = modelText(text, clean);
          for (const heard of hear(cut(text, sizes))) expect(whole.startsWith(heard ?? '')).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('never shows a part of a secret that is recognised in the whole', () => {
    fc.assert(
      fc.property(prose, secret, prose, (before, it, after) => {
        const text = `${before} ${it.text} ${after}`;
        fc.pre(
          findSecrets(text).some(({ start, end }) => text.slice(start, end).includes(it.hidden.slice(0, 12))),
        );
        const shown = hear([...text]).join('\n');
        // The smallest part that tells something: its first two words, or its first ten characters.
        const part = it.hidden.includes(' ')
          ? it.hidden.split(' ').slice(0, 2).join(' ')
          : it.hidden.slice(0, 10);
        expect(shown).not.toContain(part);
      }),
      { numRuns: 150 },
    );
  });

  it('grows while it is written, and not by the character', () => {
    const text =
      'The gateway in Berlin is down since nine, and the network team has been told. They expect it to be back by noon today.';
    const heard = hear([...text]);
    expect(heard.length).toBeGreaterThan(2);
    expect(heard.length).toBeLessThan(text.split(' ').length);
    expect(text.startsWith(heard.at(-1)!)).toBe(true);
  });

  it('says that it was none when a tool is called after all, and nothing more', () => {
    const heard: (string | null)[] = [];
    const growing = new Growing(clean, (text) => heard.push(text));
    growing.add(`${'I will look at that for you. '.repeat(4)}\n`);
    growing.withdraw();
    growing.withdraw();
    growing.add(`${'Something else altogether. '.repeat(4)}\n`);
    expect(heard).toEqual([expect.stringContaining('I will look'), null]);
  });

  it('does not show what is said before a tool is called, where that is short', () => {
    const heard: (string | null)[] = [];
    const growing = new Growing(clean, (text) => heard.push(text));
    growing.add('Let me look that up.\n');
    growing.withdraw();
    growing.add(`${'The ticket is open. '.repeat(5)}\n`);
    expect(heard).toEqual([expect.stringContaining('The ticket is open.')]);
  });
});

it('a text is settled up to its unfinished word, a value that awaits more words, or an open quotation', () => {
  expect(settledLength('one two three')).toBe('one two '.length);
  expect(settledLength('the A1 of it and then')).toBe('the '.length);
  expect(settledLength('it says "one two three')).toBe('it says '.length);
  expect(settledLength("it's what they've said so")).toBe("it's what they've said ".length);
  expect(settledLength('done 1.\nnext')).toBe('done 1.\n'.length);
});
