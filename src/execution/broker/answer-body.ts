/** Reads the body of an answer within its bounds. The upstream that sends it is untrusted. */
import { EgressRefused } from './refusal.ts';

/** What is read at most to get to the end of a log, in bytes: what a call's time carries from an ordinary store. */
const MAX_READ_FOR_END_BYTES = 128 * 1024 * 1024;
const LINE_FEED = 0x0a;

type Body = AsyncIterable<Uint8Array>;

/** A body that tells how much of it was read, in bytes, whatever became of the reading. */
export function counted(body: Body): { body: Body; bytesRead: () => number } {
  let bytesRead = 0;
  async function* counting() {
    for await (const chunk of body) {
      bytesRead += chunk.length;
      yield chunk;
    }
  }
  return { body: counting(), bytesRead: () => bytesRead };
}

/** Throws `response_too_large`. `endBytes`: only the end is wanted, from a whole line on; null: all of it. */
export function readBody(body: Body, maxBytes: number, endBytes: number | null): Promise<Buffer> {
  return endBytes === null ? readAll(body, maxBytes) : readEnd(body, Math.min(endBytes, maxBytes));
}

async function readAll(body: Body, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) throw new EgressRefused('response_too_large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function readEnd(body: Body, endBytes: number): Promise<Buffer> {
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_READ_FOR_END_BYTES) throw new EgressRefused('response_too_large');
    kept.push(chunk);
    keptBytes += chunk.length;
    // Twice what is wanted before anything is copied, so that small chunks cost little.
    if (keptBytes > 2 * endBytes) {
      kept = [Buffer.concat(kept).subarray(-endBytes)];
      keptBytes = endBytes;
    }
  }
  const all = Buffer.concat(kept);
  if (length <= endBytes) return all;
  const end = all.subarray(-endBytes);
  // A line that was cut could hold the rest of a secret that nobody recognises any more.
  const line = end.indexOf(LINE_FEED);
  if (line === -1) throw new EgressRefused('response_too_large', 'one line');
  return Buffer.from(end.subarray(line + 1));
}
