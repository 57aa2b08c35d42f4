/**
 * Microsoft's Agents Playground, which shows what Teams would. Its licence allows evaluation only, so it is no dependency
 * of ours: `npm run playground:install` puts it into the build folder, where this finds it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../free-port.ts';

const INSTALLED = path.join(
  import.meta.dirname,
  '../../../.build/playground/node_modules/@microsoft/m365agentsplayground/cli.js',
);
/** Another installation, for whoever has one. */
const CLI = process.env.AGENTS_PLAYGROUND ?? INSTALLED;
const TRIES = 150;
const BETWEEN_TRIES_MS = 200;

/** Why there is no Playground to test with, or null. */
export const missingPlayground: string | null = existsSync(CLI)
  ? null
  : 'needs the Agents Playground: npm run playground:install';

export type Playground = { address: string; stop(): void };

/** Where one will be: a bot wants to know before either is started. */
export async function playgroundAddress(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`;
}

/** In a process and a folder of its own, at `address`, for the bot at `endpoint`. */
export async function startPlayground(address: string, endpoint: string): Promise<Playground> {
  const folder = mkdtempSync(path.join(tmpdir(), 'playground-'));
  const { port } = new URL(address);
  const child = spawn(process.execPath, [CLI, 'start', '-e', endpoint, '-c', 'msteams', '-p', port], {
    cwd: folder,
    stdio: 'ignore',
    env: { ...process.env, BROWSER: 'none' },
  });
  const stop = (): void => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilAnswers(`${address}/_internal/v1/config`, child);
  } catch (error) {
    stop();
    throw error;
  }
  return { address, stop };
}

async function untilAnswers(url: string, child: ChildProcess): Promise<void> {
  for (let left = TRIES; left > 0; left -= 1) {
    if (child.exitCode !== null) throw new Error(`the Playground ended with ${child.exitCode}`);
    const answers = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (answers) return;
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_TRIES_MS));
  }
  throw new Error(`${url} does not answer`);
}
