/** AES-256-GCM, as everything that the database must not be able to read is sealed. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** NIST SP 800-38D, 8.2: 96-bit IVs; random ones are safe for 2^32 messages under one key. */
export const IV_BYTES = 12;
const TAG_BYTES = 16;

/** `data`: ciphertext and tag. */
export function encrypt(key: Buffer, plain: Buffer, associated: string): { iv: Buffer; data: Buffer } {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(Buffer.from(associated, 'utf8'));
  const data = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return { iv, data };
}

/** Null when key, text or associated data are not what was sealed. */
export function decrypt(key: Buffer, iv: Buffer, data: Buffer, associated: string): Buffer | null {
  if (iv.length !== IV_BYTES || data.length < TAG_BYTES) return null;
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(associated, 'utf8'));
  decipher.setAuthTag(data.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(data.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch {
    // GCM's one failure: the tag does not match. There is nothing more to say about it.
    return null;
  }
}

/** Seals short texts under one key, IV first. `about` is bound to them: they cannot be moved to stand for something else. */
export function createSealing(key: Buffer) {
  return {
    seal(text: string, about: string): Buffer {
      const { iv, data } = encrypt(key, Buffer.from(text, 'utf8'), about);
      return Buffer.concat([iv, data]);
    },
    /** Null where it was sealed under another key, or about something else. */
    open(sealed: Buffer, about: string): string | null {
      const plain = decrypt(key, sealed.subarray(0, IV_BYTES), sealed.subarray(IV_BYTES), about);
      return plain === null ? null : plain.toString('utf8');
    },
  };
}
