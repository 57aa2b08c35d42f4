/**
 * Runs a script: the built-in CI runner's jobs, runbooks. Unlike an action it may start shells and processes;
 * like one it has no network, no credential and none of our environment. Its source arrives as a tar archive and
 * is unpacked inside; everything it leaves behind goes with it.
 */
import { execFile, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { AppError } from '../../errors.ts';
import type { IsolationLevel } from '../../model/request.ts';
import { bundleLauncher } from './bundle.ts';
import { jobAccount } from './job-account.ts';
import { type JobCommand, jobInNamespaces, jobUnderLandlock } from './job-launch.ts';
import { type JobLimits, maxTasks } from './job-limits.ts';
import { makeScratch, removeScratch, scratchBytes } from './job-scratch.ts';
import type { Launch, Means } from './launch.ts';
import { keepDescriptorsHome, locateBubblewrap, locateNode } from './machine.ts';
import { drained, endOf, isShortage, killGroup, startProcess } from './process.ts';
import { usageOf, WATCH_MS } from './usage.ts';

export type JobStop = 'timeout' | 'memory' | 'output' | 'processes' | 'scratch' | 'cancelled';

export type JobOutcome = {
  /** The command's own; null if it was stopped. A signal that ended it is 128 and its number. */
  exitCode: number | null;
  stopped: JobStop | null;
  wallMs: number;
  outputBytes: number;
};

export type Job = {
  /** `kernel` or `kernel-lite`; whether the weaker one will do is the caller's config to say. */
  level: IsolationLevel;
  /** A tar archive, e.g. of `git archive`, or a folder to take whole. */
  source: Readable | string;
  /** Program and arguments, started in the source's folder; not a shell line. */
  command: readonly string[];
  /** Given as `INPUT_NAME`; names of letters, digits, `_` and `-`. */
  inputs: Readonly<Record<string, string>>;
  limits: JobLimits;
  /** stdout and stderr as they come: untrusted bytes. */
  onOutput: (chunk: Buffer) => void;
  signal?: AbortSignal;
  /** Put on its path as `node`; ours by default. */
  node?: string;
  /** Bubblewrap's program, where it is not where systems put it. */
  bubblewrap?: string;
  /** Where the launcher's bundle is kept. */
  outFolder?: string;
};

/** bubblewrap's own two processes, which are ours. */
const OWN_PROCESSES = 2;
/** What shells and bubblewrap add to a signal's number to make an exit code of it. */
const BY_SIGNAL = 128;
const INPUT_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/**
 * @throws AppError `isolation_too_low` below `kernel-lite`, `malformed` for an input that cannot be given,
 *   `sandbox_failed` if the source cannot be read or the sandbox cannot start, `overloaded` if only not now
 */
export async function runJob(job: Job): Promise<JobOutcome> {
  checkInputs(job.inputs);
  if (job.signal?.aborted) return { exitCode: null, stopped: 'cancelled', wallMs: 0, outputBytes: 0 };
  const means = await meansFor(job);
  const command: JobCommand = { ...job, account: jobAccount() };
  if (job.level === 'kernel') return supervise(jobInNamespaces(command, means), job, null);
  const scratch = makeScratch(command.account);
  try {
    return await supervise(jobUnderLandlock(command, scratch, means), job, scratch);
  } finally {
    await removeScratch(scratch);
  }
}

function checkInputs(inputs: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(inputs)) {
    if (!INPUT_NAME.test(name) || value.includes('\0')) {
      throw new AppError(
        'malformed',
        `The job's input ${JSON.stringify(name)} cannot be given to a program.`,
      );
    }
  }
}

async function meansFor({ level, node, bubblewrap: where, outFolder }: Job): Promise<Means> {
  if (level !== 'kernel' && level !== 'kernel-lite') {
    throw new AppError('isolation_too_low', 'Jobs run at the isolation levels kernel and kernel-lite only.');
  }
  const bubblewrap = await locateBubblewrap(where);
  if (level === 'kernel' && (bubblewrap === null || !(await boundsScratch(bubblewrap)))) {
    throw new AppError('isolation_too_low', 'Jobs at the level kernel need bubblewrap 0.7 or newer.');
  }
  const [nodeFiles, launcher] = await Promise.all([locateNode(node), bundleLauncher(outFolder)]);
  keepDescriptorsHome();
  return { nodeFiles, bubblewrap, launcher };
}

/** Older ones cannot bound a file system in memory. */
async function boundsScratch(bubblewrap: string): Promise<boolean> {
  const { stdout } = await promisify(execFile)(bubblewrap, ['--help'], { env: {} });
  return /^\s*--size /m.test(stdout);
}

async function supervise(launch: Launch, job: Job, scratch: string | null): Promise<JobOutcome> {
  const { limits } = job;
  const started = performance.now();
  const { child, exited } = startProcess(launch);
  if (child === null) throw unstarted(await exited);
  let stopped: JobStop | null = null;
  let sourceError: unknown = null;
  let outputBytes = 0;
  const end = (reason: JobStop): void => {
    stopped ??= reason;
    killGroup(child);
  };
  const take = (chunk: Buffer): void => {
    if (stopped !== null) return;
    outputBytes += chunk.length;
    if (outputBytes > limits.outputBytes) end('output');
    else job.onOutput(chunk);
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  const onAbort = (): void => end('cancelled');
  job.signal?.addEventListener('abort', onAbort, { once: true });
  const wall = setTimeout(() => end('timeout'), limits.wallSeconds * 1000);
  const watch = setInterval(() => {
    const reason = overuse(child.pid, limits, scratch);
    if (reason !== null) end(reason);
  }, WATCH_MS);
  const fed = feed(job.source, child.stdin as Writable).catch((error: unknown) => {
    sourceError = error;
    end('cancelled');
  });

  const exit = await exited;
  clearTimeout(wall);
  clearInterval(watch);
  job.signal?.removeEventListener('abort', onAbort);
  killGroup(child);
  child.stdin?.destroy();
  await Promise.all([drained(child), fed]);
  if (exit instanceof Error) throw unstarted(exit);
  if (sourceError !== null) {
    throw new AppError('sandbox_failed', "The job's source could not be read.", { cause: sourceError });
  }
  const code = exit.signal === null ? exit.code : BY_SIGNAL + constants.signals[exit.signal];
  const reason = stopped ?? limitReached(code);
  return {
    exitCode: reason === null ? code : null,
    stopped: reason,
    wallMs: performance.now() - started,
    outputBytes,
  };
}

function unstarted(cause: Error): AppError {
  return isShortage(cause)
    ? new AppError(
        'overloaded',
        'This machine is too busy to start the job now. Please try again in a moment.',
        {
          cause,
        },
      )
    : new AppError('sandbox_failed', 'The job could not be started.', { cause });
}

function overuse(pid: number | undefined, limits: JobLimits, scratch: string | null): JobStop | null {
  if (pid === undefined) return null;
  const usage = usageOf(pid);
  const own = scratch === null ? OWN_PROCESSES : 0;
  if (usage.processes - own > limits.processes || usage.tasks - own > maxTasks(limits)) return 'processes';
  if (usage.memoryBytes > limits.memoryBytes) return 'memory';
  if (usage.cpuSeconds > limits.cpuSeconds) return 'timeout';
  if (scratch !== null && scratchBytes(scratch, limits.scratchBytes) > limits.scratchBytes) return 'scratch';
  return null;
}

/** Signals by which the kernel itself enforces a limit. */
function limitReached(code: number | null): JobStop | null {
  if (code === BY_SIGNAL + constants.signals.SIGXCPU) return 'timeout';
  if (code === BY_SIGNAL + constants.signals.SIGXFSZ) return 'scratch';
  return null;
}

async function feed(source: Readable | string, stdin: Writable): Promise<void> {
  if (typeof source !== 'string') return pour(source, stdin);
  const tar = spawn('tar', ['-c', '-f', '-', '-C', source, '.'], {
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const packed = endOf(tar);
  // Without descriptors left it has no streams; why is what it ends with.
  if ((tar.stdout as Readable | undefined) !== undefined) await pour(tar.stdout, stdin);
  const exit = await packed;
  if (exit instanceof Error) throw exit;
  // A job that ended early stops reading; tar then ends by SIGPIPE, which is no fault of the source.
  if (exit.code !== null && exit.code !== 0) throw new Error(`tar ended with ${exit.code}.`);
}

/** A job that ended, or has read enough, closes its end: that is not the source's error. */
async function pour(source: Readable, stdin: Writable): Promise<void> {
  try {
    await pipeline(source, stdin);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EPIPE' && code !== 'ECONNRESET' && code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}
