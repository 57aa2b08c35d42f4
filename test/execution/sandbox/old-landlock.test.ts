import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { establishJobLevel, establishLevel } from '../../../src/execution/sandbox/probe.ts';
import { AS_OURSELVES, attack, openWays } from './attacking.ts';
import { ACCOUNTS, openFolder } from './levels.ts';
import { landlockAbi, makeLandlockOld } from './old-landlock.ts';

/** From here on Landlock itself keeps signals inside; below, the filter refuses them. */
const ABI_WITH_SIGNALS = 6;
const here = landlockAbi();
/** Every kernel that ever had it, up to this one. */
const ABIS = Array.from({ length: Math.max(0, here) }, (_, index) => index + 1);
const LEFT_TO_NODE = ['code from a string', 'native addon', 'native calls', 'process.binding'];
const JOB = fileURLToPath(new URL('./job-run.ts', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(here < 1)(`kernel-lite on an older kernel (this one has Landlock ABI ${here})`, () => {
  it.each(ABIS)('lets nothing out at ABI %i, by the kernel alone', async (abi) => {
    await makeLandlockOld(folder, abi);
    const open = openWays(attack('kernel-lite', 'kernel', AS_OURSELVES, folder));
    expect(open.filter((way) => !LEFT_TO_NODE.includes(way))).toEqual([]);
  });

  it.each(ABIS)('is established by the self-attack at ABI %i', async (abi) => {
    await makeLandlockOld(folder, abi);
    const from = { outFolder: folder, strongest: 'kernel-lite' as const };
    for (const { attempts } of [await establishLevel(from), await establishJobLevel(from)])
      expect(attempts).toEqual([{ level: 'kernel-lite', held: true, failures: [] }]);
  });

  it('is not established where there is no Landlock at all', async () => {
    await makeLandlockOld(folder, 0);
    const established = await establishLevel({ outFolder: folder, strongest: 'kernel-lite' });
    expect(established).toMatchObject({
      level: 'process',
      attempts: [{ level: 'kernel-lite', held: false }, {}],
    });
    expect(established.attempts[0]?.failures[0]).toContain('Landlock was refused');
  });
});

const ordinary = ACCOUNTS.filter(({ account, skip }) => account !== 'root' && !skip);

describe.skipIf(here < 1 || ordinary.length === 0)('a job of an ordinary account at kernel-lite', () => {
  /** Says whom it could signal: a process of its own, and one outside of the same account. */
  const SIGNALS = `sleep 60 & kill $! 2>/dev/null && echo own
    kill -0 $INPUT_OUTSIDE 2>/dev/null && echo outside
    true`;
  /** Asks for SIGIO to whoever is outside by fcntl, then by both ioctls: it ends whoever does not expect it. */
  const BY_DESCRIPTOR = `
    const { getRawPointer, dlopen } = require('node:ffi');
    const { syscall } = dlopen('libc.so.6', {
      syscall: { arguments: ['i64', 'i64', 'i64', 'i64', 'i64'], return: 'i64' },
    }).functions;
    const plain = (arg = 0) => BigInt(typeof arg === 'number' ? arg : getRawPointer(arg));
    const call = (...args) => Number(syscall(...[0, 1, 2, 3, 4].map((at) => plain(args[at]))));
    const pid = Buffer.from(Int32Array.of(Number(process.env.INPUT_OUTSIDE)).buffer);
    const [FCNTL, IOCTL, F_SETFL, F_SETOWN, O_ASYNC] = [72, 16, 4, 8, 0o20000];
    for (const own of [[FCNTL, F_SETOWN, pid.readInt32LE(0)], [IOCTL, 0x8901, pid], [IOCTL, 0x8902, pid]]) {
      const pair = Buffer.alloc(8);
      if (call(53, 1, 1, 0, pair) !== 0) throw new Error('no pair');
      const [number, command, value] = own;
      call(number, pair.readInt32LE(0), command, value);
      call(FCNTL, pair.readInt32LE(0), F_SETFL, O_ASYNC);
      if (call(1, pair.readInt32LE(4), Buffer.from('x'), 1) !== 1) throw new Error('nothing written');
    }
    console.log('tried');`;
  const signalled = ({ program, before }: (typeof ordinary)[number], script = SIGNALS): string => {
    const { stdout, stderr } = spawnSync(program, [...before, JOB, folder, script], {
      env: { PATH: '/usr/bin:/bin' },
    });
    expect(String(stderr)).toContain('"exitCode":0');
    return String(stdout);
  };

  for (const how of ordinary) {
    it.skipIf(here < ABI_WITH_SIGNALS)(
      `as ${how.account}, signals its own processes alone where Landlock scopes signals`,
      async () => {
        await makeLandlockOld(folder, here);
        expect(signalled(how)).toBe('own\n');
      },
    );

    it(`as ${how.account}, signals nobody where only the filter can refuse it`, async () => {
      await makeLandlockOld(folder, ABI_WITH_SIGNALS - 1);
      expect(signalled(how)).toBe('');
    });

    it.skipIf(process.arch !== 'x64').each([here, ABI_WITH_SIGNALS - 1])(
      `as ${how.account}, has the kernel signal nobody outside either at ABI %i`,
      async (abi) => {
        await makeLandlockOld(folder, abi);
        expect(signalled(how, `node --no-warnings -e "${BY_DESCRIPTOR}"`)).toBe('tried\n');
      },
    );
  }
});
