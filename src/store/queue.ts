/** Durable work on pg-boss: queued in the transaction that decides it, handed over by NOTIFY, retried after a crash. */
import { type JobWithMetadata, PgBoss } from 'pg-boss';
import { AppError } from '../errors.ts';
import type { Tx } from './database.ts';
import { connectionConfig } from './postgres-connection.ts';
import { storeError } from './postgres-errors.ts';
import type { QueueName } from './queue-names.ts';
import { QUEUE_SCHEMA } from './queue-schema.ts';

/** Only the net below NOTIFY, and what starts retries and delayed jobs. pg-boss allows 0.5 s at least. */
const POLL_SECONDS = 1;
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

export type Payload = Readonly<Record<string, string | number>>;
export type SendOptions = {
  startAfterSeconds?: number;
  /**
   * Dropped when a job with this key is still waiting in the queue. Only for work that does not depend on what
   * this transaction changes: the waiting job may run before this transaction commits.
   */
  singletonKey?: string;
};
/** Which try it is, from 1; `last` means that nobody tries again after a failure. */
export type Try = { count: number; last: boolean };
export type Handler = (payload: Payload, signal: AbortSignal, attempt: Try) => Promise<void>;

export interface Queue {
  /** Queues in `tx`: the job exists exactly if the transaction commits. */
  send(tx: Tx, name: QueueName, payload: Payload, options?: SendOptions): Promise<void>;
  /**
   * Runs `handler` for each job, `concurrency` at a time in this process. A job may run more than once, so handlers
   * are idempotent. What a handler throws is reported, and only its code is stored.
   */
  work(name: QueueName, options: { concurrency: number }, handler: Handler): Promise<void>;
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
    useListenNotify: works,
  });
}

/** What is stored of a failure: never its words, which may hold what a person wrote. */
function codeOnly(error: unknown): Error {
  const stored = new Error(error instanceof AppError ? error.code : 'defect');
  delete stored.stack;
  return stored;
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
  const stopping = new AbortController();
  const workers: { name: QueueName; id: string }[] = [];
  try {
    await boss.start();
  } catch (error) {
    await boss.stop({ graceful: false }).catch((failure) => options.onError(failure, { queue: null }));
    throw storeError(error);
  }

  async function send(tx: Tx, name: QueueName, payload: Payload, extra: SendOptions = {}): Promise<void> {
    checkPayload(payload);
    await boss.send(name, payload, sendOptions(tx, extra));
  }

  async function handle(name: QueueName, job: JobWithMetadata<Payload>, handler: Handler): Promise<void> {
    const attempt = { count: job.retryCount + 1, last: job.retryCount >= job.retryLimit };
    try {
      await handler(job.data, AbortSignal.any([job.signal, stopping.signal]), attempt);
    } catch (error) {
      options.onError(error, { queue: name });
      throw codeOnly(error);
    }
  }

  async function startWorker(name: QueueName, handler: Handler): Promise<void> {
    const worker = { name, id: '' };
    const settings = {
      includeMetadata: true,
      batchSize: 1,
      pollingIntervalSeconds: POLL_SECONDS,
      notifyPollingIntervalSeconds: POLL_SECONDS,
    } as const;
    worker.id = await boss.work<Payload, void, typeof settings>(name, settings, async ([job]) => {
      if (job === undefined) return;
      try {
        await handle(name, job, handler);
      } finally {
        // More may be waiting: look again at once. Otherwise a backlog would drain at one job a poll.
        boss.notifyWorker(worker.id);
      }
    });
    workers.push(worker);
  }

  async function stop({ timeoutMs = DEFAULT_STOP_MS }: { timeoutMs?: number } = {}): Promise<void> {
    // Ends when each worker has also settled its last job, not only when the handler has returned.
    const drained = Promise.allSettled(workers.map(({ name, id }) => boss.offWork(name, { id, wait: true })));
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([drained, patience]);
    clearTimeout(timer);
    stopping.abort();
    await boss.stop({ graceful: false, close: true });
  }

  return {
    send,
    work: async (name, { concurrency }, handler) => {
      for (let count = 0; count < concurrency; count += 1) await startWorker(name, handler);
    },
    stop,
  };
}
