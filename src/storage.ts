/** Opens what must last and what may vanish, as the configuration says. */
import type { Config } from './config.ts';
import type { Ephemeral } from './model/ports.ts';
import type { Database } from './store/database.ts';
import { startEmbedded } from './store/embedded.ts';
import { memoryEphemeral } from './store/ephemeral-memory.ts';
import { redisEphemeral } from './store/ephemeral-redis.ts';
import { migrate } from './store/migrate.ts';
import { openDatabase } from './store/postgres.ts';
import { createQueue, type Queue } from './store/queue.ts';
import { QUEUES } from './store/queue-names.ts';

const APP_ROLE = 'countersign_app';
/** Of one process; each acknowledgement has one for a few milliseconds. */
const INTAKE_CONNECTIONS = 6;
/** Keeps our keys apart from whatever else lives in the same Redis. */
const REDIS_PREFIX = 'countersign:';

/** How to reach the database: `role` where one login must serve as owner and application. */
export type DatabaseAccess = { url: string; role?: string; ownerUrl: string | null; embedded: boolean };

export type Storage = {
  access: DatabaseAccess;
  db: Database;
  /** The same database by connections of its own: what is acknowledged waits behind no other work. */
  intake: Database;
  queue: Queue;
  ephemeral: Ephemeral;
  applied: string[];
  /** The database last; the embedded server only if nobody else uses it. */
  close(): Promise<void>;
};

export type StorageLog = { info(words: string): void; error(error: unknown, words: string): void };

/** Starts or adopts the embedded server, or takes the configured one. */
export async function reachDatabase(
  config: Pick<Config, 'database' | 'dataFolder'>,
  log: (line: string) => void,
): Promise<DatabaseAccess & { stop(): Promise<void> }> {
  if (config.database) {
    const { url, ownerUrl } = config.database;
    const role = ownerUrl === null ? { role: APP_ROLE } : {};
    return { url, ownerUrl: ownerUrl ?? url, ...role, embedded: false, stop: async () => undefined };
  }
  const server = await startEmbedded({ dataFolder: config.dataFolder, log });
  return { url: server.appUrl, ownerUrl: server.ownerUrl, embedded: true, stop: () => server.stop() };
}

/** Brings the schema up to date with the owner's role. */
export async function migrateSchema(access: DatabaseAccess): Promise<string[]> {
  const { applied } = await migrate({
    ownerUrl: access.ownerUrl ?? access.url,
    appRole: APP_ROLE,
    queues: QUEUES,
    ownerTakesRole: access.role !== undefined,
  });
  return applied;
}

/** `works: false` for a command beside a running assistant: it sends jobs and looks after nobody's. */
export async function openStorage(
  config: Pick<Config, 'database' | 'dataFolder' | 'redisUrl'>,
  log: StorageLog,
  options: { works: boolean; migrates: boolean } = { works: true, migrates: true },
): Promise<Storage> {
  const access = await reachDatabase(config, (line) => log.info(line));
  try {
    const applied = options.migrates ? await migrateSchema(access) : [];
    const at = { url: access.url, ...(access.role === undefined ? {} : { role: access.role }) };
    const onError = (error: unknown) => log.error(error, 'the database connection failed');
    const db = openDatabase({ ...at, onError });
    const intake = openDatabase({ ...at, onError, max: INTAKE_CONNECTIONS });
    const queue = await createQueue({
      ...at,
      works: options.works,
      onError: (error, context) => log.error(error, `a job failed (${context.queue ?? 'no queue'})`),
    });
    const ephemeral =
      config.redisUrl === null
        ? memoryEphemeral({ now: () => performance.now() })
        : redisEphemeral({
            url: config.redisUrl,
            prefix: REDIS_PREFIX,
            onError: (error) =>
              log.error(error, 'the connection to Redis failed, and is tried again until it holds'),
            onBack: () => log.info('the connection to Redis holds again'),
          });
    return {
      access,
      db,
      intake,
      queue,
      ephemeral,
      applied,
      async close() {
        await queue.stop();
        await ephemeral.close();
        await intake.close();
        await db.close();
        await access.stop();
      },
    };
  } catch (error) {
    await access.stop();
    throw error;
  }
}
