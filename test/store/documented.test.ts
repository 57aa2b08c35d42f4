import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { useDatabase } from '../support/database.ts';

const database = useDatabase();
const STORAGE = readFileSync(new URL('../../docs/storage.md', import.meta.url), 'utf8');

it('every table says in docs/storage.md what it holds, for how long and why', async () => {
  const tables = await database.owner.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'public' order by tablename`,
  );
  expect(tables.length).toBeGreaterThan(10);
  expect(tables.map(({ name }) => name).filter((name) => !STORAGE.includes(`| \`${name}\``))).toEqual([]);
});
