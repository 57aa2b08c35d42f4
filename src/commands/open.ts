/**
 * What a command stands on: the database (the running one, or started for the moment), the keys, the log's writer and a
 * sequencer for where none runs. Neither Redis nor queues nor policies: a command must work when those do not.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { CHECKPOINT_FILE, createCheckpointFile } from '../audit/checkpoint-file.ts';
import type { AuditKeys } from '../audit/keys.ts';
import type { AuditLog } from '../audit/log.ts';
import { createPersonKeys, type PersonKeys } from '../audit/seal.ts';
import { createSequencer, type Passed } from '../audit/sequencer.ts';
import { createAuditLog } from '../audit/writer.ts';
import { type Config, readConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import { openKeys } from '../keys.ts';
import { type DatabaseAccess, migrateSchema, reachDatabase } from '../storage.ts';
import type { Database } from '../store/database.ts';
import { preparePrivateFolder } from '../store/embedded/folder.ts';
import { pendingMigrations } from '../store/migrate.ts';
import { migrationFiles } from '../store/migration-files.ts';
import { openDatabase } from '../store/postgres.ts';
import type { Invocation } from './command.ts';
import { opened, untilEnded } from './ending.ts';

export type Ground = { config: Config; access: DatabaseAccess; db: Database };

export type House = Ground & {
  keys: AuditKeys;
  personKeys: PersonKeys;
  audit: AuditLog;
  checkpointFile: string;
  /** Places and signs what waits, if nobody else is at it. */
  sequence(): Promise<Passed>;
};

/** With the schema in place; without it, an embedded database gets one and a server's is the operator's affair. */
export async function withGround<T>(
  invocation: Invocation,
  work: (ground: Ground) => Promise<T>,
): Promise<T> {
  const config = readConfig(invocation.env, invocation.cwd);
  const access = await opened(reachDatabase(config, () => undefined));
  return untilEnded(access.stop, async () => {
    const db = openDatabase({
      url: access.url,
      ...(access.role === undefined ? {} : { role: access.role }),
      // Every failure that matters to a command reaches it through the statement that failed.
      onError: () => undefined,
    });
    return untilEnded(db.close, async () => {
      await prepareSchema(db, access, invocation);
      return work({ config, access, db });
    });
  });
}

async function prepareSchema(db: Database, access: DatabaseAccess, { terminal }: Invocation): Promise<void> {
  const pending = await pendingMigrations(db);
  if (pending.length === 0) return;
  if (pending.length < migrationFiles().length) {
    // An older assistant may be running on it: a command must not change the ground below it.
    terminal.say('The database is older than this program. Run: npx countersign migrate');
    return;
  }
  if (!access.embedded) {
    throw new AppError('database_unavailable', 'The database is empty. Run: npx countersign migrate');
  }
  await migrateSchema(access);
}

/** The same with keys and log. Keys are made only where the log is empty: a lost key must be noticed, not replaced. */
export async function withHouse<T>(invocation: Invocation, work: (house: House) => Promise<T>): Promise<T> {
  return withGround(invocation, async (ground) => {
    const { config, db } = ground;
    const keys = await openKeys(config, db);
    for (const file of keys.made) {
      invocation.terminal.say(
        `New key: ${file}. Back it up: without it the log can neither be continued nor opened.`,
      );
    }
    const personKeys = createPersonKeys(keys.wrapKey);
    const audit = createAuditLog({ instance: randomUUID(), macKey: keys.macKey, personKeys });
    const checkpointFile = join(config.dataFolder, CHECKPOINT_FILE);
    const sequencer = createSequencer({
      db,
      macKey: keys.macKey,
      signer: keys.signer,
      onCheckpoint: (note) => deliverTo(checkpointFile, config, note),
      onAlert: ({ message }) => invocation.terminal.say(`Audit log: ${message}`),
    });
    return work({ ...ground, keys, personKeys, audit, checkpointFile, sequence: () => sequencer.runOnce() });
  });
}

/** Opened for each note: opening mends a torn end, which only the process that holds the sequencer's lock may do. */
async function deliverTo(path: string, config: Config, note: string): Promise<void> {
  preparePrivateFolder(config.dataFolder);
  const file = await createCheckpointFile(path);
  try {
    await file.append(note);
  } finally {
    await file.close();
  }
}
