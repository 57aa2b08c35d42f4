/** The postmaster: started in a session of its own, recognised again, stopped. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { under } from './account.ts';
import { failureFrom, freshLog, type Site } from './cluster.ts';
import type { Layout } from './folder.ts';
import { commandLine, liveness, signal, waitUntil } from './processes.ts';

/** Recovery after a crash of a small database takes well under a second; a slow disk gets much more. */
const START_TIMEOUT_MS = 60_000;
/** A fast shutdown takes about 50 ms; what is not done by then is told to end at once, well before a stop of the product is cut short. */
const FAST_STOP_MS = 1_500;
/**
 * After SIGQUIT the postmaster ends at once and recovers at the next start. It waits five seconds for its own processes before it
 * kills them (SIGKILL_CHILDREN_AFTER_SECS): one that hangs, on a disk for instance, must not leave us with a server that does not end.
 */
const IMMEDIATE_STOP_MS = 15_000;
/** A dead postmaster may stay a zombie, and its children alive, for about 2 s. */
const ZOMBIE_PATIENCE_MS = 10_000;
/** How often another port is tried before we give up. */
const PORT_TRIES = 5;

/** What postmaster.pid says: line 1 the process, line 4 the port, line 8 whether it is ready. */
export type Postmaster = { pid: number; port: number; ready: boolean };

export function readPostmaster(layout: Layout): Postmaster | null {
  const file = path.join(layout.cluster, 'postmaster.pid');
  let lines: string[];
  try {
    lines = readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  return { pid: Number(lines[0]), port: Number(lines[3]), ready: (lines[7] ?? '').trim() === 'ready' };
}

/** A running postmaster of this very cluster; a number used again by another program is not one. */
export function livePostmaster(layout: Layout): Postmaster | null {
  const found = readPostmaster(layout);
  if (found === null || liveness(found.pid) !== 'alive') return null;
  return commandLine(found.pid).includes(layout.cluster) ? found : null;
}

/**
 * Clears the way for a start: waits for a zombie, then removes a lock file whose process is not a postmaster of
 * this cluster. PostgreSQL itself would refuse to start beside any live process of that number.
 */
async function forgetDeadPostmaster(layout: Layout): Promise<void> {
  const found = readPostmaster(layout);
  if (found === null || livePostmaster(layout) !== null) return;
  await waitUntil(() => liveness(found.pid) !== 'zombie', ZOMBIE_PATIENCE_MS);
  if (liveness(found.pid) !== 'gone') rmSync(path.join(layout.cluster, 'postmaster.pid'), { force: true });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

function settings(port: number, extra: readonly string[]): string[] {
  const list = [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    'unix_socket_directories=',
    'password_encryption=scram-sha-256',
    'shared_buffers=64MB',
    'max_connections=100',
    // Statements hold what people wrote; the log is only for the operator of the server.
    'log_min_error_statement=panic',
    'log_statement=none',
    ...extra,
  ];
  return list.flatMap((setting) => ['-c', setting]);
}

/** Starts the postmaster once; answers null when the port was taken meanwhile. */
async function startOnce(site: Site, port: number, extra: readonly string[]): Promise<Postmaster | null> {
  const { layout, binaries } = site;
  freshLog(layout);
  const log = openSync(layout.log, 'a');
  const { command, args, options } = under(site.account, binaries.postgres, [
    '-D',
    layout.cluster,
    ...settings(port, extra),
  ]);
  const child = spawn(command, args, {
    ...options,
    cwd: '/',
    env: binaries.env,
    // A session of its own: Ctrl-C in the terminal is for us, and we stop the database last.
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  let ended = false;
  child.on('error', () => {
    ended = true;
  });
  child.on('exit', () => {
    ended = true;
  });
  child.unref();
  const ready = () => {
    const found = readPostmaster(layout);
    return found?.pid === child.pid && found?.ready === true;
  };
  await waitUntil(() => ended || ready(), START_TIMEOUT_MS);
  if (!ended && ready()) return readPostmaster(layout);
  if (child.pid !== undefined && !ended) await stopPostmaster(child.pid);
  const output = existsSync(layout.log) ? readFileSync(layout.log, 'utf8') : '';
  if (/Address already in use|could not create any TCP\/IP sockets/.test(output)) return null;
  throw failureFrom(output, 'The embedded PostgreSQL does not start');
}

/** Starts the cluster's server on a free port of the loopback interface. Throws `AppError`. */
export async function startPostmaster(
  site: Site,
  options: { port?: number; extra?: readonly string[] } = {},
): Promise<Postmaster> {
  await forgetDeadPostmaster(site.layout);
  let port = options.port ?? (await freePort());
  for (let tries = 0; tries < PORT_TRIES; tries += 1) {
    const started = await startOnce(site, port, options.extra ?? []);
    if (started !== null) return started;
    port = await freePort();
  }
  throw failureFrom('No free port was found.', 'The embedded PostgreSQL does not start');
}

/** Fast shutdown (SIGINT); immediate (SIGQUIT) when that hangs. Returns when the process is gone. */
export async function stopPostmaster(pid: number): Promise<void> {
  const stopped = () => liveness(pid) !== 'alive';
  if (stopped()) return;
  signal(pid, 'SIGINT');
  if (await waitUntil(stopped, FAST_STOP_MS)) return;
  signal(pid, 'SIGQUIT');
  if (await waitUntil(stopped, IMMEDIATE_STOP_MS)) return;
  throw failureFrom('The postmaster does not end.', 'The embedded PostgreSQL does not stop');
}
