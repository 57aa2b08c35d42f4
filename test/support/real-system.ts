/** Programs of the system, started for a test and ended with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Longest start of such a program on a busy machine, and how often it is asked, in milliseconds. */
const STARTS_WITHIN_MS = 150_000;
const ASK_EVERY_MS = 150;
const STOPS_WITHIN_MS = 5_000;

export type RealProcess = { child: ChildProcess; said: () => string; stop(): Promise<void> };

export type ProcessSpec = {
  command: string;
  args: readonly string[];
  cwd: string;
  env?: Record<string, string>;
};

/** Nothing of this process's environment but the search path: logs of builds show what they were started with. */
export function startProcess({ command, args, cwd, env }: ProcessSpec): RealProcess {
  const child = spawn(command, args, {
    cwd,
    env: { PATH: `${process.env.PATH}:/usr/sbin:/usr/bin`, LANG: 'C.UTF-8', HOME: cwd, TMPDIR: cwd, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk;
    });
  }
  const closed = once(child, 'close');
  return {
    child,
    said: () => text,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOPS_WITHIN_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

/** Runs to its end; answers what it said. Throws with that where it fails. */
export async function runToEnd(spec: ProcessSpec): Promise<string> {
  const { child, said } = startProcess(spec);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${spec.command} ended with ${code}: ${said()}`);
  return said();
}

/** Until `ready` answers something; throws where the process ends first or takes too long. */
export async function whenReady<T>(process: RealProcess, ready: () => Promise<T | null>): Promise<T> {
  const deadline = performance.now() + STARTS_WITHIN_MS;
  for (;;) {
    if (process.child.exitCode !== null || process.child.signalCode !== null)
      throw new Error(`it did not start: ${process.said()}`);
    // Before the port is open there is nobody to ask.
    const found = await ready().catch(() => null);
    if (found !== null) return found;
    if (performance.now() > deadline) throw new Error(`it is not ready: ${process.said()}`);
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}
