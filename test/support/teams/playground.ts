/**
 * Microsoft's Agents Playground, which shows what Teams would. Its licence allows evaluation only, so it is no dependency
 * of ours: `npm run playground:install` puts it into the build folder, where `needs.ts` finds it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../free-port.ts';
import { PLAYGROUND } from '../needs.ts';

/** Two minutes: a busy machine starts it in many seconds. */
const TRIES = 600;
const BETWEEN_TRIES_MS = 200;

export type PlaygroundUser = { id: string; name: string; aadObjectId: string };
/** Its own small company: whoever sits at the browser is `currentUser`. */
export type PlaygroundSettings = {
  tenantId: string;
  bot: { id: string; name: string };
  currentUser: PlaygroundUser;
  users: PlaygroundUser[];
};
/** Where a card stands, and which. */
export type At = { conversation: string; message: string; data: Record<string, string> };

export type Playground = {
  address: string;
  settings: PlaygroundSettings;
  /** A press in the client of any member of a group chat or a channel; answers what the bot answered. */
  press(user: PlaygroundUser, at: At, verb: string): Promise<{ type: string; value: unknown }>;
  stop(): Promise<void>;
};

/** Where one will be: a bot wants to know before either is started. */
export async function playgroundAddress(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`;
}

/** In a process and a folder of its own, at `address`, for the bot at `endpoint`. */
export async function startPlayground(address: string, endpoint: string): Promise<Playground> {
  const folder = mkdtempSync(path.join(tmpdir(), 'playground-'));
  const { port } = new URL(address);
  const options = ['-e', endpoint, '-c', 'msteams', '-p', port, '--disable-telemetry'];
  const child = spawn(process.execPath, [PLAYGROUND, 'start', ...options], {
    cwd: folder,
    stdio: 'ignore',
    env: { ...process.env, BROWSER: 'none' },
  });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill();
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const settings = await untilAnswers(`${address}/_internal/v1/config`, child);
    const press: Playground['press'] = (user, at, verb) => pressAs(address, user, at, verb);
    return { address, settings, press, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function pressAs(
  address: string,
  user: PlaygroundUser,
  { conversation, message, data }: At,
  verb: string,
): Promise<{ type: string; value: unknown }> {
  const response = await fetch(`${address}/_conversation/v1/invoke`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      name: 'adaptiveCard/action',
      value: { action: { type: 'Action.Execute', verb, data }, trigger: 'manual' },
      from: { id: user.id },
      conversation: { id: conversation },
      replyToId: message,
    }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the Playground answered ${response.status}: ${text}`);
  return JSON.parse(text) as { type: string; value: unknown };
}

async function untilAnswers(url: string, child: ChildProcess): Promise<PlaygroundSettings> {
  for (let left = TRIES; left > 0; left -= 1) {
    if (child.exitCode !== null) throw new Error(`the Playground ended with ${child.exitCode}`);
    const answer = await fetch(url).then(
      (response) => (response.ok ? response : null),
      () => null,
    );
    if (answer !== null) return ((await answer.json()) as { config: PlaygroundSettings }).config;
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_TRIES_MS));
  }
  throw new Error(`${url} does not answer`);
}
