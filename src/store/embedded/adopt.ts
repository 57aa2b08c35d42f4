/** Is a server of this cluster already running, and is it really ours? */
import pg from 'pg';
import type { Layout } from './folder.ts';
import { waitUntil } from './processes.ts';
import { APP_ROLE, OWNER_ROLE, type Passwords, urlFor } from './secrets.ts';
import { livePostmaster, stopPostmaster } from './server.ts';

/** An orphan that is still recovering from a crash gets this long to accept us before it is stopped. */
const ADOPT_TIMEOUT_MS = 5_000;

export type Urls = { appUrl: string; ownerUrl: string };
export function urlsOf(passwords: Passwords, port: number): Urls {
  return {
    appUrl: urlFor(APP_ROLE, passwords.app, port),
    ownerUrl: urlFor(OWNER_ROLE, passwords.owner, port),
  };
}

/** SCRAM proves both sides: only our cluster knows this password's verifier. */
export async function accepts(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: ADOPT_TIMEOUT_MS });
  // What breaks while we look is the answer "no".
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A server that is already running and accepts our password; one that does not is stopped. */
export async function adopt(layout: Layout, passwords: Passwords): Promise<number | null> {
  const running = livePostmaster(layout);
  if (running === null) return null;
  const { ownerUrl } = urlsOf(passwords, running.port);
  if (await waitUntil(() => accepts(ownerUrl), ADOPT_TIMEOUT_MS)) return running.port;
  await stopPostmaster(running.pid);
  return null;
}
