import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KERNEL_LEVELS, openFolder } from './levels.ts';

const PROGRAM = fileURLToPath(new URL('./sleep-run.ts', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = openFolder();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What follows the name in its line of /proc; null where it has ended, which it may at any moment. */
function statOf(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return null;
    throw error;
  }
}

/** The processes that descend from one, by /proc. */
function descendants(root: number): number[] {
  const parents = new Map<number, number>();
  for (const pid of readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)) {
    const stat = statOf(pid);
    if (stat !== null) parents.set(pid, Number(stat[1]));
  }
  const found: number[] = [];
  for (const queue = [root]; queue.length > 0; ) {
    const at = queue.pop();
    for (const [pid, parent] of parents) {
      if (parent === at) {
        found.push(pid);
        queue.push(pid);
      }
    }
  }
  return found;
}

/** A process that has ended may wait for its parent to look: it runs no more. */
function runs(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== null && !/^[ZX]$/.test(stat[0] ?? '');
}

describe.each(KERNEL_LEVELS)('when the assistant is killed at $level', ({ level, skip }) => {
  it.skipIf(skip)('the sandbox ends with it', async () => {
    const parent = spawn(process.execPath, [PROGRAM, level, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(parent.stdout, 'data');
    const inside = descendants(parent.pid as number);
    expect(inside.length).toBeGreaterThan(0);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await expect.poll(() => inside.filter(runs)).toEqual([]);
  });
});
