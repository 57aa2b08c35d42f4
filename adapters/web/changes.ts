/** `/api/workspace/changes`: Server-Sent Events (WHATWG HTML, 9.2) that say what to read again. */
import type { RequestHandler } from 'express';
import type { PrincipalId } from '../../src/model/ids.ts';
import type { Assistant, Change } from '../../src/model/ports.ts';
import type { WhoIsAsking } from './caller.ts';

/** A comment this often keeps proxies from closing a quiet stream, in milliseconds. */
const HEARTBEAT_MS = 20_000;
/** A reader that lags this many bytes behind is dropped; it reconnects and reads everything again. */
const MAX_LAG_BYTES = 256 * 1024;

/** Whether this person may know that it changed. */
export type Sees = (change: Change, viewer: PrincipalId) => Promise<boolean>;

/** Nothing is filtered in local mode, where anybody may be anybody. */
export const everything: Sees = async () => true;

/**
 * Streams changes that the caller may see as `data: {"kind": ..., ...}`. It carries ids only: what they name is read through
 * routes that ask who is reading. Who is asking is found out again before each change and heartbeat, and the stream ends
 * when nobody is. Equal changes that wait together are told once.
 */
export function streamChanges(assistant: Assistant, whoIsAsking: WhoIsAsking, sees: Sees): RequestHandler {
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
    const waiting = new Map<string, Change | null>();
    let isTelling = false;
    const tell = async () => {
      if (isTelling) return;
      isTelling = true;
      for (const [text, change] of waiting) {
        waiting.delete(text);
        const { principal } = await whoIsAsking(request);
        if (change === null || (await sees(change, principal.id))) send(text);
      }
      isTelling = false;
    };
    const say = (text: string, change: Change | null) => {
      waiting.set(text, change);
      // Nobody is signed in any more, or it cannot be found out: the page connects again and is told which.
      tell().catch(() => response.destroy());
    };
    const stop = assistant.onChange((change) => say(`data: ${JSON.stringify(change)}\n\n`, change));
    const heartbeat = setInterval(() => say(': alive\n\n', null), HEARTBEAT_MS).unref();
    response.on('close', () => {
      clearInterval(heartbeat);
      stop();
    });
  };
}
