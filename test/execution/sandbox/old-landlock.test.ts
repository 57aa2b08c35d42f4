import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { establishLevel } from '../../../src/execution/sandbox/probe.ts';
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
    const established = await establishLevel({ outFolder: folder, strongest: 'kernel-lite' });
    expect(established.attempts).toEqual([{ level: 'kernel-lite', held: true, failures: [] }]);
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
  const signalled = ({ program, before }: (typeof ordinary)[number]): string => {
    const { stdout, stderr } = spawnSync(program, [...before, JOB, folder, SIGNALS], {
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
  }
});
