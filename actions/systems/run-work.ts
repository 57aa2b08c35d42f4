/** Works on one run: holds its lease, runs the job on the pinned commit, keeps what it prints. */
import type { Readable } from 'node:stream';
import type { Database } from '../../src/store/database.ts';
import { archive } from './git.ts';
import type { JobLimits } from './jobs.ts';
import {
  appendOutput,
  claimRun,
  type Ending,
  endRun,
  LEASE_SECONDS,
  type Run,
  renewRun,
  waitingRun,
  wasAskedToCancel,
} from './run-store.ts';

/** Runs a command on a source tree, cut off from the machine; main supplies the sandbox's, at its level. */
export type RunJob = (job: {
  source: Readable;
  command: readonly string[];
  inputs: Readonly<Record<string, string>>;
  limits: JobLimits;
  onOutput: (chunk: Buffer) => void;
  signal: AbortSignal;
}) => Promise<{ exitCode: number | null; stopped: string | null }>;

/** Why a run may not begin or go on; the code that it ends with. */
export type RunObstacle = 'kill_switch' | 'isolation_too_low';

export type RunWorkDeps = {
  db: Database;
  runJob: RunJob;
  path: (repository: string) => string | undefined;
  /** Asked before a run begins and while it goes on. `key`: of the execution that asked for it. */
  obstacle: (run: Pick<Run, 'key' | 'level'>) => Promise<RunObstacle | null>;
};

/**
 * For how long a run is left to other machines where this one isolates it too weakly: the others may have their hands full, and the
 * attack that found this one weak is repeated every minute. As long as a write whose outcome is not known is looked for.
 */
const LEFT_TO_OTHERS_SECONDS = 10 * 60;

/** How often a run is asked after: who switches off expects it to stop now. One small query for each run. */
const LOOK_FOR_OBSTACLE_EVERY_MS = 1_000;
/** Renewed well before the lease ends. */
const RENEW_EVERY_MS = (LEASE_SECONDS * 1_000) / 3;
/** Output is written in pieces: often enough to be watched, rarely enough for a job that prints without end. */
const FLUSH_EVERY_MS = 150;
/** Bounds one look at a run together with the number of pieces that a look takes. */
const MAX_PIECE_CHARACTERS = 16_000;

/** Collects output and writes it in order, a piece at a time. */
function outputKeeper(db: Database, run: { id: string; worker: string }, failed: (error: unknown) => void) {
  const decoder = new TextDecoder();
  let waiting = '';
  let piece = 0;
  let line: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | null = null;

  function flush(): void {
    timer = null;
    // PostgreSQL's text holds no NUL.
    const content = waiting.replaceAll('\0', '\ufffd');
    waiting = '';
    for (let from = 0; from < content.length; from += MAX_PIECE_CHARACTERS) {
      const number = piece;
      piece += 1;
      const part = content.slice(from, from + MAX_PIECE_CHARACTERS);
      line = line.then(() => appendOutput(db, run, number, part)).catch(failed);
    }
  }

  return {
    add(chunk: Buffer): void {
      waiting += decoder.decode(chunk, { stream: true });
      timer ??= setTimeout(flush, FLUSH_EVERY_MS);
    },
    async end(): Promise<void> {
      if (timer !== null) clearTimeout(timer);
      waiting += decoder.decode();
      flush();
      await line;
    },
  };
}

function endingOf(outcome: { exitCode: number | null; stopped: string | null }): Ending {
  if (outcome.stopped !== null) {
    const code = outcome.stopped === 'cancelled' ? 'runner_interrupted' : outcome.stopped;
    return { state: 'failed', code, exitCode: outcome.exitCode };
  }
  const good = outcome.exitCode === 0;
  return {
    state: good ? 'done' : 'failed',
    code: good ? 'done' : 'exit_nonzero',
    exitCode: outcome.exitCode,
  };
}

/** Asks at intervals whether a run may and shall go on, and stops it where it does not, or where that cannot be read. */
function obstacleWatch(deps: RunWorkDeps, run: Run, stop: AbortController) {
  let found: RunObstacle | 'cancelled' | null = null;
  let asking: Promise<void> | null = null;
  const ask = async (): Promise<void> => {
    found ??= await deps.obstacle(run);
    found ??= (await wasAskedToCancel(deps.db, run.id)) ? 'cancelled' : null;
    if (found !== null) stop.abort();
  };
  const timer = setInterval(() => {
    asking ??= ask()
      .catch((error: unknown) => stop.abort(error))
      .finally(() => {
        asking = null;
      });
  }, LOOK_FOR_OBSTACLE_EVERY_MS);
  return {
    ask,
    found: () => found,
    async end(): Promise<void> {
      clearInterval(timer);
      await asking;
    },
  };
}

/** Whether this machine isolates it too weakly, and another one may not. It stays queued: the next look puts it up again. */
async function isForAnother(deps: RunWorkDeps, id: string): Promise<boolean> {
  const run = await waitingRun(deps.db, id);
  if (run === null || run.waitedSeconds >= LEFT_TO_OTHERS_SECONDS) return false;
  return (await deps.obstacle(run)) === 'isolation_too_low';
}

/**
 * Works on a run to its end; nothing happens where it is not queued any more, or is left to another machine. A run that is broken off, by the signal or
 * by a lost lease, is stopped at once and ends as `runner_interrupted`; one that an obstacle stops ends with that
 * obstacle's code, one that somebody stopped as `cancelled`. What the sandbox or git throws ends it as `runner_failed` and is thrown on, for the operator.
 */
export async function workOnRun(deps: RunWorkDeps, id: string, signal: AbortSignal): Promise<void> {
  if (await isForAnother(deps, id)) return;
  const worker = crypto.randomUUID();
  const run = await claimRun(deps.db, id, worker);
  if (run === null) return;
  const stop = new AbortController();
  const renewal = setInterval(() => {
    renewRun(deps.db, id, worker).then(
      (held) => held || stop.abort(),
      (error: unknown) => stop.abort(error),
    );
  }, RENEW_EVERY_MS);
  let problem: unknown = null;
  const keeper = outputKeeper(deps.db, { id, worker }, (error) => {
    problem ??= error;
    stop.abort(error);
  });
  const watch = obstacleWatch(deps, run, stop);
  let ending: Ending = { state: 'failed', code: 'runner_failed', exitCode: null };
  try {
    await watch.ask();
    ending = endingOf(await perform(deps, run, keeper.add, AbortSignal.any([signal, stop.signal])));
  } catch (error) {
    problem ??= error;
  } finally {
    clearInterval(renewal);
    await watch.end();
    await keeper.end();
  }
  // One that ended by itself, just before it would have been stopped, ended as it did.
  const obstacle = ending.code === 'runner_interrupted' ? watch.found() : null;
  if (obstacle !== null) ending = { ...ending, code: obstacle };
  await endRun(deps.db, id, worker, ending);
  if (problem !== null) throw problem;
}

async function perform(
  deps: Pick<RunWorkDeps, 'runJob' | 'path'>,
  run: Run,
  onOutput: (chunk: Buffer) => void,
  signal: AbortSignal,
) {
  const path = deps.path(run.repository);
  if (path === undefined) throw new Error(`the repository ${run.repository} is no longer configured`);
  const source = await archive(path, run.commit);
  try {
    const { command, inputs, limits } = run;
    return await deps.runJob({ source, command, inputs, limits, onOutput, signal });
  } finally {
    source.destroy();
  }
}
