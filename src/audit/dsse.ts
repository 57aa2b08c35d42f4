/** DSSE envelopes signed with Ed25519: https://github.com/secure-systems-lab/dsse, protocol version 1. */
import { verify } from 'node:crypto';
import { z } from 'zod';
import { decodeBase64, type Signer, type Verifier } from './note.ts';

export const Envelope = z.strictObject({
  payload: z.string(),
  payloadType: z.string(),
  signatures: z.array(z.strictObject({ keyid: z.string().optional(), sig: z.string() })).min(1),
});
export type Envelope = z.infer<typeof Envelope>;

/** The pre-authentication encoding: lengths in bytes keep type and payload from running into each other. */
export function preAuthentication(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `),
    type,
    Buffer.from(` ${payload.length} `),
    payload,
  ]);
}

/** `keyid` is the verifier key's name and hash, a hint only. */
export function signEnvelope(payloadType: string, payload: Buffer, signer: Signer): Envelope {
  const sig = signer.sign(preAuthentication(payloadType, payload)).toString('base64');
  const keyid = `${signer.name}+${signer.keyHash}`;
  return { payload: payload.toString('base64'), payloadType, signatures: [{ keyid, sig }] };
}

/** The payload of an envelope of this type that `key` signed; null otherwise. */
export function openEnvelope(envelope: Envelope, payloadType: string, key: Verifier): Buffer | null {
  const payload = decodeBase64(envelope.payload);
  if (payload === null || envelope.payloadType !== payloadType) return null;
  const message = preAuthentication(payloadType, payload);
  const signed = envelope.signatures.some(({ sig }) => {
    const signature = decodeBase64(sig);
    return signature !== null && verify(null, message, key.publicKey, signature);
  });
  return signed ? payload : null;
}
