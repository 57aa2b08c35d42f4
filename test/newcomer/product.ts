/** The whole product as a newcomer starts it: `node src/main.ts` in a process of its own, on a free port. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('../..', import.meta.url));
/** The first start makes a database; on a busy machine that takes long. In milliseconds. */
const STARTS_WITHIN_MS = 240_000;
/** The product stops within 4 s, its database last; after this it is killed. In milliseconds. */
const STOPS_WITHIN_MS = 40_000;

export type Product = {
  /** The address that the terminal shows. */
  url: string;
  /** `countersign ...args` beside it: what it prints, and its exit code. */
  command(...args: string[]): Promise<{ exit: number; stdout: string; stderr: string }>;
  stop(): Promise<void>;
};

/** What a newcomer has in the environment: nothing of ours, whatever this machine has set. */
function bareEnvironment(dataFolder: string): Record<string, string> {
  const kept = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'USER'];
  const given = kept.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(given), COUNTERSIGN_DATA: dataFolder, PORT: '0', LOG_LEVEL: 'warn' };
}

/** `more`: what somebody set before they started it. */
export async function startProduct(more: Record<string, string> = {}): Promise<Product> {
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-newcomer-'));
  const env = { ...bareEnvironment(path.join(folder, 'data')), ...more };
  const run = (args: string[]) =>
    spawn(process.execPath, args, { cwd: HERE, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const main = run(['src/main.ts']);
  const exited = once(main, 'exit');
  const stop = async () => {
    const killing = setTimeout(() => main.kill('SIGKILL'), STOPS_WITHIN_MS);
    main.kill('SIGTERM');
    await exited;
    clearTimeout(killing);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const url = await addressOf(main);
    return {
      url,
      async command(...args) {
        const child = run(['src/cli.ts', ...args]);
        const [stdout, stderr, [exit]] = await Promise.all([
          textOf(child.stdout),
          textOf(child.stderr),
          once(child, 'exit') as Promise<[number]>,
        ]);
        return { exit, stdout, stderr };
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const part of stream) text += String(part);
  return text;
}

/** The address in the welcome; what the process complained of when there is none. */
function addressOf(main: ReturnType<typeof spawn>): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const giveUp = (why: string) => reject(new Error(`Countersign ${why}: ${said}`));
    const late = setTimeout(() => giveUp('did not start in time'), STARTS_WITHIN_MS);
    main.once('exit', () => {
      clearTimeout(late);
      giveUp('ended');
    });
    main.stderr?.on('data', (part) => {
      said += part;
    });
    main.stdout?.on('data', (part) => {
      said += part;
      const found = /Countersign is at (http:\/\/127\.0\.0\.1:\d+)/.exec(said);
      if (found?.[1] === undefined) return;
      clearTimeout(late);
      resolve(found[1]);
    });
  });
}
