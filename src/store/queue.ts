/** Durable work on pg-boss: queued in the transaction that decides it, handed over by NOTIFY, retried after a crash. */
import { PgBoss } from 'pg-boss';
import type { Tx } from './database.ts';
import { connectionConfig } from './postgres-connection.ts';
import { storeError } from './postgres-errors.ts';
import { createListener } from './postgres-listener.ts';
import type { QueueName } from './queue-names.ts';
import { QUEUE_CHANNEL, QUEUE_SCHEMA } from './queue-schema.ts';
import { type Handler, type Payload, startWork, type Work, type WorkOptions } from './queue-work.ts';

export type { Handler, Payload, Try } from './queue-work.ts';

/** How often silent workers are looked for; with the heartbeat, a killed worker's job is back after about 10 s. */
const SUPERVISE_SECONDS = 1;
/** How often finished jobs are cleared away. */
const MAINTENANCE_SECONDS = 600;
/** pg-boss fetches and settles with these; handlers use the pool of the database. */
const POOL_SIZE = 4;
/** A payload names things, it does not carry them: what people wrote belongs into sealed entries only. */
const MAX_PAYLOAD_BYTES = 1_024;
/** The whole process has 2 s to stop, the database last. */
const DEFAULT_STOP_MS = 1_000;

export type SendOptions = {
  startAfterSeconds?: number;
  /**
   * Dropped when a job with this key is still waiting in the queue. Only for work that does not depend on what
   * this transaction changes: the waiting job may run before this transaction commits.
   */
  singletonKey?: string;
};
export interface Queue {
  /** Queues in `tx`: the job exists exactly if the transaction commits. */
  send(tx: Tx, name: QueueName, payload: Payload, options?: SendOptions): Promise<void>;
  /**
   * Runs `handler` for each job, `concurrency` at a time in this process. A job may run more than once, so handlers
   * are idempotent. What a handler throws is reported, and only its code is stored.
   */
  work(name: QueueName, options: WorkOptions, handler: Handler): Promise<void>;
  /** Takes no more work, waits up to `timeoutMs` for what runs, aborts the rest and gives it back. */
  stop(options?: { timeoutMs?: number }): Promise<void>;
}

export type QueueOptions = {
  url: string;
  /** As in `openDatabase`. */
  role?: string;
  onError: (error: unknown, context: { queue: string | null }) => void;
  /** False for a process that only sends, such as a command: it looks after nobody's jobs. */
  works?: boolean;
};

function bossFor(options: QueueOptions): PgBoss {
  const works = options.works ?? true;
  const config = connectionConfig(options.url, options.role);
  return new PgBoss({
    connectionString: config.connectionString ?? options.url,
    application_name: 'countersign-queue',
    max: POOL_SIZE,
    connectionTimeoutMillis: config.connectionTimeoutMillis ?? 0,
    schema: QUEUE_SCHEMA,
    migrate: false,
    createSchema: false,
    schedule: false,
    reindex: false,
    monitorVacuum: false,
    supervise: works,
    superviseIntervalSeconds: SUPERVISE_SECONDS,
    monitorIntervalSeconds: SUPERVISE_SECONDS,
    maintenanceIntervalSeconds: MAINTENANCE_SECONDS,
    // We listen ourselves: pg-boss would wake its own workers, each of which takes one job at a time.
    useListenNotify: false,
  });
}

function checkPayload(payload: Payload): void {
  if (Buffer.byteLength(JSON.stringify(payload)) > MAX_PAYLOAD_BYTES) {
    throw new Error(`A job's payload exceeds ${MAX_PAYLOAD_BYTES} bytes.`);
  }
}

function sendOptions(tx: Tx, options: SendOptions) {
  return {
    db: {
      executeSql: async (text: string, values?: unknown[]) => ({ rows: await tx.query(text, values ?? []) }),
    },
    // The queues allow one waiting job per key; without a key of its own every job would share the empty one.
    singletonKey: options.singletonKey ?? crypto.randomUUID(),
    ...(options.startAfterSeconds === undefined ? {} : { startAfter: options.startAfterSeconds }),
  };
}

/** Connects and starts looking after jobs. The schema must be there (`migrate`). Throws `AppError`. */
export async function createQueue(options: QueueOptions): Promise<Queue> {
  const boss = bossFor(options);
  boss.on('error', (error) => options.onError(storeError(error), { queue: null }));
  const works = new Map<QueueName, Work[]>();
  const listener = createListener({
    config: connectionConfig(options.url, options.role),
    onError: (error) => options.onError(storeError(error), { queue: null }),
  });
  try {
    await boss.start();
  } catch (error) {
    await boss
      .stop({ graceful: false })
      .catch((failure) => options.onError(storeError(failure), { queue: null }));
    throw storeError(error);
  }

  async function send(tx: Tx, name: QueueName, payload: Payload, extra: SendOptions = {}): Promise<void> {
    checkPayload(payload);
    await boss.send(name, payload, sendOptions(tx, extra));
  }

  const all = (): Work[] => [...works.values()].flat();
  let hearing: Promise<unknown> | null = null;
  /** The payload is a queue's name; empty after a lost connection, when any may have been missed. */
  const hear = (): Promise<unknown> =>
    listener.listen(QUEUE_CHANNEL, (name) => {
      for (const work of name === '' ? all() : (works.get(name as QueueName) ?? [])) work.ring();
    });

  async function stop({ timeoutMs = DEFAULT_STOP_MS }: { timeoutMs?: number } = {}): Promise<void> {
    // Ends when each has also settled its last job, not only when the handler has returned.
    const drained = Promise.all(all().map((work) => work.drain()));
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([drained, patience]);
    clearTimeout(timer);
    for (const { reason } of (await Promise.allSettled(all().map((work) => work.giveBack()))).filter(
      (given) => given.status === 'rejected',
    ))
      options.onError(storeError(reason), { queue: null });
    await listener.close();
    await boss.stop({ graceful: false, close: true });
  }

  return {
    send,
    work: async (name, how, handler) => {
      hearing ??= hear();
      await hearing;
      const work = startWork(boss, name, how, handler, (error) => options.onError(error, { queue: name }));
      works.set(name, [...(works.get(name) ?? []), work]);
    },
    stop,
  };
}
