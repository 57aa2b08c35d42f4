import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openFolder } from './levels.ts';
import { landlockAbi } from './old-landlock.ts';

const PROGRAM = fileURLToPath(new URL('./starved-run.ts', import.meta.url));
/** As a small service manager's limit would be, so that all of them are taken at once. */
const DESCRIPTORS = 256;

describe.skipIf(landlockAbi() < 1)('where no descriptors are left', () => {
  it('a run ends in words that say to try again, the assistant lives, and the next one runs', () => {
    const folder = openFolder();
    const { stdout, stderr, status } = spawnSync(
      '/bin/sh',
      ['-c', `ulimit -n ${DESCRIPTORS} && exec "$0" "$@"`, process.execPath, PROGRAM, folder],
      { env: { PATH: '/usr/bin:/bin' } },
    );
    rmSync(folder, { recursive: true, force: true });
    expect(status, String(stderr)).toBe(0);
    const busy = (code: string, what: string) =>
      `${code}: This machine is too busy to start ${what} now. Please try again in a moment.`;
    expect(JSON.parse(String(stdout))).toEqual({
      none: busy('crashed', 'it'),
      few: [busy('crashed', 'it'), busy('overloaded', 'the job')],
      all: ['answered', 'exit 0'],
    });
  });
});
