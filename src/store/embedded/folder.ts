/** The data folder and what lies where in it. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { AppError } from '../../errors.ts';

/** Read, write and enter for its owner alone. */
const PRIVATE = 0o700;

/** Where another account keeps its cluster when it cannot enter our data folder; one folder below for each of ours. */
const OUTSIDE = '/var/lib/countersign';

/** Paths of the embedded server, below `postgres/` of the data folder unless `place` is elsewhere. */
export type Layout = {
  root: string;
  /** Holds what the server's account must reach: cluster, links, copies of the programs. */
  place: string;
  /** PGDATA; exists only once it is complete. */
  cluster: string;
  links: string;
  log: string;
  secrets: string;
  startLock: string;
  users: string;
};

const placeFile = (root: string) => path.join(root, 'place');

export function layoutOf(dataFolder: string): Layout {
  const root = path.join(path.resolve(dataFolder), 'postgres');
  const place = existsSync(placeFile(root)) ? readFileSync(placeFile(root), 'utf8').trim() : root;
  return {
    root,
    place,
    cluster: path.join(place, 'cluster'),
    links: path.join(place, 'lib'),
    log: path.join(root, 'server.log'),
    secrets: path.join(root, 'passwords.json'),
    startLock: path.join(root, 'start.lock'),
    users: path.join(root, 'users'),
  };
}

/**
 * Gives the cluster a place that the account can reach, since it may not enter our private folder, and notes it
 * there. As root only. Throws `AppError('data_folder')` when somebody else prepared that place.
 */
export function moveOutside(layout: Layout, account: { uid: number; gid: number }): void {
  const name = createHash('sha256').update(layout.root).digest('hex').slice(0, 16);
  const place = path.join(OUTSIDE, name);
  mkdirSync(OUTSIDE, { recursive: true, mode: 0o755 });
  const found = look(place);
  if (found === null) {
    mkdirSync(place, { mode: PRIVATE });
    chownSync(place, account.uid, account.gid);
  } else if (!found.isDirectory() || found.uid !== account.uid || (found.mode & 0o077) !== 0) {
    throw new AppError('data_folder', `The folder ${place} is not the database's own. Set DATABASE_URL.`);
  }
  writeFileSync(placeFile(layout.root), `${place}\n`, { mode: 0o600 });
}

function look(folder: string): Stats | null {
  try {
    return lstatSync(folder);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AppError('data_folder', `The data folder ${folder} cannot be read.`, { cause });
  }
}

/**
 * Whether the data folder is there. Throws `AppError('data_folder')` when it is another account's: whoever owns the folder
 * could swap keys and database.
 */
export function hasPrivateFolder(folder: string): boolean {
  const found = look(folder);
  if (found === null) return false;
  if (!found.isDirectory()) throw new AppError('data_folder', `The data folder ${folder} is not a folder.`);
  if (process.getuid !== undefined && found.uid !== process.getuid()) {
    throw new AppError(
      'data_folder',
      `The data folder ${folder} belongs to another account. Set COUNTERSIGN_DATA.`,
    );
  }
  return true;
}

/** Makes the data folder, or tightens ours to 0700. Throws `AppError('data_folder')` when it is another account's. */
export function preparePrivateFolder(folder: string): void {
  if (!hasPrivateFolder(folder)) {
    try {
      mkdirSync(folder, { recursive: true, mode: PRIVATE });
    } catch (cause) {
      throw new AppError('data_folder', `The data folder ${folder} cannot be made.`, { cause });
    }
  }
  // Also after mkdir, whose mode a strange umask may have narrowed.
  chmodSync(folder, PRIVATE);
}
