import { describe, expect, test } from 'vitest';
import { claimApproved } from '../../src/execution/lease.ts';
import { levelOfRun, runObstacle } from '../../src/execution/run-obstacle.ts';
import { ExecutionId, newId } from '../../src/model/ids.ts';
import type { IsolationLevel } from '../../src/model/request.ts';
import { storeRequest } from '../support/core.ts';
import { useDatabase } from '../support/database.ts';

const database = useDatabase();

/** `at`: what its run began at, which the log says. */
async function obstacle(now: IsolationLevel, at: IsolationLevel = 'kernel-lite', isHeld = true) {
  const request = await storeRequest(database.db, { state: 'approved', confirmedAt: new Date() });
  const claim = await database.db.transaction((tx) => claimApproved(tx, request, at));
  if (claim === null) throw new Error('It is not claimed.');
  const said = isHeld ? await levelOfRun(database.db, claim.execution) : null;
  return runObstacle(database.db, claim.execution, said, { level: now, acceptProcess: false });
}

describe('a job that an approved request set going', () => {
  test('goes on at the level that the log says of its request, and above it', async () => {
    expect(await obstacle('kernel-lite')).toBeNull();
    expect(await obstacle('kernel')).toBeNull();
  });

  test('stops below what risk asks for', async () => {
    expect(await obstacle('process')).toBe('isolation_too_low');
  });

  test('stops below the level that the log says of its request, though a weaker one would have been enough', async () => {
    expect(await obstacle('kernel-lite', 'kernel')).toBe('isolation_too_low');
  });

  test('that was accepted before it was held to that level goes on at what risk asks for', async () => {
    expect(await obstacle('kernel-lite', 'kernel', false)).toBeNull();
    expect(await obstacle('process', 'kernel', false)).toBe('isolation_too_low');
  });

  test('is not held up where no request is known by its execution', async () => {
    const unknown = newId(ExecutionId);
    expect(await levelOfRun(database.db, unknown)).toBeNull();
    expect(await runObstacle(database.db, unknown, null, { level: 'none', acceptProcess: false })).toBeNull();
  });
});
