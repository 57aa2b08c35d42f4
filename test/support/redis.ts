/** A real Redis on a free port of the loopback interface, for the time of one test file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from './free-port.ts';
import { findProgram } from './needs.ts';

export { freePort };

export type TestRedis = { url: string; stop(): Promise<void> };

async function readyLine(child: ChildProcess): Promise<void> {
  let output = '';
  for await (const chunk of child.stdout ?? []) {
    output += String(chunk);
    if (output.includes('Ready to accept connections')) return;
  }
  throw new Error(`redis-server ended: ${output}`);
}

export async function startRedis(port?: number): Promise<TestRedis> {
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-redis-'));
  const at = port ?? (await freePort());
  const program = findProgram('redis-server');
  if (program === null) throw new Error('redis-server is missing.');
  const words = [
    '--port',
    String(at),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    folder,
  ];
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await readyLine(child);
  child.stdout?.resume();
  return {
    url: `redis://127.0.0.1:${at}`,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
