/** PostgreSQL without an installation: for a first look, for tests, for one machine. */
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { AppError } from '../errors.ts';
import { type Account, chooseAccount } from './embedded/account.ts';
import { nativeFolder, prepareBinaries } from './embedded/binaries.ts';
import { createCluster, type Site } from './embedded/cluster.ts';
import { type Layout, layoutOf, preparePrivateFolder } from './embedded/folder.ts';
import { isInUse, takeLease, whileLocked } from './embedded/leases.ts';
import { waitUntil } from './embedded/processes.ts';
import {
  APP_ROLE,
  makePasswords,
  OWNER_ROLE,
  type Passwords,
  readPasswords,
  SUPERUSER,
  urlFor,
} from './embedded/secrets.ts';
import { livePostmaster, startPostmaster, stopPostmaster } from './embedded/server.ts';
import { storeError } from './postgres-errors.ts';

/** An orphan that is still recovering from a crash gets this long to accept us before it is stopped. */
const ADOPT_TIMEOUT_MS = 5_000;

export type Urls = { appUrl: string; ownerUrl: string };
export type Embedded = Urls & {
  /** The server was already running: left by a crash, or used by another process. */
  adopted: boolean;
  /** Ends our use; the last user of the server stops it. */
  stop(): Promise<void>;
};

export type EmbeddedOptions = {
  dataFolder: string;
  /** One line for the operator. */
  log: (line: string) => void;
  /** Tried first; another one is picked when it is taken. */
  port?: number;
  /** Under which account the server runs; found out when absent. */
  account?: Account;
  /** Further `name=value` settings of PostgreSQL. */
  settings?: readonly string[];
};

function urlsOf(passwords: Passwords, port: number): Urls {
  return {
    appUrl: urlFor(APP_ROLE, passwords.app, port),
    ownerUrl: urlFor(OWNER_ROLE, passwords.owner, port),
  };
}

/** SCRAM proves both sides: only our cluster knows this password's verifier. */
async function accepts(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: ADOPT_TIMEOUT_MS });
  // What breaks while we look is the answer "no".
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A server that is already running and accepts our password; one that does not is stopped. */
async function adopt(layout: Layout, passwords: Passwords): Promise<number | null> {
  const running = livePostmaster(layout);
  if (running === null) return null;
  const { ownerUrl } = urlsOf(passwords, running.port);
  if (await waitUntil(() => accepts(ownerUrl), ADOPT_TIMEOUT_MS)) return running.port;
  await stopPostmaster(running.pid);
  return null;
}

function openSite(options: EmbeddedOptions): { site: Site; passwords: Passwords } {
  preparePrivateFolder(path.resolve(options.dataFolder));
  const layout = layoutOf(options.dataFolder);
  preparePrivateFolder(layout.root);
  const account = options.account ?? chooseAccount();
  const passwords = readPasswords(layout.secrets) ?? makePasswords(layout.secrets);
  return { site: { layout, account, binaries: prepareBinaries(nativeFolder(), layout.links) }, passwords };
}

/**
 * Starts the server of this data folder, or adopts the one that runs. Throws `AppError`: `data_folder`,
 * `disk_full`, `database_unavailable`.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  preparePrivateFolder(path.resolve(options.dataFolder));
  const layout = layoutOf(options.dataFolder);
  preparePrivateFolder(layout.root);
  try {
    return await whileLocked(layout, () => startLocked(options));
  } catch (error) {
    throw fileError(error);
  }
}

async function startLocked(options: EmbeddedOptions): Promise<Embedded> {
  const { site, passwords } = openSite(options);
  const adoptedPort = await adopt(site.layout, passwords);
  let port = adoptedPort;
  if (port === null) {
    await createCluster(site, passwords);
    const start = options.port === undefined ? {} : { port: options.port };
    port = (await startPostmaster(site, { ...start, extra: options.settings ?? [] })).port;
    options.log(`Embedded PostgreSQL listens on 127.0.0.1:${port}.`);
  } else {
    options.log(`Embedded PostgreSQL was already running on 127.0.0.1:${port}; using it.`);
  }
  const release = takeLease(site.layout);
  return {
    ...urlsOf(passwords, port),
    adopted: adoptedPort !== null,
    stop: () => whileLocked(site.layout, () => stopLocked(site.layout, release)),
  };
}

async function stopLocked(layout: Layout, release: () => void): Promise<void> {
  release();
  if (isInUse(layout)) return;
  const running = livePostmaster(layout);
  if (running !== null) await stopPostmaster(running.pid);
}

/** A full disk met by our own writes in the data folder. */
function fileError(error: unknown): unknown {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AppError(
      'disk_full',
      'The disk with the data folder is full. Free some space and start again.',
      {
        cause: error,
      },
    );
  }
  return storeError(error);
}

/** The addresses of a server that runs in this data folder, or null. */
export async function findEmbedded(dataFolder: string): Promise<Urls | null> {
  const layout = layoutOf(dataFolder);
  const running = livePostmaster(layout);
  const passwords = running === null ? null : readPasswords(layout.secrets);
  if (running === null || passwords === null) return null;
  const urls = urlsOf(passwords, running.port);
  return (await accepts(urls.appUrl)) ? urls : null;
}

/** The bootstrap superuser's address: for tests that clone databases; the product never uses it. */
export function superuserUrl(dataFolder: string): string {
  const layout = layoutOf(dataFolder);
  const running = livePostmaster(layout);
  const passwords = readPasswords(layout.secrets);
  if (running === null || passwords === null) throw new Error('No embedded server is running there.');
  return urlFor(SUPERUSER, passwords.superuser, running.port, 'postgres');
}

/** Stops the server and empties the data folder: keys, database, everything. Ask before. */
export async function resetLocalData(dataFolder: string): Promise<void> {
  const folder = path.resolve(dataFolder);
  preparePrivateFolder(folder);
  const running = livePostmaster(layoutOf(folder));
  if (running !== null) await stopPostmaster(running.pid);
  for (const name of readdirSync(folder)) rmSync(path.join(folder, name), { recursive: true, force: true });
}
