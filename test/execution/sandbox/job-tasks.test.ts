import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCOUNTS, KERNEL_LEVELS, openFolder } from './levels.ts';

const JOB = fileURLToPath(new URL('./job-run.ts', import.meta.url));
const ordinary = ACCOUNTS.filter(({ account, skip }) => account !== 'root' && !skip);

/** Makes more threads in one process than the job may have in all, of the smallest stack that there is, and lets them rest. */
const HOARD = `
  const { dlopen } = require('node:ffi');
  const { functions: c } = dlopen('libc.so.6', {
    dlsym: { arguments: ['u64', 'pointer'], return: 'u64' },
    pthread_attr_init: { arguments: ['pointer'], return: 'i32' },
    pthread_attr_setstacksize: { arguments: ['pointer', 'u64'], return: 'i32' },
    pthread_create: { arguments: ['pointer', 'pointer', 'u64', 'u64'], return: 'i32' },
  });
  const attributes = Buffer.alloc(128);
  c.pthread_attr_init(attributes);
  c.pthread_attr_setstacksize(attributes, 16384n);
  const pause = c.dlsym(0n, Buffer.from('pause\\0'));
  let made = 0;
  while (made < 600 && c.pthread_create(Buffer.alloc(8), attributes, pause, 0n) === 0) made += 1;
  setTimeout(() => process.exit(0), 50_000);`;

let folder: string;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const lite = KERNEL_LEVELS.find(({ level }) => level === 'kernel-lite');

describe.skipIf(lite?.skip || ordinary.length === 0)('the threads of a job at kernel-lite', () => {
  it.each(ordinary)('of $account, which no kernel counts, are counted and end it', ({ program, before }) => {
    const { stderr } = spawnSync(program, [...before, JOB, folder, `node --no-warnings -e "${HOARD}"`], {
      env: { PATH: '/usr/bin:/bin' },
    });
    expect(JSON.parse(String(stderr))).toMatchObject({ exitCode: null, stopped: 'processes' });
  });
});
