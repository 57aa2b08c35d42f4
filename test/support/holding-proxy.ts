/** A way to an outside system that can hold calls back: those whose caller dies meanwhile never arrive. */
import { onLoopback } from './on-loopback.ts';
import { passOn } from './pass-on.ts';

/** `holds`: which calls, by path, while it is closed. */
export async function startHoldingProxy(target: string, holds: (path: string) => boolean) {
  let gate: PromiseWithResolvers<void> | null = null;
  let waiting = 0;
  let passed = 0;
  const server = await onLoopback(async (request, response) => {
    if (holds(request.url ?? '/')) {
      waiting += 1;
      await gate?.promise;
      waiting -= 1;
      if (request.socket.destroyed) return;
      passed += 1;
    }
    passOn(request, response, target);
  });
  return {
    baseUrl: server.baseUrl,
    close: (): void => {
      gate ??= Promise.withResolvers();
    },
    /** Held at this moment, and let through so far. */
    counts: () => ({ waiting, passed }),
    async stop(): Promise<void> {
      await server.stop();
      gate?.resolve();
    },
  };
}
