/** The MAC of an entry: proof that one of our processes wrote it, under a key that the database does not hold. */
import { createHmac, timingSafeEqual } from 'node:crypto';

export type Written = { instance: string; counter: number; body: string };

/** HMAC-SHA256 over instance, counter and body, a line feed between them; the first two cannot hold one. */
export function macOf(macKey: Buffer, written: Written): Buffer {
  return createHmac('sha256', macKey)
    .update(`${written.instance}\n${written.counter}\n${written.body}`, 'utf8')
    .digest();
}

export function isMacGood(macKey: Buffer, written: Written, mac: Uint8Array): boolean {
  const expected = macOf(macKey, written);
  return mac.length === expected.length && timingSafeEqual(expected, mac);
}
