/** Which levels and accounts this machine can test, and why the others are left out. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { needs } from '../../support/needs.ts';

const bwrap = needs('bwrap');

export const KERNEL_LEVELS = [
  { level: 'kernel' as const, ...bwrap },
  { level: 'kernel-lite' as const, skip: process.platform !== 'linux', reason: 'Landlock is Linux' },
];

const AS_NOBODY = ['--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath];

const isRoot = process.getuid?.() === 0;
/** Only root can become somebody else, and that account must reach this checkout. */
const reachable = isRoot && spawnSync('setpriv', [...AS_NOBODY, '-e', '0']).status === 0;

/** How to run a program of ours as root or whoever we are, and as an ordinary account. */
export const ACCOUNTS = [
  {
    account: isRoot ? 'root' : 'this account',
    program: process.execPath,
    before: [] as string[],
    skip: false,
  },
  { account: 'nobody', program: 'setpriv', before: AS_NOBODY, skip: !reachable },
];

/** A new folder that every account may write to. */
export function openFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'sandbox-test-'));
  chmodSync(folder, 0o777);
  return folder;
}
