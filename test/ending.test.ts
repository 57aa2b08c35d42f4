import { describe, expect, it } from 'vitest';
import { type EndingDeps, takeBackDue } from '../src/ending.ts';
import { storeRequest, testLog } from './support/core.ts';
import { useDatabase } from './support/database.ts';

describe('what should have ended, and did not', () => {
  const database = useDatabase();

  /** What operators are told once the attempt stands so. */
  async function told(state: 'unknown' | 'failed') {
    const given = await storeRequest(database.db, { action: 'access.grant', state: 'succeeded' });
    const attempt = await storeRequest(database.db, { action: 'access.revoke', state });
    await database.db.query(
      `insert into endings (request, due_at, next_at, attempt, attempts)
       values ($1, clock_timestamp(), clock_timestamp(), $2, 1)`,
      [given.id, attempt.id],
    );
    const words: string[] = [];
    const deps = {
      db: database.db,
      audit: testLog().audit,
      governed: () => null,
      alarm: (_, said) => words.push(said),
    } satisfies Partial<EndingDeps>;
    await takeBackDue(deps as unknown as EndingDeps, AbortSignal.timeout(60_000));
    return { given, attempt, words };
  }

  it('is told with the id that whoever looks must name', async () => {
    const { given, attempt, words } = await told('unknown');
    expect(words).toEqual([
      `access.grant of request ${given.id} should have ended, and nobody knows whether it was taken back by request ${attempt.id} (no reason). It is tried again; please look, and write: resolve ${attempt.id} succeeded|failed`,
    ]);
  });

  it('asks nobody to say how it went where that is known', async () => {
    const { given, attempt, words } = await told('failed');
    expect(words).toEqual([
      `access.grant of request ${given.id} should have ended, and it could not be taken back by request ${attempt.id} (no reason). It is tried again; please look.`,
    ]);
  });
});
