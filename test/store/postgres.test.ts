import { expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';

const t = useDatabase();

test('the application role may not create a table', async () => {
  await expect(t.db.query('CREATE TABLE x (a int)')).rejects.toMatchObject({ code: '42501' });
});
