/** PostgreSQL without an installation: for a first look, for tests, for one machine. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '../errors.ts';
import { type Account, chooseAccount } from './embedded/account.ts';
import { accepts, adopt, type Urls, urlsOf } from './embedded/adopt.ts';
import { nativeFolder, prepareBinaries, reachableBy } from './embedded/binaries.ts';
import { createCluster, type Site } from './embedded/cluster.ts';
import { type Layout, layoutOf, moveOutside, preparePrivateFolder } from './embedded/folder.ts';
import { isInUse, takeLease, whileLocked } from './embedded/leases.ts';
import { makePasswords, type Passwords, readPasswords, SUPERUSER, urlFor } from './embedded/secrets.ts';
import { livePostmaster, startPostmaster, stopPostmaster } from './embedded/server.ts';
import { storeError } from './postgres-errors.ts';

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

function openSite(layout: Layout, account: Account): Site {
  if (account.kind !== 'nobody') {
    return { layout, account, binaries: prepareBinaries(nativeFolder(), layout.links) };
  }
  const native = reachableBy(account, nativeFolder(), layout.place);
  return { layout, account, binaries: prepareBinaries(native, layout.links) };
}

/** Where everything lies; decided before the first cluster is made, and the same ever after. */
function prepareLayout(dataFolder: string, account: Account): Layout {
  preparePrivateFolder(path.resolve(dataFolder));
  const layout = layoutOf(dataFolder);
  preparePrivateFolder(layout.root);
  if (account.kind !== 'nobody' || existsSync(layout.cluster)) return layout;
  moveOutside(layout, account);
  return layoutOf(dataFolder);
}

/**
 * Starts the server of this data folder, or adopts the one that runs. Throws `AppError`: `data_folder`,
 * `disk_full`, `database_unavailable`.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const account = options.account ?? chooseAccount();
  try {
    const layout = prepareLayout(options.dataFolder, account);
    return await whileLocked(layout, () => startLocked(layout, account, options));
  } catch (error) {
    throw fileError(error);
  }
}

async function start(site: Site, passwords: Passwords, options: EmbeddedOptions): Promise<number> {
  const settings = options.settings ?? [];
  await createCluster(site, passwords, !settings.includes('fsync=off'));
  const wish = options.port === undefined ? {} : { port: options.port };
  const { port } = await startPostmaster(site, { ...wish, extra: settings });
  options.log(`Embedded PostgreSQL listens on 127.0.0.1:${port}.`);
  return port;
}

async function startLocked(layout: Layout, account: Account, options: EmbeddedOptions): Promise<Embedded> {
  const passwords = readPasswords(layout.secrets) ?? makePasswords(layout.secrets);
  const running = await adopt(layout, passwords);
  if (running !== null)
    options.log(`Embedded PostgreSQL was already running on 127.0.0.1:${running}; using it.`);
  const port = running ?? (await start(openSite(layout, account), passwords, options));
  const release = takeLease(layout);
  return {
    ...urlsOf(passwords, port),
    adopted: running !== null,
    stop: () => endUse(layout, release),
  };
}

async function endUse(layout: Layout, release: () => void): Promise<void> {
  // The data may have been emptied meanwhile, the server with it.
  if (!existsSync(layout.root)) return;
  try {
    await whileLocked(layout, () => stopLocked(layout, release));
  } catch (error) {
    // On a full disk there is no room for the lock, and a server left behind would be worse than a race.
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    await stopLocked(layout, release);
  }
}

async function stopLocked(layout: Layout, release: () => void): Promise<void> {
  release();
  if (isInUse(layout)) return;
  const running = livePostmaster(layout);
  if (running !== null) await stopPostmaster(running.pid);
}

/** What our own files and spawns in the data folder run into. */
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
  if (code === 'EACCES' || code === 'EPERM' || code === 'ENOENT') {
    return new AppError(
      'database_unavailable',
      'The embedded PostgreSQL cannot be run here. Set DATABASE_URL to a PostgreSQL server.',
      { cause: error },
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

/**
 * Stops a server that a crash left running and empties the data folder: keys, database, everything. Ask before.
 * Throws `AppError('conflict')` while a process uses it: that one would go on without its keys.
 */
export async function resetLocalData(dataFolder: string): Promise<void> {
  const folder = path.resolve(dataFolder);
  preparePrivateFolder(folder);
  const layout = layoutOf(folder);
  if (existsSync(layout.root)) await whileLocked(layout, () => removeUnused(layout));
  for (const name of readdirSync(folder)) rmSync(path.join(folder, name), { recursive: true, force: true });
}

async function removeUnused(layout: Layout): Promise<void> {
  if (isInUse(layout))
    throw new AppError('conflict', 'The assistant is running on this data. Stop it first.');
  const running = livePostmaster(layout);
  if (running !== null) await stopPostmaster(running.pid);
  rmSync(layout.place, { recursive: true, force: true });
}
