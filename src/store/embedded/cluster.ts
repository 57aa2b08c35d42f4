/** Makes a database cluster with its three roles, completely or not at all. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../errors.ts';
import { type Account, under } from './account.ts';
import type { Binaries } from './binaries.ts';
import type { Layout } from './folder.ts';
import { APP_ROLE, DATABASE_NAME, OWNER_ROLE, type Passwords, SUPERUSER } from './secrets.ts';

export type Site = { layout: Layout; account: Account; binaries: Binaries };

type Ended = { code: number | null; output: string };

/** Runs a program to its end; all that it prints comes back for the operator. */
function run(site: Site, program: string, args: string[], input = ''): Promise<Ended> {
  const { command, args: words, options } = under(site.account, program, args);
  return new Promise((resolve, reject) => {
    // Detached, so that Ctrl-C reaches it through us and never leaves a cluster in an unknown state.
    const child = spawn(command, words, {
      ...options,
      cwd: '/',
      env: site.binaries.env,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout?.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      output += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
    // A program that ends early closes the pipe; its exit code tells why.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** An `AppError` for what PostgreSQL said while it failed. */
export function failureFrom(output: string, what: string): AppError {
  const cause = new Error(output.trim());
  if (/No space left on device|Disk quota exceeded/i.test(output)) {
    return new AppError(
      'disk_full',
      'The disk with the data folder is full. Free some space and start again.',
      {
        cause,
      },
    );
  }
  if (/Permission denied/i.test(output)) {
    return new AppError(
      'database_unavailable',
      `${what}: its account may not read its files. Set DATABASE_URL to a PostgreSQL server.`,
      { cause },
    );
  }
  return new AppError(
    'database_unavailable',
    `${what}. See server.log in the data folder, or set DATABASE_URL.`,
    {
      cause,
    },
  );
}

/** One statement a line, as single-user mode wants it. The passwords hold no character that SQL would mind. */
function rolesSql(passwords: Passwords): string {
  const attributes = 'LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS';
  return [
    `CREATE ROLE ${OWNER_ROLE} ${attributes} PASSWORD '${passwords.owner}'`,
    `CREATE ROLE ${APP_ROLE} ${attributes} PASSWORD '${passwords.app}'`,
    `CREATE DATABASE ${DATABASE_NAME} OWNER ${OWNER_ROLE}`,
    `REVOKE ALL ON DATABASE ${DATABASE_NAME} FROM PUBLIC`,
    `GRANT CONNECT ON DATABASE ${DATABASE_NAME} TO ${APP_ROLE}`,
    '',
  ].join('\n');
}

function writePasswordFile(site: Site, file: string, word: string): void {
  const descriptor = openSync(file, 'w', 0o600);
  writeSync(descriptor, `${word}\n`);
  closeSync(descriptor);
  if (site.account.kind === 'nobody') chownSync(file, site.account.uid, site.account.gid);
}

const UNFINISHED = 'cluster.unfinished-';

/**
 * What starts before us left. Their programs may still be writing there: no name is used twice, and a folder that fills while it
 * is emptied is tried again, for up to some ten seconds (the wait grows by its first length with each try).
 */
async function clearUnfinished(place: string): Promise<void> {
  for (const name of readdirSync(place).filter((found) => found.startsWith(UNFINISHED))) {
    await rm(path.join(place, name), { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

/**
 * Makes the cluster beside its place and moves it there once it is complete, so that a full disk or a crash never
 * leaves half a cluster that looks good. `sync`: survive a power failure from the first moment. Throws `AppError` with `disk_full` or `database_unavailable`.
 */
export async function createCluster(site: Site, passwords: Passwords, sync: boolean): Promise<void> {
  const { layout, binaries } = site;
  if (existsSync(layout.cluster)) return;
  await clearUnfinished(layout.place);
  const unfinished = path.join(layout.place, `${UNFINISHED}${randomBytes(6).toString('hex')}`);
  const passwordFile = path.join(layout.place, 'bootstrap.password');
  try {
    writePasswordFile(site, passwordFile, passwords.superuser);
    const made = await run(site, binaries.initdb, [
      `--pgdata=${unfinished}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--data-checksums',
      '--encoding=UTF8',
      '--locale=C',
      ...(sync ? [] : ['--no-sync']),
    ]);
    if (made.code !== 0) throw failureFrom(made.output, 'The embedded PostgreSQL could not be set up');
    // Single-user mode does not stop at an error and may still exit 0.
    const roles = await run(
      site,
      binaries.postgres,
      [
        '--single',
        '-D',
        unfinished,
        '-c',
        'log_statement=none',
        '-c',
        'log_min_error_statement=panic',
        'postgres',
      ],
      rolesSql(passwords),
    );
    if (roles.code !== 0 || /\b(ERROR|FATAL|PANIC):/.test(roles.output)) {
      throw failureFrom(roles.output, 'The roles of the embedded PostgreSQL could not be made');
    }
    renameSync(unfinished, layout.cluster);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw error;
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** Empties the log before a start; the end of the one before stays beside it. */
export function freshLog(layout: Layout): void {
  if (existsSync(layout.log)) renameSync(layout.log, `${layout.log}.before`);
  writeFileSync(layout.log, '', { mode: 0o600 });
}
