/** A name and password beyond ASCII, given back in the forms in which systems write such characters. */
import { describe, expect, it } from 'vitest';
import { redactorFor } from '../../../src/execution/broker/redaction.ts';

/** Made here, so that nothing that looks like a credential lies in the repository. */
const PASSWORD = ['grün', 'Ключ', '日本', '𝒳9'].join('-');
const redact = redactorFor([`Basic ${Buffer.from(`bot:${PASSWORD}`).toString('base64')}`]);
const asCodes = (form: (unit: number) => string) =>
  PASSWORD.split('')
    .map((one) => (one.charCodeAt(0) < 0x80 ? one : form(one.charCodeAt(0))))
    .join('');
const hex = (unit: number) => unit.toString(16).padStart(4, '0');

describe('a password beyond ASCII', () => {
  it.each([
    ['as it is', PASSWORD],
    ['in an address', encodeURIComponent(PASSWORD)],
    [
      'in an address, small letters',
      encodeURIComponent(PASSWORD).replace(/%../g, (code) => code.toLowerCase()),
    ],
    ['in JSON', JSON.stringify(PASSWORD)],
    ['in JSON, escaped', asCodes((unit) => `\\u${hex(unit)}`)],
    ['in JSON, escaped in large letters', asCodes((unit) => `\\u${hex(unit).toUpperCase()}`)],
    ['in hex', Buffer.from(PASSWORD).toString('hex')],
    ['in base64', Buffer.from(`x${PASSWORD}`).toString('base64')],
  ])('is masked %s', (_what, echo) => {
    const { bytes, found } = redact(Buffer.from(`before ${echo} after`));
    expect(found).toBe(true);
    expect(bytes.includes(Buffer.from(echo))).toBe(false);
  });

  it('leaves other words alone', () => {
    const words = Buffer.from('grün ist die Hoffnung');
    expect(redact(words)).toEqual({ bytes: words, found: false });
  });
});
