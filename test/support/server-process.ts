/** A second process that holds the embedded server of a folder. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export type Holder = {
  adopted: boolean;
  appUrl: string;
  child: ChildProcess;
  /** kill -9. */
  kill(): Promise<void>;
  /** Ends in order. */
  end(): Promise<void>;
};

export const holderScript = fileURLToPath(new URL('../store/embedded-holder.ts', import.meta.url));

export async function holdServer(dataFolder: string, options: SpawnOptions = {}): Promise<Holder> {
  const child = spawn(process.execPath, [holderScript, dataFolder], {
    ...options,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let problems = '';
  child.stderr?.on('data', (chunk) => {
    problems += chunk;
  });
  const lines = createInterface({ input: child.stdout! });
  const said = await Promise.race([once(lines, 'line'), exited.then(() => null)]);
  if (said === null) throw new Error(`The process ended: ${problems}`);
  return {
    ...(JSON.parse(String(said[0])) as { adopted: boolean; appUrl: string }),
    child,
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    end: async () => {
      child.stdin?.end();
      await exited;
    },
  };
}
