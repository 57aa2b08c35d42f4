/** Brings the schema up to date with the owner role: our tables, then the queues. */
import pg from 'pg';
import { AppError } from '../errors.ts';
import type { Sql } from './database.ts';
import { APP_ROLE } from './embedded/secrets.ts';
import { type MigrationFile, migrationFiles } from './migration-files.ts';
import { connectionConfig } from './postgres-connection.ts';
import { storeError } from './postgres-errors.ts';
import type { QueueSettings } from './queue-names.ts';
import { installQueues } from './queue-schema.ts';
import { ensureAppRole } from './roles.ts';

/** Any constant of our own: two starts take turns. */
const MIGRATION_LOCK = 4_201_873_365;
/** The other start may be building an index on a large table. */
const LOCK_TIMEOUT_MS = 60_000;
const STATEMENT_TIMEOUT_MS = 600_000;

export type MigrateOptions = {
  ownerUrl: string;
  appRole: typeof APP_ROLE;
  queues: Readonly<Record<string, QueueSettings>>;
  /** Connections of the owner's login take the application role: no login of its own is configured for it. */
  ownerTakesRole?: boolean;
  /** The migrations to run; the product's own when absent. */
  files?: readonly MigrationFile[];
};

type Applied = { name: string; sha256: string };

function changedFile(name: string): AppError {
  return new AppError('config_invalid', `The migration ${name} was changed after it had been applied.`);
}

/** What is still to run. Throws when a file that already ran is not the same any more. */
function outstanding(files: readonly MigrationFile[], applied: readonly Applied[]): MigrationFile[] {
  const known = new Map(applied.map((row) => [row.name, row.sha256]));
  for (const file of files) {
    const digest = known.get(file.name);
    if (digest !== undefined && digest !== file.sha256) throw changedFile(file.name);
  }
  return files.filter((file) => !known.has(file.name));
}

async function prepareLedger(client: pg.Client): Promise<void> {
  await client.query(`CREATE TABLE IF NOT EXISTS public.migrations (
    name text PRIMARY KEY,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
  )`);
  await client.query(`GRANT SELECT ON public.migrations TO ${APP_ROLE}`);
}

async function apply(client: pg.Client, file: MigrationFile): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(file.sql);
    await client.query('INSERT INTO public.migrations (name, sha256) VALUES ($1, $2)', [
      file.name,
      file.sha256,
    ]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    if (error instanceof Error) error.message = `${file.name}: ${error.message}`;
    throw error;
  }
}

async function migrateLocked(client: pg.Client, options: MigrateOptions): Promise<string[]> {
  await ensureAppRole(client, options.ownerTakesRole ?? false);
  await prepareLedger(client);
  const { rows } = await client.query<Applied>('SELECT name, sha256 FROM public.migrations');
  const todo = outstanding(options.files ?? migrationFiles(), rows);
  for (const file of todo) await apply(client, file);
  await installQueues(options.ownerUrl, options.queues, APP_ROLE);
  return todo.map((file) => file.name);
}

/**
 * Runs what has not run yet, each file in a transaction, then pg-boss's schema and our queues. Two starts take
 * turns. Throws `AppError`: `database_unavailable`, `database_roles`, `disk_full`, `config_invalid` (a changed file).
 */
export async function migrate(options: MigrateOptions): Promise<{ applied: string[] }> {
  const client = new pg.Client({
    ...connectionConfig(options.ownerUrl),
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    // The lock's connection waits while the queues are installed over another one.
    idle_in_transaction_session_timeout: 0,
  });
  let lost: unknown = null;
  client.on('error', (error) => {
    lost = error;
  });
  try {
    await client.connect();
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const applied = await migrateLocked(client, options);
    if (lost !== null) throw lost;
    return { applied };
  } catch (error) {
    throw storeError(error);
  } finally {
    await client.end();
  }
}

/** Names of migrations that this code has and the database has not, for the readiness check. */
export async function pendingMigrations(
  sql: Sql,
  files: readonly MigrationFile[] = migrationFiles(),
): Promise<string[]> {
  const { present } = await sql.one<{ present: boolean }>(
    `SELECT to_regclass('public.migrations') IS NOT NULL AS present`,
  );
  const applied = present ? await sql.query<Applied>('SELECT name, sha256 FROM public.migrations') : [];
  return outstanding(files, applied).map((file) => file.name);
}
