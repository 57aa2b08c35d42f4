/**
 * Runs one call of an action in a process of its own, once. The process has no network, no file but its own
 * code, nothing of our environment; its one way out is descriptor 3, which whoever calls us serves. Everything
 * it prints is untrusted.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import { AppError } from '../../errors.ts';
import type { IsolationLevel } from '../../model/request.ts';
import { AnswerReader } from './answer.ts';
import { type Bundle, bundleLauncher, checkBundle } from './bundle.ts';
import type { Call } from './call.ts';
import { type Launch, launchFor, type Means } from './launch.ts';
import { DEFAULT_LIMITS, mostMemoryBytes, type RunLimits } from './limits.ts';
import { keepDescriptorsHome, locateBubblewrap, locateNode } from './machine.ts';
import { type Durations, failed, notStarted, readExit, type SandboxOutcome, type Stop } from './outcome.ts';
import { collect, drained, isShortage, killGroup, startProcess } from './process.ts';
import { usageOfAction, WATCH_MS } from './usage.ts';

export type SandboxRun = {
  /** Its bytes are compared with the digest before anything starts. */
  bundle: Bundle;
  job: Call;
  /** Called at once with the parent's end of descriptor 3; HTTP/1.1 is spoken on it. */
  door: (stream: Duplex) => void;
  limits?: Partial<RunLimits>;
  /** Untrusted text, one visible line of at most 500 characters. */
  onProgress?: (line: string) => void;
  /** Untrusted text, once after the end: what it printed beside its answer, `stderrBytes` at most. */
  onPrinted?: (text: string) => void;
  signal?: AbortSignal;
};

export type Sandbox = {
  readonly level: IsolationLevel;
  /** @throws AppError `sandbox_failed` if the bundle or our launcher is not the one that was named */
  run: (run: SandboxRun) => Promise<SandboxOutcome>;
};

const DOOR_DESCRIPTOR = 3;
const NO_TIME: Durations = { wallMs: 0, firstByteMs: null };

/** Prepares what a level needs; that the level holds is for `establishLevel` to show. */
export async function createSandbox({
  level,
  node = process.execPath,
  bubblewrap: where,
  outFolder,
}: {
  level: IsolationLevel;
  /** The Node that runs actions; ours by default. */
  node?: string;
  /** Bubblewrap's program, where it is not where systems put it. */
  bubblewrap?: string;
  /** Where the launcher's bundle is kept. */
  outFolder?: string;
}): Promise<Sandbox> {
  const [nodeFiles, bubblewrap, launcher] = await Promise.all([
    locateNode(node),
    locateBubblewrap(where),
    bundleLauncher(outFolder),
  ]);
  keepDescriptorsHome();
  if (level === 'kernel' && bubblewrap === null) {
    throw new AppError('isolation_too_low', 'Bubblewrap is not installed (apt-get install -y bubblewrap).');
  }
  const means: Means = { nodeFiles, bubblewrap, launcher };
  return {
    level,
    run: async (run) => {
      try {
        await checkBundle(run.bundle);
        if (level === 'kernel-lite') await checkBundle(launcher);
      } catch (error) {
        if (error instanceof Error && isShortage(error)) return notStarted(error, NO_TIME);
        throw error;
      }
      const limits = { ...DEFAULT_LIMITS, ...run.limits };
      return runLaunched(launchFor(level, run.bundle.file, limits, means), run, limits);
    },
  };
}

/** Supervises one run, however it is launched. */
export async function runLaunched(
  launch: Launch,
  run: Omit<SandboxRun, 'bundle' | 'limits'>,
  limits: RunLimits,
): Promise<SandboxOutcome> {
  const started = performance.now();
  let firstByteAt: number | null = null;
  const durations = (): Durations => ({
    wallMs: performance.now() - started,
    firstByteMs: firstByteAt === null ? null : firstByteAt - started,
  });
  if (run.signal?.aborted) return failed('killed', 'It was stopped before it started.', durations());

  const { child, exited } = startProcess(launch);
  if (child === null) return unstarted(await exited, durations());
  let stop: Stop | null = null;
  const end = (reason: Stop): void => {
    stop ??= reason;
    killGroup(child);
  };
  const timer = setTimeout(() => end('timeout'), limits.wallMs);
  const watch = setInterval(() => {
    const reason = overuse(child.pid, limits);
    if (reason !== null) end(reason);
  }, WATCH_MS);
  const onAbort = (): void => end('killed');
  run.signal?.addEventListener('abort', onAbort, { once: true });

  const answer = new AnswerReader(run.onProgress ?? (() => undefined));
  let printedBytes = 0;
  const isTooMuch = (chunk: Buffer): boolean => {
    printedBytes += chunk.length;
    if (printedBytes > limits.outputBytes) end('output_limit');
    return printedBytes > limits.outputBytes;
  };
  child.stdout?.on('data', (chunk: Buffer) => {
    firstByteAt ??= performance.now();
    if (isTooMuch(chunk)) return;
    answer.push(chunk);
    if (answer.broken !== null) end('bad_answer');
  });
  child.stderr?.on('data', isTooMuch);
  const stderr = collect(child.stderr as Readable, limits.stderrBytes);

  const door = child.stdio[DOOR_DESCRIPTOR] as unknown as Duplex;
  run.door(door);
  (child.stdin as Writable).end(JSON.stringify(run.job));
  const exit = await exited;
  clearTimeout(timer);
  clearInterval(watch);
  run.signal?.removeEventListener('abort', onAbort);
  // Whatever it left behind goes with it.
  killGroup(child);
  await drained(child);
  door.destroy();
  answer.end();
  if (stderr() !== '') run.onPrinted?.(stderr());

  if (stop !== null) return failed(stop, answer.broken ?? stderr(), durations());
  if (exit instanceof Error) return unstarted(exit, durations());
  if (answer.broken !== null) return failed('bad_answer', answer.broken, durations());
  if (answer.final === null || ('value' in answer.final && exit.code !== 0)) {
    const cpuSpent = durations().wallMs >= limits.cpuSeconds * 1000;
    const how = `exit ${exit.code ?? exit.signal}\n${stderr()}`;
    return failed(readExit(exit, stderr(), cpuSpent), how, durations());
  }
  if ('error' in answer.final) return failed(answer.final.error.code, stderr(), durations());
  return { kind: 'answered', value: answer.final.value, durations: durations() };
}

/** Past Node's permissions there are kinds of memory, and threads, that no resource limit of one process bounds. */
function overuse(pid: number | undefined, limits: RunLimits): Stop | null {
  if (pid === undefined || process.platform !== 'linux') return null;
  const usage = usageOfAction(pid);
  if (usage.memoryBytes > mostMemoryBytes(limits)) return 'out_of_memory';
  return usage.tasks > limits.threads ? 'thread_limit' : null;
}

function unstarted(error: Error, durations: Durations): SandboxOutcome {
  return isShortage(error) ? notStarted(error, durations) : failed('crashed', error.message, durations);
}
