/** The private key of a GitHub App, as its PEM file says it. Pure. */
import { createPrivateKey, type KeyObject } from 'node:crypto';

/** What GitHub makes, and the least that RS256 should be signed with. */
const MIN_RSA_BITS = 2_048;

/** Reads PKCS#1 ("RSA PRIVATE KEY", what GitHub gives) and PKCS#8. A text with `\n` written out is taken too. */
export function readAppKey(pem: string): { key: KeyObject } | { problem: string } {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem.includes('\n') ? pem : pem.replaceAll('\\n', '\n'));
  } catch {
    // What the parser says may hold parts of the key.
    return { problem: 'is no private key in PEM form without a passphrase' };
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return key.asymmetricKeyType === 'rsa' && bits >= MIN_RSA_BITS
    ? { key }
    : { problem: `must be an RSA key of ${MIN_RSA_BITS} bits or more` };
}
