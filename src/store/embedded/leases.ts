/** Several processes may use one data folder: who is using the server, and who is starting or stopping it. */
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '../../errors.ts';
import type { Layout } from './folder.ts';
import { birthmark, liveness, waitUntil } from './processes.ts';

/** A first start (initdb) takes some seconds on a slow disk, the stop of a server that hangs some fifteen; nobody holds the lock longer. */
const LOCK_PATIENCE_MS = 90_000;

let serial = 0;

/** Names this process and one use of it: `PID-BIRTHMARK-N`. */
function ownName(): string {
  serial += 1;
  return `${process.pid}-${birthmark(process.pid)}-${serial}`;
}

function isHeld(name: string): boolean {
  const [pid = '', mark = ''] = name.split('-');
  const number = Number(pid);
  return liveness(number) === 'alive' && birthmark(number) === mark;
}

/** The lock appears whole: `link` fails when the name is taken, and the file already has its content. */
function tryLock(file: string, name: string): boolean {
  const own = `${file}.${name}`;
  writeFileSync(own, name, { mode: 0o600 });
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(own, { force: true });
  }
}

/** Null where it was released between two looks. */
function holderOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Removes the lock of a dead process. Of several that see it one may: the slower would remove what the quicker has taken since. The
 * right to it is a lock too, named after the dead and broken like any other; whoever comes to it late finds another holder.
 */
function breakDeadLock(file: string, name: string): void {
  const holder = holderOf(file);
  if (holder === null || isHeld(holder)) return;
  const right = `${file}.of.${holder}`;
  if (!tryLock(right, name)) {
    breakDeadLock(right, name);
    return;
  }
  try {
    if (holderOf(file) === holder) rmSync(file, { force: true });
  } finally {
    rmSync(right, { force: true });
  }
}

/** Runs `work` while no other process starts or stops this server. A lock of a dead process is broken. */
export async function whileLocked<T>(layout: Layout, work: () => Promise<T>): Promise<T> {
  const name = ownName();
  const got = await waitUntil(() => {
    if (tryLock(layout.startLock, name)) return true;
    breakDeadLock(layout.startLock, name);
    return false;
  }, LOCK_PATIENCE_MS);
  if (!got)
    throw new AppError('data_folder', 'Another process has been starting in this data folder for too long.');
  try {
    return await work();
  } finally {
    rmSync(layout.startLock, { force: true });
  }
}

/** Registers one use of the server; the answer ends it. */
export function takeLease(layout: Layout): () => void {
  mkdirSync(layout.users, { recursive: true, mode: 0o700 });
  const file = path.join(layout.users, ownName());
  writeFileSync(file, '', { mode: 0o600 });
  return () => rmSync(file, { force: true });
}

/** True while any living process uses the server. Leases of dead ones are cleared away. */
export function isInUse(layout: Layout): boolean {
  mkdirSync(layout.users, { recursive: true, mode: 0o700 });
  let used = false;
  for (const name of readdirSync(layout.users)) {
    if (isHeld(name)) used = true;
    else rmSync(path.join(layout.users, name), { force: true });
  }
  return used;
}
