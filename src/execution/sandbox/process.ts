/** Starting, ending and reading a process of ours; shared by actions and jobs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { FILTER_DESCRIPTOR, type Launch } from './launch.ts';
import type { Exit } from './outcome.ts';

/** How long output may still arrive after the process has ended. */
const DRAIN_MS = 1_000;

/** The machine has no descriptor, process or memory left at the moment. */
const SHORTAGES: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM']);

/** `child` is null where it has no streams to be spoken to by; `exited` then says why. */
export type Started =
  | { child: ChildProcess; exited: Promise<Exit | Error> }
  | { child: null; exited: Promise<Error> };

export function startProcess(launch: Launch): Started {
  let child: ChildProcess;
  try {
    child = spawn(launch.program, launch.args, {
      env: launch.env,
      cwd: '/',
      // A session of its own: Ctrl-C in our terminal is not its business, and the group can be ended as one.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', onlyIf(launch.door), onlyIf(launch.filter !== null)],
    });
  } catch (error) {
    return { child: null, exited: Promise.resolve(asError(error)) };
  }
  // Listened for before anything else: an 'error' that nobody hears ends us.
  const exited = endOf(child);
  // Where descriptors are short, Node makes no streams, whatever its types say.
  if ((child.stdio as ChildProcess['stdio'] | undefined) === undefined) {
    return { child: null, exited: exited.then(asError) };
  }
  for (const stream of child.stdio) {
    // A child that ended early breaks our writes; how it ended is read from its exit.
    stream?.on('error', () => undefined);
  }
  if (launch.filter !== null) (child.stdio[FILTER_DESCRIPTOR] as unknown as Writable).end(launch.filter);
  return { child, exited };
}

/** Beyond the third, a descriptor that is ignored is not there. */
const onlyIf = (wanted: boolean): 'pipe' | 'ignore' => (wanted ? 'pipe' : 'ignore');

const asError = (what: unknown): Error =>
  what instanceof Error ? what : new Error('The process did not start.');

/** Whether what failed may well succeed a moment later. */
export function isShortage(error: unknown): boolean {
  return SHORTAGES.has((error as NodeJS.ErrnoException | null)?.code);
}

/** Its exit, or the error that kept it from starting. */
export async function endOf(child: ChildProcess): Promise<Exit | Error> {
  try {
    const [code, signal] = await once(child, 'exit');
    return { code, signal };
  } catch (error) {
    return asError(error);
  }
}

export function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // Gone already is what we want; anything else is a defect.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export async function drained(child: ChildProcess): Promise<void> {
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  const timer = setTimeout(() => {
    // Where it was we who were held up for so long, what has come in meanwhile is read first.
    setImmediate(() => {
      for (const stream of streams) stream.destroy();
    });
  }, DRAIN_MS);
  await Promise.allSettled(streams.map((stream) => finished(stream)));
  clearTimeout(timer);
}

/** The first `maxBytes` of a stream as text; it goes on being read, so that nobody blocks on it. */
export function collect(stream: Readable, maxBytes: number): () => string {
  const chunks: Buffer[] = [];
  let kept = 0;
  stream.on('data', (chunk: Buffer) => {
    const part = chunk.subarray(0, maxBytes - kept);
    kept += part.length;
    if (part.length > 0) chunks.push(part);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}
