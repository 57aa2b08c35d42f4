/** The body of a call that untrusted code sends: bounded in size, broken off with the door, text or nothing. */
import type { IncomingMessage } from 'node:http';
import { EgressRefused } from './refusal.ts';

/** Throws `request_too_large`, `time_budget`, `malformed`, `body_not_declared`, and what `signal` was aborted for. */
export async function readRequestBody(
  request: IncomingMessage,
  maxBytes: number,
  signal: AbortSignal,
): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  // A door that is shut says why; the call's own time only that it is up.
  const stop = () =>
    request.destroy(
      signal.reason instanceof EgressRefused ? signal.reason : new EgressRefused('time_budget'),
    );
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of request) {
      length += chunk.length;
      if (length > maxBytes) throw new EgressRefused('request_too_large');
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof EgressRefused ? error : new EgressRefused('malformed', 'body', { cause: error });
  } finally {
    signal.removeEventListener('abort', stop);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw new EgressRefused('body_not_declared', 'not UTF-8', { cause });
  }
}
