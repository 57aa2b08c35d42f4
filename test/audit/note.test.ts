import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatCheckpoint,
  formatSigningKey,
  openCheckpoint,
  openNote,
  parseCheckpoint,
  parseSigner,
  parseVerifier,
  signNote,
} from '../../src/audit/note.ts';

/** The example that the signed-note specification publishes. */
const VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const TEXT = 'This is an example message.\n';
const NOTE = `${TEXT}\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n`;

const skey = (name = 'countersign-0badcafe') => formatSigningKey(name, randomBytes(32));

describe('a signed note', () => {
  test('of the specification opens under its published key', () => {
    expect(openNote(NOTE, [parseVerifier(VKEY)])).toBe(TEXT);
  });

  test.each([
    ['its text is changed', NOTE.replace('an example', 'an Example')],
    ['its signature is changed', NOTE.replace('Uw2QOkn8', 'Uw2QOkn9')],
    ['its signer is renamed', NOTE.replace('\u2014 example.com/foo', '\u2014 example.com/bar')],
    ['its signature is missing', `${TEXT}\n`],
    ['the last line feed is missing', NOTE.slice(0, -1)],
  ])('does not open when %s', (_name, note) => {
    expect(openNote(note, [parseVerifier(VKEY)])).toBeNull();
  });

  test('does not open without the key, and ignores signatures of unknown keys beside a good one', () => {
    const [one, two] = [parseSigner(skey('one')), parseSigner(skey('two'))];
    const note = signNote(TEXT, one);
    const both = note + signNote(TEXT, two).slice(TEXT.length + 1);
    expect(openNote(note, [two])).toBeNull();
    expect(openNote(both, [one])).toBe(TEXT);
    expect(openNote(both, [two])).toBe(TEXT);
  });

  test('opens under the key that signed it, whatever its text', () => {
    const signer = parseSigner(skey());
    fc.assert(
      fc.property(fc.string(), (words) => {
        const text = `${words}\n`;
        expect(openNote(signNote(text, signer), [parseVerifier(signer.vkey)])).toBe(text);
      }),
    );
  });
});

describe('keys in their printable form', () => {
  test('a private one gives its own verifier key', () => {
    const text = skey('countersign-12345678');
    const signer = parseSigner(text);
    expect(signer.vkey).toMatch(/^countersign-12345678\+[0-9a-f]{8}\+A[A-Za-z0-9+/=]+$/);
    expect(parseVerifier(signer.vkey).keyHash).toBe(signer.keyHash);
  });

  test.each([
    ['another name', VKEY.replace('foo', 'bar')],
    ['another hash', VKEY.replace('530d903a', '530d903b')],
    ['another algorithm', VKEY.replace('AekyeR', 'BekyeR')],
    ['a shorter key', VKEY.slice(0, -4)],
    ['nothing', ''],
  ])('with %s is refused', (_name, vkey) => {
    expect(() => parseVerifier(vkey)).toThrow(expect.objectContaining({ code: 'key_invalid' }));
  });

  test('a wrong private one is refused without being shown', () => {
    const wrong = skey().replace(/\+[0-9a-f]{8}\+/, '+00000000+');
    // Base64 has a plus sign of its own: all that follows the hash is the secret.
    const secret = wrong.slice(wrong.indexOf('+00000000+') + '+00000000+'.length);
    try {
      parseSigner(wrong);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'key_invalid' });
      expect(String(error)).not.toContain(secret);
    }
  });
});

describe('a checkpoint', () => {
  test('reads as the specification publishes it', () => {
    const text = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
    const checkpoint = parseCheckpoint(text);
    expect(checkpoint).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20852163 });
    expect(checkpoint && formatCheckpoint(checkpoint)).toBe(text);
  });

  test.each(['a\n01\n', 'a\n-1\n', 'a\n1e3\n', '\n1\n', 'a\n9007199254740993\n'])('refuses %j', (head) => {
    expect(parseCheckpoint(`${head}${Buffer.alloc(32).toString('base64')}\n`)).toBeNull();
  });

  test('is good only under a key whose name is its origin', () => {
    const signer = parseSigner(skey('one'));
    const text = formatCheckpoint({ origin: 'two', size: 1, root: Buffer.alloc(32) });
    expect(openCheckpoint(signNote(text, signer), [signer]).kind).toBe('bad_signature');
    const own = formatCheckpoint({ origin: 'one', size: 1, root: Buffer.alloc(32) });
    expect(openCheckpoint(signNote(own, signer), [signer])).toMatchObject({
      kind: 'good',
      checkpoint: { size: 1 },
    });
    expect(openCheckpoint('not a note\n', [signer]).kind).toBe('unreadable');
  });
});
