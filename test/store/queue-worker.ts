/** A worker that takes one job and never finishes it, to be killed. Prints the payload once it has it. */
import { createQueue } from '../../src/store/queue.ts';

const queue = await createQueue({ url: process.argv[2] ?? '', onError: console.error });
await queue.work('turn', { concurrency: 1 }, async (payload) => {
  process.stdout.write(`${JSON.stringify(payload)}\n`);
  await new Promise<never>(() => undefined);
});
process.stdout.write('ready\n');
