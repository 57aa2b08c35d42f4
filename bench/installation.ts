/** An installation of its own for a benchmark: a folder that vanishes, and in it the embedded PostgreSQL as shipped. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Config, readConfig } from '../src/config.ts';
import { resetLocalData } from '../src/store/embedded.ts';
import type { Context } from './bench.ts';

/** A benchmark asks more in a minute than any person. */
const NO_LIMIT = 1_000_000;

/** A folder of ours only, removed at the end. */
export function temporaryFolder(context: Context): string {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  context.defer(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A data folder; at the end its server is stopped, should anybody have left it, and all that it keeps elsewhere goes. */
export function temporaryData(context: Context): string {
  const data = join(temporaryFolder(context), 'data');
  context.defer(() => resetLocalData(data));
  return data;
}

/** Local mode as a newcomer has it, on an empty folder, without limits of use. Nothing of the environment is read. */
export function localConfig(context: Context): Config {
  const data = temporaryData(context);
  const config = readConfig({ COUNTERSIGN_DATA: data, PORT: '0' }, dirname(data));
  return { ...config, limits: { turnsPerMinute: NO_LIMIT, requestsPerActionPerHour: NO_LIMIT } };
}

/** Stops what is still starting too, when a signal comes in between: it may have a server running by then. */
export function stopWhenStarted<T>(
  context: Context,
  starting: Promise<T>,
  stop: (started: T) => Promise<void>,
): void {
  // What does not start has cleaned up after itself, and whoever waits for it is told.
  context.defer(() => starting.then(stop, () => undefined));
}

/** Storage says when it starts; only what goes wrong is worth a line here. */
export const storageLog = {
  info: (): void => undefined,
  error: (error: unknown, words: string): void => {
    process.stderr.write(`bench: ${words}: ${error instanceof Error ? error.stack : String(error)}\n`);
  },
};
