/**
 * The durable jobs and the nets under them. Each job carries an id only; each handler may run twice. What a crash
 * left behind is looked for at intervals, because a job that was lost must not be a request that is lost.
 */
import { overdue, unclaimed } from './approval/requests.ts';
import type { Executor } from './execution/executor.ts';
import { unsettledTurns } from './intake/turns.ts';
import type { MessageId, RequestId, TurnId } from './model/ids.ts';
import type { Pipeline } from './pipeline.ts';
import type { Deliver } from './reply/deliver.ts';
import type { Database, Tx } from './store/database.ts';
import type { Payload, Queue } from './store/queue.ts';

/** Jobs at once in one process: people wait for turns and executions, looks are short. */
const CONCURRENCY = { turn: 4, execute: 4, follow: 4, deliver: 4, expire: 1, remind: 1 } as const;
/**
 * How often abandoned executions, tokens that were left behind, and what should have ended, are looked for. A lease lasts longer than
 * this by far.
 */
const RECOVER_EVERY_MS = 2_000;
/** Turns and expiries have jobs of their own; this is the net. */
const SWEEP_EVERY_MS = 10_000;
/** A turn that nobody answered for this long has lost its job: longer than a model may take. */
const TURN_LOST_SECONDS = 180;
/** An approved request whose job is lost; a job that waits for its next try is left alone for as long as that may take. */
const UNCLAIMED_SECONDS = 60;
const SWEEP_AT_MOST = 50;
/** Cards on a chat platform follow the output in steps of this length: its rate limits are per channel. */
const REFRESH_SECONDS = 2;

export type WorkerDeps = {
  db: Database;
  queue: Queue;
  pipeline: Pipeline;
  executor: Executor;
  /** Resolves when what people wait for within seconds has gone first. */
  giveWay(): Promise<void>;
  deliver: Deliver;
  askApprovers(request: RequestId): Promise<void>;
  /** One step of the plan of reminders and escalations. */
  remind(request: RequestId, at: { round: number; step: number }): Promise<void>;
  /** Takes back what was given for a time that is over. */
  takeBackDue(signal: AbortSignal): Promise<unknown>;
  /** Takes back tokens that a process which died has left behind. */
  takeBackTokens(signal: AbortSignal): Promise<unknown>;
  runCiJob: {
    concurrency: number;
    run(run: string, signal: AbortSignal): Promise<void>;
    recover(): Promise<unknown>;
  };
  failed(error: unknown, what: string): void;
};

/** What can be queued; the payload is an id. */
export function createSenders(queue: Queue) {
  return {
    turn: (tx: Tx, turn: TurnId) => queue.send(tx, 'turn', { turn }),
    execute: (tx: Tx, request: RequestId) => queue.send(tx, 'execute', { request }),
    // One waiting look is enough: it reads what is there then, and every look sends the next.
    follow: (tx: Tx, request: RequestId, startAfterSeconds: number) =>
      queue.send(tx, 'follow', { request }, { startAfterSeconds, singletonKey: `follow:${request}` }),
    expire: (tx: Tx, request: RequestId, at: Date) =>
      queue.send(
        tx,
        'expire',
        { request },
        { startAfterSeconds: Math.max(1, Math.ceil((at.getTime() - Date.now()) / 1000) + 1) },
      ),
    deliver: (tx: Tx, what: { message: MessageId } | { request: RequestId }) =>
      queue.send(tx, 'deliver', what),
    deliverLater: (
      tx: Tx,
      what: { message: MessageId } | { request: RequestId },
      startAfterSeconds: number,
    ) =>
      queue.send(tx, 'deliver', what, {
        startAfterSeconds,
        singletonKey: `later:${'message' in what ? what.message : what.request}`,
      }),
    refresh: (tx: Tx, request: RequestId) =>
      queue.send(
        tx,
        'deliver',
        { request },
        { startAfterSeconds: REFRESH_SECONDS, singletonKey: `refresh:${request}` },
      ),
    /** The time to take it back is over then: its cards lose the button. */
    undoEnd: (tx: Tx, request: RequestId, afterSeconds: number) =>
      queue.send(
        tx,
        'deliver',
        { request },
        { startAfterSeconds: afterSeconds + 1, singletonKey: `undo:${request}` },
      ),
    ask: (tx: Tx, request: RequestId) => queue.send(tx, 'deliver', { ask: request }),
    remind: (tx: Tx, request: RequestId, at: { round: number; step: number }, startAfterSeconds: number) =>
      queue.send(tx, 'remind', { request, ...at }, { startAfterSeconds }),
    run: (tx: Tx, run: string) => queue.send(tx, 'run', { run }),
  };
}

/** Starts the workers; stop by calling the answer, before the queue is stopped. */
export async function startWorkers(deps: WorkerDeps): Promise<() => Promise<void>> {
  const { queue, pipeline, giveWay } = deps;
  const id = <T extends string>(payload: Payload, name: string): T => payload[name] as T;
  await queue.work('turn', { concurrency: CONCURRENCY.turn, giveWay }, (job, signal) =>
    pipeline.runTurn(id<TurnId>(job, 'turn'), signal),
  );
  await queue.work('execute', { concurrency: CONCURRENCY.execute }, (job, signal) =>
    pipeline.execute(id<RequestId>(job, 'request'), signal),
  );
  await queue.work('follow', { concurrency: CONCURRENCY.follow, giveWay }, (job, signal) =>
    pipeline.follow(id<RequestId>(job, 'request'), signal),
  );
  await queue.work('expire', { concurrency: CONCURRENCY.expire, giveWay }, (job) =>
    pipeline.expire(id<RequestId>(job, 'request')),
  );
  await queue.work('remind', { concurrency: CONCURRENCY.remind, giveWay }, (job) =>
    deps.remind(id<RequestId>(job, 'request'), { round: Number(job.round), step: Number(job.step) }),
  );
  await queue.work(
    'deliver',
    { concurrency: CONCURRENCY.deliver, giveWay },
    async (job, _signal, attempt) => {
      if (job.ask !== undefined) return deps.askApprovers(id<RequestId>(job, 'ask'));
      return deps.deliver(
        job.message === undefined
          ? { request: id<RequestId>(job, 'request') }
          : { message: id<MessageId>(job, 'message') },
        attempt.aside,
      );
    },
  );
  await queue.work('run', { concurrency: deps.runCiJob.concurrency }, (job, signal) =>
    deps.runCiJob.run(id(job, 'run'), signal),
  );

  const stopping = new AbortController();
  const every = (ms: number, what: string, work: () => Promise<unknown>) => {
    let running: Promise<unknown> | null = null;
    const timer = setInterval(() => {
      running ??= work()
        .catch((error: unknown) => deps.failed(error, what))
        .finally(() => {
          running = null;
        });
    }, ms);
    return async () => {
      clearInterval(timer);
      await running;
    };
  };
  const recover = every(RECOVER_EVERY_MS, 'recovery', () => deps.executor.recover(stopping.signal));
  const sweep = every(SWEEP_EVERY_MS, 'sweep', async () => {
    for (const request of await overdue(deps.db, SWEEP_AT_MOST)) await pipeline.expire(request);
    for (const turn of await unsettledTurns(deps.db, TURN_LOST_SECONDS, SWEEP_AT_MOST))
      await pipeline.runTurn(turn, stopping.signal);
    for (const request of await unclaimed(deps.db, UNCLAIMED_SECONDS, SWEEP_AT_MOST))
      await pipeline.execute(request, stopping.signal);
    await deps.runCiJob.recover();
  });
  const endings = every(RECOVER_EVERY_MS, 'endings', () => deps.takeBackDue(stopping.signal));
  const tokens = every(RECOVER_EVERY_MS, 'tokens', () => deps.takeBackTokens(stopping.signal));
  return async () => {
    stopping.abort();
    await Promise.all([recover(), sweep(), endings(), tokens()]);
  };
}
