import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Layout, layoutOf } from '../../src/store/embedded/folder.ts';
import { whileLocked } from '../../src/store/embedded/leases.ts';
import { birthmark } from '../../src/store/embedded/processes.ts';

/** Processes that have ended: nobody has these birthmarks. */
const [DEAD, DEAD_TOO] = [`${process.pid}-1-1`, `${process.pid}-2-1`];
const LIVING = `${process.pid}-${birthmark(process.pid)}-0`;

let folder: string;
let layout: Layout;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-leases-'));
  layout = layoutOf(folder);
  mkdirSync(layout.root, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const rightTo = (file: string, holder: string): string => `${file}.of.${holder}`;
const done = () => whileLocked(layout, async () => 'done');

test('the lock of a dead process is broken, and nothing of it is left', async () => {
  writeFileSync(layout.startLock, DEAD);
  expect(await done()).toBe('done');
  expect(readdirSync(layout.root)).toEqual([]);
});

test('of two that see the same dead holder one breaks its lock: the other leaves alone what is there by then', async () => {
  writeFileSync(layout.startLock, DEAD);
  const right = rightTo(layout.startLock, DEAD);
  writeFileSync(right, LIVING);
  const waiting = done();
  expect(existsSync(layout.startLock)).toBe(true);
  rmSync(right);
  expect(await waiting).toBe('done');
});

test('who dies over it keeps nobody from it', async () => {
  writeFileSync(layout.startLock, DEAD);
  writeFileSync(rightTo(layout.startLock, DEAD), DEAD_TOO);
  expect(await done()).toBe('done');
  expect(readdirSync(layout.root)).toEqual([]);
});
