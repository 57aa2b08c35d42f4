/** Hostile action code that uses more than it may. */
import { once } from 'node:events';
import fs from 'node:fs';
import type { Operation } from '../../../src/action.ts';
import { hoardMemory, hoardThreads } from './attacker-hoard.ts';

export async function use(input: Record<string, unknown>): ReturnType<Operation['run']> {
  const kept: unknown[] = [];
  switch (input.what) {
    case 'heap':
      for (;;) kept.push(Array.from({ length: 10_000 }, (_, index) => ({ index })));
    case 'buffer':
      for (;;) kept.push(Buffer.alloc(16 * 2 ** 20, 1));
    case 'wasm':
      return done(new WebAssembly.Memory({ initial: 32_768 }).buffer.byteLength);
    case 'shared':
      return done(new Uint8Array(new SharedArrayBuffer(2 ** 31)).fill(1).length);
    case 'read-only memory':
      return done(await hoardMemory());
    case 'threads':
      return done(await hoardThreads());
    case 'loop':
      for (;;);
    case 'sleep':
      fs.writeSync(1, '{"progress":"asleep"}\n');
      setInterval(() => undefined, 1_000);
      return new Promise(() => undefined);
    case 'print':
      for (;;) fs.writeSync(1, `${JSON.stringify({ progress: 'x'.repeat(60_000) })}\n`);
    case 'complain':
      for (;;) fs.writeSync(2, 'x'.repeat(60_000));
    case 'garbage':
      fs.writeSync(1, 'not an answer\n');
      return done(0);
    case 'two answers':
      fs.writeSync(1, '{"value":1}\n');
      return done(0);
    case 'exit':
      return process.exit(7);
    case 'throw':
      throw new Error(String(input.words));
    case 'descriptors':
      for (let count = 0; count < 1_000; count++) kept.push(fs.openSync(process.argv[1] ?? '', 'r'));
      return done(kept.length);
    case 'worker': {
      const { Worker } = await import('node:worker_threads');
      const [code] = await once(new Worker('0', { eval: true }), 'exit');
      return done(code);
    }
    case 'workers': {
      const { Worker } = await import('node:worker_threads');
      for (let index = 0; index < 50; index++) kept.push(new Worker('for (;;);', { eval: true }));
      return done(kept.length);
    }
    default:
      return done(0);
  }
}

const done = (data: number): Awaited<ReturnType<Operation['run']>> => ({
  kind: 'done',
  result: { code: 'done', message: '', data },
});
