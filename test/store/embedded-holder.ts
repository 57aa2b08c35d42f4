/** Starts or adopts the embedded server of a folder, says so in one line, and stops when its input ends. */
import { once } from 'node:events';
import { startEmbedded } from '../../src/store/embedded.ts';

const server = await startEmbedded({ dataFolder: process.argv[2] ?? '', log: () => undefined });
process.stdout.write(`${JSON.stringify({ adopted: server.adopted, appUrl: server.appUrl })}\n`);
process.stdin.resume();
await once(process.stdin, 'end');
await server.stop();
