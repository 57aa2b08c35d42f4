import { describe, expect, it } from 'vitest';
import { attack, openWays } from './attacking.ts';
import { ACCOUNTS, KERNEL_LEVELS } from './levels.ts';

/** What Node alone closes: calling the kernel is possible then; what it is asked for is refused. */
const LEFT_TO_NODE = ['code from a string', 'native addon', 'native calls', 'process.binding'];

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
      }

      it('at process gets past Node only where its documentation says so', () => {
        const ways = openWays(attack('process', 'all', how));
        const documented = ['signal parent', 'signal everybody', 'renice parent', 'write by sqlite'];
        expect(ways.filter((way) => !documented.includes(way))).toEqual([]);
      });
    });
  }
});
