/** Programs in processes of their own, as they run in earnest: whoever measures does not share their time. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Context } from './bench.ts';

/** A first start makes a database. */
const START_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 5_000;

/**
 * Runs a TypeScript file until the benchmark ends and answers the port that it says it listens on. Its environment is
 * `env` and the search path: what the operator has set must not reach it.
 */
export async function serve(
  context: Context,
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const child = spawn(process.execPath, [script, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  context.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await exited;
    clearTimeout(timer);
  });
  let said = '';
  const listens = Promise.withResolvers<number>();
  const look = (chunk: Buffer): void => {
    said += chunk;
    const port = / listens on 127\.0\.0\.1:(\d+)\.|^listens on 127\.0\.0\.1:(\d+)\./m.exec(said);
    if (port) listens.resolve(Number(port[1] ?? port[2]));
  };
  child.stdout.on('data', look);
  child.stderr.on('data', look);
  const late = setTimeout(
    () => listens.reject(new Error(`${script} does not start: ${said}`)),
    START_WITHIN_MS,
  );
  void exited.then(([code]) => listens.reject(new Error(`${script} ended with ${code}: ${said}`)));
  try {
    return await listens.promise;
  } finally {
    clearTimeout(late);
  }
}
