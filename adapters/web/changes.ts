/** `/api/workspace/changes`: Server-Sent Events (WHATWG HTML, 9.2) that say what to read again. */
import type { RequestHandler } from 'express';
import type { Assistant } from '../../src/model/ports.ts';
import type { WhoIsAsking } from './caller.ts';

/** A comment this often keeps proxies from closing a quiet stream, in milliseconds. */
const HEARTBEAT_MS = 20_000;
/** A reader that lags this many bytes behind is dropped; it reconnects and reads everything again. */
const MAX_LAG_BYTES = 256 * 1024;

/**
 * Streams every change as `data: {"kind": ..., ...}`. It carries ids only: what they name is read through
 * routes that ask who is reading, so a change of somebody else's thread tells nothing but that one changed.
 */
export function streamChanges(assistant: Assistant, whoIsAsking: WhoIsAsking): RequestHandler {
  return async (request, response) => {
    await whoIsAsking(request);
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    });
    response.write(': open\n\n');
    const send = (text: string) => {
      response.write(text);
      if (response.writableLength > MAX_LAG_BYTES) response.destroy();
    };
    const stop = assistant.onChange((change) => send(`data: ${JSON.stringify(change)}\n\n`));
    const heartbeat = setInterval(() => send(': alive\n\n'), HEARTBEAT_MS).unref();
    response.on('close', () => {
      clearInterval(heartbeat);
      stop();
    });
  };
}
