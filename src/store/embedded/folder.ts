/** The data folder and what lies where in it. */
import { chmodSync, lstatSync, mkdirSync, type Stats } from 'node:fs';
import path from 'node:path';
import { AppError } from '../../errors.ts';

/** Read, write and enter for its owner alone. */
const PRIVATE = 0o700;

/** Paths of the embedded server, all below `postgres/` of the data folder. */
export type Layout = {
  root: string;
  /** PGDATA; exists only once it is complete. */
  cluster: string;
  /** PGDATA while it is being made. */
  unfinished: string;
  links: string;
  log: string;
  secrets: string;
  startLock: string;
  users: string;
};

export function layoutOf(dataFolder: string): Layout {
  const root = path.join(path.resolve(dataFolder), 'postgres');
  return {
    root,
    cluster: path.join(root, 'cluster'),
    unfinished: path.join(root, 'cluster.unfinished'),
    links: path.join(root, 'lib'),
    log: path.join(root, 'server.log'),
    secrets: path.join(root, 'passwords.json'),
    startLock: path.join(root, 'start.lock'),
    users: path.join(root, 'users'),
  };
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
 * Makes the data folder, or tightens ours to 0700. Throws `AppError('data_folder')` when it is another account's:
 * whoever owns the folder could swap keys and database.
 */
export function preparePrivateFolder(folder: string): void {
  const found = look(folder);
  if (found === null) {
    try {
      mkdirSync(folder, { recursive: true, mode: PRIVATE });
    } catch (cause) {
      throw new AppError('data_folder', `The data folder ${folder} cannot be made.`, { cause });
    }
  } else if (!found.isDirectory()) {
    throw new AppError('data_folder', `The data folder ${folder} is not a folder.`);
  } else if (process.getuid !== undefined && found.uid !== process.getuid()) {
    throw new AppError(
      'data_folder',
      `The data folder ${folder} belongs to another account. Set COUNTERSIGN_DATA.`,
    );
  }
  // Also after mkdir, whose mode a strange umask may have narrowed.
  chmodSync(folder, PRIVATE);
}
