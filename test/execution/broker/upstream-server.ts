/** An outside system that a test scripts, on loopback. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { onLoopback, textOf } from '../../support/on-loopback.ts';

export type Seen = { method: string; url: string; headers: IncomingHttpHeaders; body: string };
export type Script = (response: ServerResponse, seen: Seen, request: IncomingMessage) => void;

export async function startUpstream(script: Script) {
  const seen: Seen[] = [];
  const { port, baseUrl, stop } = await onLoopback(async (request, response) => {
    const entry = {
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: await textOf(request),
    };
    seen.push(entry);
    script(response, entry, request);
  });
  return {
    seen,
    port,
    baseUrl,
    /** The operator's entry that allows this loopback address. */
    config: { 'api.example.com': { baseUrl: `${baseUrl}/v3`, addresses: ['127.0.0.1/32'] } },
    close: stop,
  };
}

/** Answers JSON with 200. */
export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
