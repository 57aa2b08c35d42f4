import { describe, expect, it } from 'vitest';
import { unclaimed } from '../../src/approval/requests.ts';
import { storeRequest } from '../support/core.ts';
import { useDatabase } from '../support/database.ts';

const database = useDatabase();

describe('approved requests whose job is lost', () => {
  it('are found once they waited longer than a claim takes, and nothing else is', async () => {
    const lost = await storeRequest(database.db, { state: 'approved' });
    await storeRequest(database.db, { state: 'pending' });
    await database.owner.query(
      `update requests set created_at = created_at - interval '5 minutes', confirmed_at = confirmed_at - interval '5 minutes'`,
    );
    expect(await unclaimed(database.db, 60, 10)).toEqual([lost.id]);
    expect(await unclaimed(database.db, 600, 10)).toEqual([]);
  });

  it('are not sought after their expiry', async () => {
    const request = await storeRequest(database.db, { state: 'approved' });
    await database.owner.query(
      `update requests set created_at = created_at - interval '2 days', confirmed_at = confirmed_at - interval '2 days',
         expires_at = clock_timestamp() - interval '1 day' where id = $1`,
      [request.id],
    );
    expect(await unclaimed(database.db, 60, 10)).not.toContain(request.id);
  });
});
