import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { establishJobLevel, establishLevel } from '../../../src/execution/sandbox/probe.ts';
import { ACCOUNTS, KERNEL_LEVELS, openFolder } from './levels.ts';

const PROBE = fileURLToPath(new URL('./probe-run.ts', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = openFolder();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program that stands in for Node and adds or removes flags: a Node whose walls are down. */
function nodeThat(line: string): string {
  const file = path.join(folder, `node-${Math.abs(line.length)}`);
  writeFileSync(file, `#!/bin/sh\n${line}\n`);
  chmodSync(file, 0o755);
  return file;
}

describe('establishing the level', () => {
  for (const { level, skip, reason } of KERNEL_LEVELS) {
    it.skipIf(skip)(`finds ${level}${skip ? ` (left out: ${reason})` : ''}`, async () => {
      const established = await establishLevel({ outFolder: folder, strongest: level });
      expect(established.attempts).toEqual([{ level, held: true, failures: [] }]);
      expect(established.level).toBe(level);
    });

    it.skipIf(skip)(`finds ${level} for jobs too${skip ? ` (left out: ${reason})` : ''}`, async () => {
      const established = await establishJobLevel({ outFolder: folder, strongest: level });
      expect(established).toEqual({ level, attempts: [{ level, held: true, failures: [] }] });
    });
  }

  it('finds none for jobs where nothing isolates them, and where only Node would', async () => {
    const without = { outFolder: folder, bubblewrap: path.join(folder, 'absent') };
    expect((await establishJobLevel(without)).attempts[0]).toMatchObject({ level: 'kernel', held: false });
    expect(await establishJobLevel({ outFolder: folder, strongest: 'process' })).toMatchObject({
      level: 'none',
    });
  });

  for (const { account, program, before, skip } of ACCOUNTS) {
    const [best] = KERNEL_LEVELS.filter((known) => !known.skip);
    const without = skip ? ' (left out: no such account can read this folder)' : '';
    it.skipIf(skip || best === undefined)(`finds the strongest there is as ${account}${without}`, () => {
      const bundles = openFolder();
      const { stdout } = spawnSync(program, [...before, PROBE, bundles], { env: { PATH: '/usr/bin:/bin' } });
      rmSync(bundles, { recursive: true, force: true });
      expect(JSON.parse(String(stdout))).toMatchObject({
        level: best?.level,
        confined: { uid: account === 'nobody' ? 65_534 : process.getuid?.() },
      });
    });
  }

  it('finds process by what the permission model promises', async () => {
    const established = await establishLevel({ outFolder: folder, strongest: 'process' });
    expect(established).toMatchObject({ level: 'process', attempts: [{ level: 'process', held: true }] });
  });

  it('finds none, and says what was open, when the walls are down', async () => {
    const real = process.execPath;
    const careless = nodeThat(
      `for flag; do shift; case "$flag" in --permission|--allow-fs-*) ;; *) set -- "$@" "$flag" ;; esac; done; exec ${real} "$@"`,
    );
    const established = await establishLevel({ outFolder: folder, strongest: 'process', node: careless });
    expect(established.level).toBe('none');
    expect(established.attempts[0]?.failures).toEqual(expect.arrayContaining(['read_file', 'tcp', 'spawn']));
  });

  it('does not take an attack that cannot succeed for a level that holds', async () => {
    const blunt = nodeThat(
      `case "$*" in *--allow-fs-read*|*-e*) exec ${process.execPath} "$@" ;; *) exit 3 ;; esac`,
    );
    const established = await establishLevel({ outFolder: folder, node: blunt });
    expect(established.level).toBe('none');
    expect(established.attempts).toHaveLength(1);
    expect(established.attempts[0]).toMatchObject({ level: 'none', held: false, unfinished: true });
  });
});
