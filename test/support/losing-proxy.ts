/** A way to an outside system that can lose a write: it arrives and nobody hears what became of it, or it never arrives. */
import { onLoopback } from './on-loopback.ts';
import { passOn } from './pass-on.ts';

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
    if (lost === null) return passOn(request, response, target);
    passOn(request, response, target, (answer) => answer.resume().on('end', () => request.socket.destroy()));
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
