/** pg-boss's own schema and our queues, made with the owner role; the application role may only use them. */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { PgBoss } from 'pg-boss';
import { HEARTBEAT_SECONDS, KEEP_FINISHED_SECONDS, type QueueSettings } from './queue-names.ts';

export const QUEUE_SCHEMA = 'pgboss';
/** Where pg-boss says which queue has a new job: its own derivation, of the schema's name. */
export const QUEUE_CHANNEL = `pgboss_${createHash('sha224').update(QUEUE_SCHEMA).digest('hex').slice(0, 24)}`;

async function makeQueue(boss: PgBoss, name: string, settings: QueueSettings): Promise<void> {
  const options = {
    ...settings,
    retryBackoff: true,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    deleteAfterSeconds: KEEP_FINISHED_SECONDS,
    notify: true,
  };
  // 'short': one waiting job per singleton key, any number running.
  if ((await boss.getQueue(name)) === null) await boss.createQueue(name, { ...options, policy: 'short' });
  else await boss.updateQueue(name, options);
}

/** Everything pg-boss does at run time, and nothing that changes its schema. */
function grants(appRole: string): string {
  const role = pg.escapeIdentifier(appRole);
  return `
    GRANT USAGE ON SCHEMA ${QUEUE_SCHEMA} TO ${role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${QUEUE_SCHEMA} TO ${role};
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${QUEUE_SCHEMA} TO ${role};
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${QUEUE_SCHEMA} TO ${role};`;
}

/** Installs or upgrades the schema, makes or updates each queue, grants to the application role. */
export async function installQueues(
  ownerUrl: string,
  queues: Readonly<Record<string, QueueSettings>>,
  appRole: string,
): Promise<void> {
  const boss = new PgBoss({
    connectionString: ownerUrl,
    schema: QUEUE_SCHEMA,
    max: 2,
    supervise: false,
    schedule: false,
    reindex: false,
  });
  const problems: Error[] = [];
  boss.on('error', (error) => problems.push(error));
  await boss.start();
  try {
    for (const [name, settings] of Object.entries(queues)) await makeQueue(boss, name, settings);
    await boss.getDb().executeSql(grants(appRole));
  } finally {
    await boss.stop({ graceful: false, close: true });
  }
  if (problems.length > 0) throw new AggregateError(problems, 'The queues could not be installed.');
}
