/** By what bodies are named in the log: their digests, never themselves. */
import { createHash } from 'node:crypto';

/** Hex. */
export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
