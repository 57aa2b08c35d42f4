import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { collect, drained } from '../../../src/execution/sandbox/process.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'process-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Longer than output may take to arrive once its process has ended. */
const HELD_UP_MS = 1_500;

it('what a process has written is read though we ourselves were held up', async () => {
  const written = path.join(folder, 'written');
  const script = `(until [ -e '${folder}/go' ]; do sleep 0.01; done; echo late; : >'${written}') & echo early`;
  const child = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  const said = collect(child.stdout as Readable, 100);
  await once(child, 'exit');
  const reading = drained(child);
  holdUpUntil(written);
  await reading;
  expect(said()).toBe('early\nlate\n');
});

/** Nothing of this process runs meanwhile. */
function holdUpUntil(file: string): void {
  writeFileSync(path.join(folder, 'go'), '');
  const began = performance.now();
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(file) || performance.now() - began < HELD_UP_MS) Atomics.wait(cell, 0, 0, 20);
}
