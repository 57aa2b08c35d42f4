/**
 * The jobs of one queue in one process: taken several at a time, settled several at a time, kept alive while they run. A job
 * that only waits for somebody outside stands aside, so that another one takes its place.
 */
import type { JobWithMetadata, PgBoss } from 'pg-boss';
import { AppError } from '../errors.ts';
import { storeError } from './postgres-errors.ts';
import type { QueueName } from './queue-names.ts';
import { createBell, createSlots, inBatches, type Slots } from './queue-parts.ts';

/** A payload names things, it does not carry them. */
export type Payload = Readonly<Record<string, string | number>>;
/** Which try it is, from 1; `last` means that nobody tries again after a failure. */
export type Try = {
  count: number;
  last: boolean;
  /** Awaits what is slow and costs us nothing, without a worker; then it waits until one is free again. */
  aside<T>(wait: () => Promise<T>): Promise<T>;
};
export type Handler = (payload: Payload, signal: AbortSignal, attempt: Try) => Promise<void>;

export type WorkOptions = {
  /** How many of its jobs run at a time in this process. */
  concurrency: number;
  /** Awaited before jobs are taken: what is more urgent goes first. */
  giveWay?: () => Promise<void>;
};

/** Only the net below NOTIFY, and what starts retries and delayed jobs. */
const POLL_MS = 1_000;
/** A silent worker's job is given to another after 10 s: two chances to say that it lives. */
const TOUCH_EVERY_MS = 5_000;
/** Jobs of one queue that a process holds, those that stand aside included. */
const HELD_MAX = 1_000;

const GIVEN_BACK = { code: 'stopping' };

type Job = JobWithMetadata<Payload>;
type Held = { job: Job; claim: AbortController };
type Ended = { error: unknown } | null;

export type Work = {
  /** Something may wait: look now instead of at the next interval. */
  ring(): void;
  /** Takes no more; resolves once what runs is settled. */
  drain(): Promise<void>;
  /** Gives back what still runs, and tells it. */
  giveBack(): Promise<void>;
};

/** What is stored of a failure: never its words, which may hold what a person wrote. */
function codeOnly(error: unknown): Error {
  const stored = new Error(error instanceof AppError ? error.code : 'defect');
  delete stored.stack;
  return stored;
}

export function startWork(
  boss: PgBoss,
  name: QueueName,
  { concurrency, giveWay }: WorkOptions,
  handler: Handler,
  onError: (error: unknown) => void,
): Work {
  const held = new Map<string, Held>();
  const bell = createBell();
  const slots = createSlots(concurrency);
  const room = (): number => Math.min(slots.free(), HELD_MAX - held.size);
  const completed = inBatches(async (jobs: Job[]) => void (await boss.complete(name, jobs)));
  let isStopping = false;
  let isOver = false;

  async function settle(job: Job, ended: Ended): Promise<void> {
    // Given back, or taken from us: whoever has it now settles it.
    if (!held.has(job.id)) return;
    try {
      if (ended === null) await completed(job);
      else await boss.fail(name, job, codeOnly(ended.error));
    } catch (error) {
      // It is not touched any more, and so comes again.
      onError(error);
    } finally {
      held.delete(job.id);
    }
  }

  async function run({ job, claim }: Held): Promise<void> {
    const place = takePlace(slots);
    await place.entered;
    const limitMs = job.expireInSeconds * 1_000;
    const late = setTimeout(() => claim.abort(new Error(`It took longer than ${limitMs} ms.`)), limitMs);
    const attempt = {
      count: job.retryCount + 1,
      last: job.retryCount >= job.retryLimit,
      aside: place.aside,
    };
    let ended: Ended = null;
    try {
      await Promise.race([handler(job.data, claim.signal, attempt), whenAborted(claim.signal)]);
    } catch (error) {
      ended = { error };
      if (held.has(job.id)) onError(error);
    }
    clearTimeout(late);
    await settle(job, ended);
    place.leave();
    bell.freed();
  }

  /** True where more may be waiting than could be taken. */
  async function take(): Promise<boolean> {
    const most = room();
    if (most <= 0) return true;
    const jobs = await boss.fetch<Payload>(name, { batchSize: most, includeMetadata: true });
    // Given back by nobody, these come again when they have been silent for long enough.
    if (isOver) return false;
    for (const job of jobs) {
      const mine = { job, claim: new AbortController() };
      held.set(job.id, mine);
      void run(mine);
    }
    return jobs.length === most;
  }

  async function loop(): Promise<void> {
    while (!isStopping) {
      let isMore = false;
      try {
        await giveWay?.();
        bell.silence();
        if (!isStopping) isMore = await take();
      } catch (error) {
        onError(storeError(error));
      }
      if (isMore && room() > 0) continue;
      await bell.wait(POLL_MS, isMore);
    }
  }

  async function touch(): Promise<void> {
    const jobs = [...held.values()].map(({ job }) => job);
    if (jobs.length === 0) return;
    const { settled } = (await boss.touch(name, jobs)) as { settled?: string[] };
    for (const { id } of jobs) {
      const lost = settled === undefined || settled.includes(id) ? undefined : held.get(id);
      if (lost === undefined) continue;
      held.delete(id);
      lost.claim.abort(new Error('Somebody else has this job by now.'));
    }
  }

  // A heartbeat that could not be given says nothing about whose the jobs are.
  const heart = setInterval(() => void touch().catch((error) => onError(storeError(error))), TOUCH_EVERY_MS);
  const looped = loop();
  return {
    ring: bell.ring,
    async drain() {
      isStopping = true;
      bell.ring();
      await looped;
      bell.silence();
      while (held.size > 0 && !isOver) {
        await bell.wait(POLL_MS, true);
        // Others go on sending: news that is remembered here would be waited for in a circle that nothing else gets out of.
        bell.silence();
      }
    },
    async giveBack() {
      isOver = true;
      isStopping = true;
      clearInterval(heart);
      const left = [...held.values()];
      held.clear();
      bell.ring();
      const given =
        left.length === 0
          ? null
          : boss.fail(
              name,
              left.map(({ job }) => job),
              GIVEN_BACK,
            );
      for (const { claim } of left) claim.abort(new Error('We are stopping.'));
      await given;
    },
  };
}

/** A job's place among those that run: given up while it stands aside, which several of its parts may do at once. */
function takePlace(slots: Slots) {
  let aside = 0;
  let isOver = false;
  let entering = slots.enter();
  return {
    entered: entering,
    async aside<T>(wait: () => Promise<T>): Promise<T> {
      aside += 1;
      if (aside === 1 && !isOver) slots.leave();
      try {
        return await wait();
      } finally {
        aside -= 1;
        if (aside === 0 && !isOver) entering = slots.enter();
        await entering;
      }
    },
    /** Whatever of it still runs has no place any more, and takes none. */
    leave() {
      isOver = true;
      if (aside === 0) void entering.then(slots.leave);
    },
  };
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
