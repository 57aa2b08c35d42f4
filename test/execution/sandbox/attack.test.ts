import { describe, expect, it } from 'vitest';
import { attack, openWays } from './attacking.ts';
import { ACCOUNTS, KERNEL_LEVELS } from './levels.ts';

/** What Node alone closes: calling the kernel is possible then; what it is asked for is refused. */
const LEFT_TO_NODE = ['code from a string', 'native addon', 'native calls', 'process.binding'];

/**
 * A job may start processes, call the kernel, and see the list of processes where it is its own. That a signal to everybody
 * is not refused says nothing: those whom it does not reach are passed over in silence. Its parent is tried by itself.
 */
const JOBS_MAY = [
  ...LEFT_TO_NODE,
  ...['spawn node', 'spawn shell', 'fork by a call', 'list processes'],
  ...['signal everybody', 'signal everybody by a call'],
  // Of a job all memory is watched, of whatever kind.
  ...['memory of its own that is shared', 'memory that grows down'],
];

describe('the attack', () => {
  it('succeeds where nothing isolates, so that its failure means something', () => {
    const ways = openWays(attack('none', 'all'));
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
          expect(openWays(attack(level, 'all', how))).toEqual([]);
        });

        it.skipIf(skip)(
          `finds none at ${level} by the kernel's walls alone, native calls included${without}`,
          () => {
            const open = openWays(attack(level, 'kernel', how));
            expect(open.filter((way) => !LEFT_TO_NODE.includes(way))).toEqual([]);
          },
        );

        it.skipIf(skip)(`finds no way out of a job at ${level}, native calls included${without}`, () => {
          const seen = attack(level, 'job', how);
          if (process.arch === 'x64') expect(seen['native calls']).toBe('open');
          expect(openWays(seen).filter((way) => !JOBS_MAY.includes(way))).toEqual([]);
        });
      }

      it('at process gets past Node only where its documentation says so', () => {
        const ways = openWays(attack('process', 'all', how));
        const documented = ['signal parent', 'signal everybody', 'renice parent', 'write by sqlite'];
        expect(ways.filter((way) => !documented.includes(way))).toEqual([]);
      });
    });
  }
});
