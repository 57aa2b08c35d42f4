/** A certificate made at run time, so that no key lies in the repository and no program is needed to make one. */
import { generateKeyPairSync, sign } from 'node:crypto';

/** One DER element (X.690): tag, length, contents. */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}
const hex = (text: string) => Buffer.from(text, 'hex');
const sequence = (...contents: Buffer[]) => der(0x30, ...contents);

const ECDSA_WITH_SHA256 = sequence(hex('06082a8648ce3d040302'));
const COMMON_NAME = hex('0603550403');
const SUBJECT_ALTERNATIVE_NAME = hex('0603551d11');
const BASIC_CONSTRAINTS = hex('0603551d13');

/** UTCTime, as certificates write it: `200101000000Z`. */
export const VALID: [from: string, until: string] = ['200101000000Z', '490101000000Z'];

/** A self-signed certificate (RFC 5280) for one DNS name, an authority of its own. */
export function selfSigned(name: string, [from, until] = VALID): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const subject = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(name)))));
  const validity = sequence(der(0x17, Buffer.from(from)), der(0x17, Buffer.from(until)));
  const extensions = sequence(
    sequence(SUBJECT_ALTERNATIVE_NAME, der(0x04, sequence(der(0x82, Buffer.from(name))))),
    sequence(BASIC_CONSTRAINTS, der(0x04, sequence(hex('0101ff')))),
  );
  const certificate = sequence(
    der(0xa0, hex('020102')),
    hex('020101'),
    ECDSA_WITH_SHA256,
    subject,
    validity,
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', certificate, privateKey));
  const base64 = sequence(certificate, ECDSA_WITH_SHA256, signature)
    .toString('base64')
    .match(/.{1,64}/g);
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64?.join('\n')}\n-----END CERTIFICATE-----\n`,
  };
}
