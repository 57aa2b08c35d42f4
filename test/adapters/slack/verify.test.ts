import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { verifySignature } from '../../../adapters/slack/verify.ts';

/** The worked example of Slack's documentation ("verifying requests from Slack"); its secret put together here. */
const secret = ['8f742231b10e8888', 'abcd99yyyzzz85a5'].join('');
const body = [
  'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V',
  'channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=',
  'response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN',
  'trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
].join('&');
const known = {
  secret,
  body: Buffer.from(body),
  timestamp: '1531420618',
  signature: 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
  nowMs: 1531420618_000,
};

const signed = (timestamp: string, bytes: Uint8Array = known.body) => ({
  ...known,
  body: bytes,
  timestamp,
  signature: `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:`).update(bytes).digest('hex')}`,
});

describe('a signature of Slack', () => {
  test("is accepted as in Slack's own example", () => {
    expect(verifySignature(known)).toEqual({ ok: true });
  });

  test('covers every byte, also those that are not UTF-8', () => {
    const bytes = Uint8Array.of(0xff, 0xfe, 0x00, 0x80);
    expect(verifySignature(signed('1531420618', bytes))).toEqual({ ok: true });
    const changed = { ...signed('1531420618', bytes), body: Uint8Array.of(0xff, 0xfe, 0x00, 0x81) };
    expect(verifySignature(changed)).toEqual({ ok: false, code: 'signature_wrong' });
  });

  test.each([
    ['5 minutes old', -300_000, true],
    ['older', -300_001, false],
    ['5 minutes ahead', 300_000, true],
    ['further ahead', 300_001, false],
  ])('that is %s counts accordingly', (_name, offsetMs, ok) => {
    expect(verifySignature({ ...known, nowMs: known.nowMs - offsetMs }).ok).toBe(ok);
  });

  test.each([
    ['', 'signature_wrong'],
    ['v0=', 'signature_wrong'],
    ['v1=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503', 'signature_wrong'],
    [known.signature.replace('a2', 'a3'), 'signature_wrong'],
    [known.signature.toUpperCase(), 'signature_wrong'],
    [`${known.signature}00`, 'signature_wrong'],
    [undefined, 'signature_missing'],
  ])('that reads %s is refused', (signature, code) => {
    expect(verifySignature({ ...known, signature })).toEqual({ ok: false, code });
  });

  test.each(['', ' 1531420618', '1531420618.0', '0x5b47a34a', '1e9', '-1531420618', 'NaN'])(
    'with the time %j is refused, however it is signed',
    (timestamp) => {
      expect(verifySignature(signed(timestamp))).toEqual({ ok: false, code: 'timestamp_invalid' });
    },
  );
});
