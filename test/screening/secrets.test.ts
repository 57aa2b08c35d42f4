import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findSecrets, maskSecrets } from '../../src/screening/secrets.ts';

/** Look-alikes are made while the test runs: no file of ours ever holds anything that looks like a credential. */
const ALPHABET = 'aB3dE5fG7hJ9kL2mN4pQ6rS8tU1vW0xYz';
function letters(length: number, offset = 0): string {
  return Array.from({ length }, (_, at) => ALPHABET[(at * 7 + offset) % ALPHABET.length]).join('');
}
const hex = (length: number) => Array.from({ length }, (_, at) => ((at * 11 + 5) % 16).toString(16)).join('');
const upper = (length: number) => letters(length).toUpperCase();

const CASES: [type: string, secret: string][] = [
  ['aws_access_key', `AK${'IA'}${upper(16)}`],
  ['github_token', `gh${'p_'}${letters(36)}`],
  ['github_token', `github_${'pat_'}${letters(82)}`],
  ['gitlab_token', `gl${'pat-'}${letters(20)}`],
  ['slack_token', `xo${'xb-'}${'123456789012-'}${letters(24)}`],
  ['slack_webhook', `hooks.slack${'.com/services/'}T${upper(8)}/B${upper(8)}/${letters(24)}`],
  ['openai_key', `sk-${'proj-'}${letters(48)}`],
  ['anthropic_key', `sk-${'ant-'}api03-${letters(90)}`],
  ['stripe_key', `sk_${'live_'}${letters(24)}`],
  ['npm_token', `npm${'_'}${letters(36)}`],
  ['pypi_token', `pypi${'-'}${letters(80)}`],
  ['huggingface_token', `hf${'_'}${letters(34)}`],
  ['google_api_key', `AI${'za'}${letters(35)}`],
  ['jwt', `ey${'J'}${letters(30)}.eyJ${letters(40)}.${letters(43)}`],
];

describe('findSecrets', () => {
  it.each(CASES)('finds a %s exactly, in a sentence', (type, secret) => {
    const text = `here you go: ${secret} thanks`;
    const start = text.indexOf(secret);
    expect(findSecrets(text)).toEqual([{ type, start, end: start + secret.length }]);
  });

  it.each([
    ['password', 'password: ', `Som${'mer'}2024!`],
    ['password', 'the password is ', `hun${'ter'}2`],
    ['secret', 'api_key=', letters(32)],
    ['secret', 'JENKINS_TOKEN=', hex(34)],
    ['authorization_header', 'Authorization: Bearer ', letters(40)],
    ['azure_storage_key', 'AccountName=x;AccountKey=', `${letters(86)}==`],
    ['url_password', 'postgres://app:', `pw${letters(10)}`],
  ])('finds a %s after %j', (type, before, secret) => {
    const after = type === 'url_password' ? '@db.internal/app' : '';
    const text = `${before}${secret}${after}`;
    expect(findSecrets(text)).toEqual([{ type, start: before.length, end: before.length + secret.length }]);
  });

  it('takes a private key whole, also when its end was cut off', () => {
    const head = `-----BEGIN RSA ${'PRIVATE'} KEY-----\n`;
    const tail = `-----END RSA ${'PRIVATE'} KEY-----`;
    const body = `${letters(64)}\n${letters(64, 3)}\n`;
    expect(maskSecrets(`see ${head}${body}${tail}!`).text).toBe('see [masked: private key]!');
    expect(maskSecrets(`see ${head}${body}`).text).toBe('see [masked: private key]');
  });

  it('looks through hidden characters, wide forms and look-alikes, and answers offsets of the original', () => {
    const secret = `gh${'p_'}${letters(36)}`;
    const hidden = `gh\u200bp_\u0007${letters(20)}\u00ad${letters(36).slice(20)}`;
    const wide = secret.replace('g', '\uff47');
    for (const disguised of [hidden, wide, `g\u04bb${secret.slice(2)}`]) {
      const text = `é ${disguised} é`;
      const start = text.indexOf(disguised);
      expect(findSecrets(text)).toEqual([{ type: 'github_token', start, end: start + disguised.length }]);
    }
  });

  it.each([
    'the VPN is down for the Berlin office, please open a ticket',
    'ci trigger repo=web ref=main job=checks inputs.version=1.2',
    'I forgot my password, can somebody reset it?',
    `password: ${'$'}{DB_PASSWORD}`,
    'token: process.env.API_TOKEN',
    'the token is required',
    'commit 4f2a9c0d8e7b6a5f4e3d2c1b0a9f8e7d6c5b4a39 on main',
    'see https://example.com/docs/tokens/rotation-guide-2024',
    'request 3f8c1a52-9b1d-4c1e-8a55-0d6f2f3f9a10 failed',
    'credentialsId: build-user-7',
    'my secret ingredient is cinnamon',
    'the api key page is broken since 2024-11-02',
  ])('leaves %j alone', (text) => {
    expect(findSecrets(text)).toEqual([]);
  });

  it('answers sorted places that do not overlap, for any text', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom(...CASES.map(([, secret]) => secret), 'password=', 'token: "', '\u200b', '://a:b@c'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        let from = 0;
        for (const { start, end } of findSecrets(text)) {
          if (start < from || end <= start || end > text.length) return false;
          from = end;
        }
        return true;
      }),
    );
  });
});

describe('maskSecrets', () => {
  it('says what was there and keeps the sentence', () => {
    const secret = `gh${'p_'}${letters(36)}`;
    const masked = maskSecrets(`use ${secret} or ${secret}.`);
    expect(masked.text).toBe('use [masked: github token] or [masked: github token].');
    expect(masked.found).toHaveLength(2);
  });

  it('leaves nothing of a secret behind, whatever stands around it', () => {
    const around = fc.string({ unit: 'grapheme', maxLength: 20 });
    fc.assert(
      fc.property(around, fc.constantFrom(...CASES), around, (before, [, secret], after) => {
        return !maskSecrets(`${before} ${secret} ${after}`).text.includes(secret);
      }),
    );
  });

  it('finds nothing in what it has masked', () => {
    const text = CASES.map(([, secret]) => `token: ${secret}`).join('\n');
    expect(maskSecrets(maskSecrets(text).text).found).toEqual([]);
  });
});
