/** Programs that some tests need and a bare machine may lack. */
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';

export type Program =
  | 'redis-server'
  | 'bwrap'
  | 'chromium'
  | 'rt-setup-database-5'
  | 'buildbot'
  | 'buildbot-worker'
  | 'agents-playground';

/** What is lost without it, and the command that installs it. */
const WITHOUT: Record<Program, string> = {
  'redis-server': 'Redis is not installed (apt-get install -y redis-server)',
  bwrap: 'bubblewrap is not installed (apt-get install -y bubblewrap)',
  chromium: 'Chromium is not installed (apt-get install -y chromium)',
  'rt-setup-database-5':
    'Request Tracker is not installed (apt-get install -y --no-install-recommends request-tracker5 rt5-db-sqlite rt5-standalone)',
  buildbot: 'Buildbot is not installed (apt-get install -y --no-install-recommends buildbot buildbot-worker)',
  'buildbot-worker':
    "Buildbot's worker is not installed (apt-get install -y --no-install-recommends buildbot-worker)",
  'agents-playground': 'the Agents Playground is not installed (npm run playground:install)',
};

/**
 * Microsoft's Agents Playground: `npm run playground:install` puts it into the build folder, as its licence allows evaluation
 * only. AGENTS_PLAYGROUND names another installation.
 */
export const PLAYGROUND =
  process.env.AGENTS_PLAYGROUND ??
  path.join(
    import.meta.dirname,
    '../../.build/playground/node_modules/@microsoft/m365agentsplayground/cli.js',
  );

const isThere = (program: Program): boolean =>
  program === 'agents-playground' ? existsSync(PLAYGROUND) : findProgram(program) !== null;

/** The program's path, or null. */
export function findProgram(name: string, searchPath: string = process.env.PATH ?? ''): string | null {
  // Debian keeps some servers where an ordinary user's PATH does not look.
  for (const folder of [...searchPath.split(path.delimiter), '/usr/sbin', '/sbin']) {
    if (folder === '') continue;
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not here; the next folder may have it.
    }
  }
  return null;
}

/**
 * `describe.skipIf(needs('bwrap').skip)`: leaves a test out where the program is missing, by name and with the
 * reason. With `CI=true` a missing program is a failure instead.
 */
export function needs(program: Program): { skip: boolean; reason: string } {
  if (isThere(program)) return { skip: false, reason: '' };
  if (process.env.CI === 'true') throw new Error(`With CI=true nothing is left out: ${WITHOUT[program]}.`);
  return { skip: true, reason: WITHOUT[program] };
}
