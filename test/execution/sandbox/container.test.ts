import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attack, openWays, type Through } from './attacking.ts';
import { ACCOUNTS, openFolder } from './levels.ts';
import { landlockAbi } from './old-landlock.ts';

const at = (name: string): string => fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
const NONE = '0000000000000000';
/** bubblewrap's own words, or ours where it is not installed. */
const NO_NAMESPACES = /namespace|Bubblewrap is not installed/;
const NODE = ['--disable-warning=ExperimentalWarning'];

/** No account but an ordinary one, no capability now or ever, as `deploy/` asks for. */
const ordinary = ACCOUNTS.find(({ account, skip }) => account !== 'root' && !skip);
const reason = ordinary ? '' : ' (left out: no ordinary account can read this folder)';

function inContainer({ program, before }: Through): Through {
  const dropping = ['--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'];
  const [last = process.execPath, ...rest] = [...before].reverse();
  const as = program === 'setpriv' ? [...rest.reverse(), ...dropping, last] : [...before];
  return { program, before: [...as, ...NODE, at('in-container')] };
}

let folder: string;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!ordinary || landlockAbi() < 1)(
  `an ordinary account under what a container's default profile leaves${reason}`,
  () => {
    const container = () => inContainer(ordinary!);

    it('reaches kernel-lite, by the same self-attack as anywhere', () => {
      const { program, before } = container();
      const { stdout, stderr } = spawnSync(program, [...before, at('probe-run'), folder], {
        env: { PATH: '/usr/bin:/bin' },
      });
      expect(String(stdout), String(stderr)).not.toBe('');
      const found = JSON.parse(String(stdout));
      expect(found.confined).toMatchObject({ capabilities: NONE, noNewPrivileges: '1' });
      expect(Number(found.confined.filters)).toBeGreaterThan(0);
      expect(found.confined.uid).not.toBe(0);
      expect(found.level).toBe('kernel-lite');
      expect(found.attempts).toMatchObject([
        { level: 'kernel', held: false, failures: [expect.stringMatching(NO_NAMESPACES)] },
        { level: 'kernel-lite', held: true, failures: [] },
      ]);
    });

    it('lets no attack out at that level', () => {
      expect(openWays(attack('kernel-lite', 'all', container()))).toEqual([]);
    });
  },
);
