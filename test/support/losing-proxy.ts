/** A way to an outside system that can lose a write: it arrives and nobody hears what became of it, or it never arrives. */
import http from 'node:http';
import { onLoopback } from './on-loopback.ts';

export async function startLosingProxy(target: string) {
  let losing: 'answer' | 'write' | null = null;
  const server = await onLoopback((request, response) => {
    const lost = request.method === 'GET' ? null : losing;
    if (lost !== null) losing = null;
    if (lost === 'write') {
      // Taken to the end first: whoever sent it cannot tell that it went nowhere.
      request.resume().on('end', () => request.socket.destroy());
      return;
    }
    const onward = http.request(
      new URL(request.url ?? '/', target),
      { method: request.method ?? 'GET', headers: request.headers },
      (answer) => {
        if (lost === 'answer') {
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
  return {
    baseUrl: server.baseUrl,
    /** The answer to the next write never arrives. */
    loseNextWrite: (): void => {
      losing = 'answer';
    },
    /** The next write never arrives; its sender sees the same. */
    dropNextWrite: (): void => {
      losing = 'write';
    },
    stop: server.stop,
  };
}
