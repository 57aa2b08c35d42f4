/** An older kernel's Landlock: the launcher as it is bundled, told of fewer rights than this kernel knows. */
import { createHash } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundleLauncher } from '../../../src/execution/sandbox/bundle.ts';

const ASKED = 'call(LANDLOCK_CREATE_RULESET, 0, 0, 1)';

/** What this kernel knows; below 1 it has no Landlock. */
export function landlockAbi(): number {
  if (process.platform !== 'linux') return 0;
  const { functions } = process.getBuiltinModule('node:ffi').dlopen('libc.so.6', {
    syscall: { arguments: ['i64', 'i64', 'i64', 'i64'], return: 'i64' },
  });
  const { syscall } = functions as { syscall: (...args: bigint[]) => bigint };
  const LANDLOCK_CREATE_RULESET = 444n;
  const LANDLOCK_CREATE_RULESET_VERSION = 1n;
  return Number(syscall(LANDLOCK_CREATE_RULESET, 0n, 0n, LANDLOCK_CREATE_RULESET_VERSION));
}

/** Whatever is launched at `kernel-lite` with bundles from `folder` finds Landlock at most at this ABI. */
export async function makeLandlockOld(folder: string, abi: number): Promise<void> {
  const { file, sha256 } = await bundleLauncher(folder);
  const code = readFileSync(file, 'utf8');
  if (code.split(ASKED).length !== 2) throw new Error('The launcher asks for the ABI in another way now.');
  const old = code.replace(ASKED, `Math.min(${abi}, ${ASKED})`);
  const name = path.basename(file).replace(sha256, createHash('sha256').update(old).digest('hex'));
  writeFileSync(path.join(folder, name), old);
  const note = path.join(folder, '.launcher.sources');
  writeFileSync(note, readFileSync(note, 'utf8').replace(path.basename(file), name));
  // Another account reads them too.
  for (const made of [name, '.launcher.sources']) chmodSync(path.join(folder, made), 0o644);
}
