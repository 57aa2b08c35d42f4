/** The real command line, and the real assistant, as processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import { runCommandLine } from '../../src/commands/run.ts';
import type { Terminal } from '../../src/commands/terminal.ts';
import { resetLocalData } from '../../src/store/embedded.ts';
import { freePort } from '../support/free-port.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const cliPath = path.join(ROOT, 'src/cli.ts');

// A story is several processes, most of which start a database server for the moment: seconds each on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

export type Ran = { exit: number | null; stdout: string; stderr: string };
/** `uid`: as another account, for which tests must be root. */
export type Around = { env?: Record<string, string>; input?: string; cwd?: string; uid?: number };

/** Nothing of the machine that runs the tests: not its configuration, not its keys. */
function environment(data: string, env: Record<string, string> = {}): Record<string, string> {
  const { PATH = '', HOME = '/', NODE_COMPILE_CACHE = '' } = process.env;
  return { PATH, HOME, NODE_COMPILE_CACHE, COUNTERSIGN_DATA: data, ...env };
}

/** `countersign ARGS`, to its end. Its folder is the data folder's parent: no configuration file lies there. */
export async function countersign(data: string, args: readonly string[], around: Around = {}): Promise<Ran> {
  const child = spawn(process.execPath, [cliPath, ...args], {
    cwd: around.cwd ?? path.dirname(data),
    env: environment(data, around.env),
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(around.uid === undefined ? {} : { uid: around.uid, gid: around.uid }),
  });
  const ran: Ran = { exit: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    ran.stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    ran.stderr += chunk;
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(around.input ?? '');
  [ran.exit] = (await once(child, 'close')) as [number | null];
  return ran;
}

/** The same within this process, for words that lead to nothing that is opened: much quicker than a process each. */
export async function said(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const ran: Ran = { exit: null, stdout: '', stderr: '' };
  const terminal: Terminal = {
    async write(text) {
      ran.stdout += text;
    },
    say(line) {
      ran.stderr += `${line}\n`;
    },
    ask: async () => null,
    async *lines() {
      // Nobody types anything.
    },
  };
  ran.exit = await runCommandLine(args, { env, cwd: tmpdir(), terminal });
  return ran;
}

/** A data folder within a folder of its own; `remove` stops what runs in it. */
export function makePlace(): { data: string; folder: string; remove(): Promise<void> } {
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-cli-'));
  const data = path.join(folder, 'data');
  return {
    data,
    folder,
    async remove() {
      await resetLocalData(data);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type Assistant = {
  port: number;
  env: { PORT: string };
  /** What it said until it was there. */
  greeting: string;
  post(path: string, body: object): Promise<{ status: number; body: unknown }>;
  get(path: string): Promise<unknown>;
  stop(): Promise<void>;
};

/** `npm start` on this data. */
export async function startAssistant(data: string): Promise<Assistant> {
  const port = await freePort();
  const child = spawn(process.execPath, [path.join(ROOT, 'src/main.ts')], {
    cwd: path.dirname(data),
    env: environment(data, { PORT: String(port), LOG_LEVEL: 'error' }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit');
  const greeting = await untilSaid(child, 'Ctrl-C stops everything');
  const at = `http://127.0.0.1:${port}`;
  return {
    port,
    env: { PORT: String(port) },
    greeting,
    async post(where, body) {
      const response = await fetch(`${at}${where}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: await response.json() };
    },
    get: async (where) => (await fetch(`${at}${where}`)).json(),
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function untilSaid(child: ChildProcess, words: string): Promise<string> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: unknown): void => {
      said += String(chunk);
      if (said.includes(words)) resolve();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('exit', () => reject(new Error(`The assistant ended: ${said}`)));
  });
  return said;
}

/** JSON Lines, parsed. */
export const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
