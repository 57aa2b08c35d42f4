/** A way to an outside system that can lose an answer: the request arrives, and nobody hears what became of it. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export async function startLosingProxy(target: string) {
  let losing = false;
  const server = http.createServer((request, response) => {
    const onward = http.request(
      new URL(request.url ?? '/', target),
      { method: request.method ?? 'GET', headers: request.headers },
      (answer) => {
        if (losing && request.method !== 'GET') {
          losing = false;
          answer.resume().on('end', () => request.socket.destroy());
          return;
        }
        response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(response);
      },
    );
    onward.on('error', () => request.socket.destroy());
    request.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The answer to the next write never arrives. */
    loseNextWrite: (): void => {
      losing = true;
    },
    async stop(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
