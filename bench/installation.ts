/** An installation of its own for a benchmark: a folder that vanishes, and in it the embedded PostgreSQL as shipped. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, readConfig } from '../src/config.ts';
import type { Context } from './bench.ts';

/** A benchmark asks more in a minute than any person. */
const NO_LIMIT = 1_000_000;

/** A folder of ours only, removed at the end. */
export function temporaryFolder(context: Context): string {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  context.defer(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Local mode as a newcomer has it, on an empty folder, without limits of use. Nothing of the environment is read. */
export function localConfig(context: Context): Config {
  const folder = temporaryFolder(context);
  const config = readConfig({ COUNTERSIGN_DATA: join(folder, 'data'), PORT: '0' }, folder);
  return { ...config, limits: { turnsPerMinute: NO_LIMIT, requestsPerActionPerHour: NO_LIMIT } };
}

/** Storage says when it starts; only what goes wrong is worth a line here. */
export const storageLog = {
  info: (): void => undefined,
  error: (error: unknown, words: string): void => {
    process.stderr.write(`bench: ${words}: ${error instanceof Error ? error.stack : String(error)}\n`);
  },
};
