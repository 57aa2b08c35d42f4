import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACCOUNTS, KERNEL_LEVELS, openFolder } from './levels.ts';

type Seen = { results: Record<string, string>; environment: string[] };

const PROGRAM = fileURLToPath(new URL('./attack-run.ts', import.meta.url));
/** What the attacker looks for among its descriptors. */
const PLANTED_BYTES = 4242;

let folder: string;
let planted: number;
beforeAll(() => {
  folder = openFolder();
  const file = path.join(folder, 'planted');
  writeFileSync(file, 'x'.repeat(PLANTED_BYTES));
  planted = openSync(file, 'r');
});
afterAll(() => {
  closeSync(planted);
  rmSync(folder, { recursive: true, force: true });
});

function attack(how: { program: string; before: string[] }, level: string, walls: string): Seen {
  const bundles = openFolder();
  // Inherited by the program that starts the sandbox, as a supervisor's or a lock's would be; Node by itself
  // marks only the first sixteen descriptors as its own.
  const inherited = Array.from({ length: 27 }, () => 'ignore' as const);
  const stdio = ['ignore', 'pipe', 'pipe', ...inherited, planted] as const;
  const { stdout, stderr } = spawnSync(how.program, [...how.before, PROGRAM, level, walls, bundles], {
    env: { PATH: '/usr/bin:/bin', PARENT_SECRET: 'secret' },
    stdio: [...stdio],
  });
  rmSync(bundles, { recursive: true, force: true });
  if (stdout.length === 0) throw new Error(String(stderr));
  return JSON.parse(String(stdout)).value.result.data;
}

const open = ({ results }: Seen): string[] =>
  Object.entries(results)
    .filter(([, result]) => result === 'open')
    .map(([name]) => name);

describe('the attack', () => {
  it('succeeds where nothing isolates, so that its failure means something', () => {
    const ways = open(attack({ program: process.execPath, before: [] }, 'none', 'all'));
    expect(ways).toEqual(
      expect.arrayContaining([
        'read canary',
        'read /etc/passwd',
        'read parent environ',
        'list processes',
        'truncate canary',
        'change mode of canary',
        'remove canary link',
        'tcp',
        'listen',
        'udp',
        'unix socket',
        'spawn node',
        'spawn shell',
        'signal parent',
        'native calls',
      ]),
    );
  });

  for (const { account, skip: noAccount, ...how } of ACCOUNTS) {
    describe.skipIf(noAccount)(`as ${account}`, () => {
      for (const { level, skip, reason } of KERNEL_LEVELS) {
        const without = skip ? ` (left out: ${reason})` : '';
        it.skipIf(skip)(`finds no way out at ${level}${without}`, () => {
          const seen = attack(how, level, 'all');
          expect(open(seen)).toEqual([]);
          expect(seen.environment).not.toContain('PARENT_SECRET');
        });

        it.skipIf(skip)(
          `finds none at ${level} by the kernel's walls alone, native calls included${without}`,
          () => {
            const seen = attack(how, level, 'kernel');
            // Calling the kernel is possible then; what it is asked for is refused.
            expect(open(seen)).toEqual(process.arch === 'x64' ? ['native calls'] : []);
          },
        );
      }

      it('at process gets past Node only where its documentation says so', () => {
        const ways = open(attack(how, 'process', 'all'));
        expect(ways.filter((way) => !['signal parent', 'renice parent'].includes(way))).toEqual([]);
      });
    });
  }
});
