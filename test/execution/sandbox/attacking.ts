/** Runs the attack at a level in a process of its own, as a supervisor would start one, and says what came of it. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IsolationLevel } from '../../../src/model/request.ts';
import { openFolder } from './levels.ts';

/** What each way came to: `open`, or the code of its refusal. */
export type Seen = Record<string, string>;

const PROGRAM = fileURLToPath(new URL('./attack-run.ts', import.meta.url));
/** What the attacker looks for among its descriptors. */
const PLANTED_BYTES = 4242;
/** Node by itself marks only the first sixteen descriptors as its own; the planted one lies beyond. */
const DESCRIPTORS_BETWEEN = 27;

/** How to run a program of ours: as this account, or through another program. */
export type Through = { program: string; before: readonly string[] };
export const AS_OURSELVES: Through = { program: process.execPath, before: [] };

/** `walls`: all of them, or the kernel's alone, without Node's permissions; or a job's, of which Node has none. */
export function attack(
  level: IsolationLevel,
  walls: 'all' | 'kernel' | 'job',
  { program, before }: Through = AS_OURSELVES,
  bundles: string = openFolder(),
): Seen {
  const planted = path.join(bundles, 'planted');
  writeFileSync(planted, 'x'.repeat(PLANTED_BYTES));
  const descriptor = openSync(planted, 'r');
  try {
    // Inherited by the program that starts the sandbox, as a supervisor's or a lock's would be.
    const between = Array.from({ length: DESCRIPTORS_BETWEEN }, () => 'ignore' as const);
    const { stdout, stderr } = spawnSync(program, [...before, PROGRAM, level, walls, bundles], {
      env: { PATH: '/usr/bin:/bin', PARENT_SECRET: 'secret' },
      stdio: ['ignore', 'pipe', 'pipe', ...between, descriptor],
    });
    if (stdout.length === 0) throw new Error(`the attack at ${level} said nothing: ${stderr}`);
    return JSON.parse(String(stdout));
  } finally {
    closeSync(descriptor);
    rmSync(bundles, { recursive: true, force: true });
  }
}

export const openWays = (seen: Seen): string[] => Object.keys(seen).filter((name) => seen[name] === 'open');
