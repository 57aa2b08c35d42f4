/**
 * Is this from Slack? Checked on the bytes as they came, before anything parses them.
 * docs.slack.dev/authentication/verifying-requests-from-slack
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { SKEW_SECONDS } from './limits.ts';

export type Verification =
  | { ok: true }
  | { ok: false; code: 'signature_missing' | 'timestamp_invalid' | 'timestamp_skewed' | 'signature_wrong' };

const SIGNATURE = /^v0=[0-9a-f]{64}$/;
/** Seconds since the epoch, nothing else that a number parser would accept. */
const TIMESTAMP = /^[0-9]{1,12}$/;

/**
 * Decides whether `body` was signed with `secret` within five minutes of `nowMs`, before or after: Bolt refuses
 * old requests only, and a signature dated far ahead could be kept and replayed until then.
 */
export function verifySignature(input: {
  secret: string;
  body: Uint8Array;
  signature: string | undefined;
  timestamp: string | undefined;
  nowMs: number;
}): Verification {
  const { secret, body, signature, timestamp, nowMs } = input;
  if (signature === undefined || timestamp === undefined) return { ok: false, code: 'signature_missing' };
  if (!TIMESTAMP.test(timestamp)) return { ok: false, code: 'timestamp_invalid' };
  if (Math.abs(nowMs / 1000 - Number(timestamp)) > SKEW_SECONDS) {
    return { ok: false, code: 'timestamp_skewed' };
  }
  if (!SIGNATURE.test(signature)) return { ok: false, code: 'signature_wrong' };
  const expected = createHmac('sha256', secret).update(`v0:${timestamp}:`).update(body).digest();
  const given = Buffer.from(signature.slice('v0='.length), 'hex');
  return timingSafeEqual(expected, given) ? { ok: true } : { ok: false, code: 'signature_wrong' };
}
