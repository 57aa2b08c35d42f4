/** A loopback port that was free a moment ago: for programs that take a number only. */
import { once } from 'node:events';
import net from 'node:net';

/**
 * Below what Linux gives away by itself (32768 to 60999): a connection or a server of another test takes none of these between this
 * look and the start of the program, which can be a minute on a busy machine. Above all that Node's `fetch` refuses.
 */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/** Several are asked for before the first is taken. */
const given = new Set<number>();

export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = net.createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}
