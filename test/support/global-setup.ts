/** One embedded PostgreSQL for the whole run, with a migrated template that each test file clones. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { resetLocalData, startEmbedded, superuserUrl } from '../../src/store/embedded.ts';
import { migrate } from '../../src/store/migrate.ts';
import { QUEUES } from '../../src/store/queue-names.ts';

/** What a test file needs to make its own database; `problem` when the migrations do not run. */
export type DatabaseTemplate = {
  superuserUrl: string;
  appUrl: string;
  ownerUrl: string;
  problem: string | null;
};

declare module 'vitest' {
  export interface ProvidedContext {
    databaseTemplate: DatabaseTemplate;
  }
}

/** A lost power supply does not matter to a test; the durability tests start servers of their own. */
const FAST_AND_FORGETFUL = [
  'fsync=off',
  'full_page_writes=off',
  'synchronous_commit=off',
  'max_connections=300',
];

const PREFIX = 'countersign-tests-';
/** A run that is just starting has made its folder and does not use it yet. */
const SURELY_STARTED_MS = 600_000;

/** Stops and removes the servers of earlier runs that were killed. */
async function clearKilledRuns(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((found) => found.startsWith(PREFIX))) {
    const folder = path.join(tmpdir(), name);
    try {
      if (Date.now() - statSync(folder).mtimeMs < SURELY_STARTED_MS) continue;
      await resetLocalData(folder);
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // In use, another account's, or cleared by another run at this moment: not ours to clear.
    }
  }
}

/** A broken migration fails the tests that need a database, by name, and no others. */
async function migrationProblem(ownerUrl: string): Promise<string | null> {
  try {
    await migrate({ ownerUrl, appRole: 'countersign_app', queues: QUEUES });
    return null;
  } catch (error) {
    return error instanceof Error ? `${error.message} ${String(error.cause ?? '')}` : String(error);
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await clearKilledRuns();
  const dataFolder = mkdtempSync(path.join(tmpdir(), PREFIX));
  const server = await startEmbedded({ dataFolder, log: () => undefined, settings: FAST_AND_FORGETFUL });
  project.provide('databaseTemplate', {
    superuserUrl: superuserUrl(dataFolder),
    appUrl: server.appUrl,
    ownerUrl: server.ownerUrl,
    problem: await migrationProblem(server.ownerUrl),
  });
  return async () => {
    await server.stop();
    rmSync(dataFolder, { recursive: true, force: true });
  };
}
