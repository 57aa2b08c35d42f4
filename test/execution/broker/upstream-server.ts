/** An outside system that a test scripts, on loopback. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Seen = { method: string; url: string; headers: http.IncomingHttpHeaders; body: string };
export type Script = (response: ServerResponse, seen: Seen, request: IncomingMessage) => void;

export async function startUpstream(script: Script) {
  const seen: Seen[] = [];
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const entry = {
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    };
    seen.push(entry);
    script(response, entry, request);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const { port } = server.address() as AddressInfo;
  return {
    seen,
    port,
    baseUrl: `http://127.0.0.1:${port}`,
    /** The operator's entry that allows this loopback address. */
    config: { 'api.example.com': { baseUrl: `http://127.0.0.1:${port}/v3`, addresses: ['127.0.0.1/32'] } },
    async close() {
      server.closeAllConnections();
      const { promise: closed, resolve: done } = Promise.withResolvers<void>();
      server.close(() => done());
      await closed;
    },
  };
}

/** Answers JSON with 200. */
export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
