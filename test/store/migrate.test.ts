import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { migrate, pendingMigrations } from '../../src/store/migrate.ts';
import { type MigrationFile, migrationFiles } from '../../src/store/migration-files.ts';
import { openDatabase } from '../../src/store/postgres.ts';
import { createQueue } from '../../src/store/queue.ts';
import { QUEUES } from '../../src/store/queue-names.ts';
import { administratorSql } from '../../src/store/roles.ts';
import { asSuperuser, useDatabase as ownDatabase } from '../support/database.ts';

const t = ownDatabase();
const ignore = () => undefined;

function file(name: string, sql: string): MigrationFile {
  return { name, sql, sha256: createHash('sha256').update(sql).digest('hex') };
}
/** What the template was made with, and `files`: a file that somebody edits meanwhile does not matter here. */
const own = async (files: MigrationFile[] = []): Promise<MigrationFile[]> => {
  const applied = await t.db.query<MigrationFile>(
    `SELECT name, sha256, '' AS sql FROM migrations WHERE name < '9' ORDER BY name`,
  );
  return [...applied, ...files];
};
const run = (files: readonly MigrationFile[], ownerUrl = t.ownerUrl) =>
  migrate({ ownerUrl, appRole: 'countersign_app', queues: QUEUES, files });

describe('migrations', () => {
  test('the shipped ones have all run, and running again changes nothing', async () => {
    expect(await pendingMigrations(t.db)).toEqual([]);
    expect(await run(migrationFiles())).toEqual({ applied: [] });
  });

  test('a new file runs once, and is pending before', async () => {
    const files = await own([file('9000_new.sql', 'CREATE TABLE fresh (a int)')]);
    expect(await pendingMigrations(t.db, files)).toEqual(['9000_new.sql']);
    expect(await run(files)).toEqual({ applied: ['9000_new.sql'] });
    expect(await pendingMigrations(t.db, files)).toEqual([]);
    expect(await run(files)).toEqual({ applied: [] });
  });

  test('a file that fails leaves nothing of itself, and says which it was', async () => {
    const files = await own([file('9001_half.sql', 'CREATE TABLE half (a int); SELECT 1 / 0;')]);
    await expect(run(files)).rejects.toThrow('9001_half.sql');
    expect(await t.owner.one(`SELECT to_regclass('half') AS half`)).toEqual({ half: null });
    expect(await pendingMigrations(t.db, files)).toEqual(['9001_half.sql']);
  });

  test('a file that was changed after it had run is refused', async () => {
    await run(await own([file('9002_once.sql', 'SELECT 1')]));
    const changed = await own([file('9002_once.sql', 'SELECT 2')]);
    await expect(run(changed)).rejects.toMatchObject({ code: 'config_invalid' });
    await expect(pendingMigrations(t.db, changed)).rejects.toMatchObject({ code: 'config_invalid' });
  });

  test('two starts at once take turns: each file runs in one of them', async () => {
    const files = await own([file('9003_race.sql', 'CREATE TABLE race (a int)')]);
    const results = await Promise.all([run(files), run(files), run(files)]);
    expect(results.flatMap((result) => result.applied)).toEqual(['9003_race.sql']);
  });
});

test('files come in the order of their numbers, and a number belongs to one file', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-files-'));
  for (const name of ['0002_b.sql', '0001_a.sql', 'notes.txt'])
    writeFileSync(path.join(folder, name), 'SELECT 1');
  expect(migrationFiles(folder).map((found) => found.name)).toEqual(['0001_a.sql', '0002_b.sql']);
  writeFileSync(path.join(folder, '0002_c.sql'), 'SELECT 1');
  expect(() => migrationFiles(folder)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  rmSync(folder, { recursive: true });
});

describe('an owner role whose connections must take the application role', () => {
  const taking = async (ownerUrl: string) => {
    const files = await own();
    return migrate({ ownerUrl, appRole: 'countersign_app', queues: QUEUES, ownerTakesRole: true, files });
  };

  test('that may not grant it gets the SQL for an administrator', async () => {
    await expect(taking(t.ownerUrl)).rejects.toMatchObject({
      code: 'database_roles',
      message: expect.stringContaining('GRANT countersign_app TO "countersign_owner";'),
    });
  });

  test('gets the whole SQL where the role is missing, with its own name quoted', () => {
    expect(administratorSql('odd"name', { create: true, membership: true })).toBe(
      'CREATE ROLE countersign_app NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;\n' +
        'GRANT countersign_app TO "odd""name";',
    );
  });

  test('that may, makes it so; its connections and queues then work without DDL rights', async () => {
    const name = new URL(t.ownerUrl).pathname.slice(1);
    await asSuperuser([
      `CREATE ROLE maker_${name} LOGIN CREATEROLE PASSWORD 'maker'`,
      `GRANT countersign_owner TO maker_${name}`,
      `GRANT countersign_app TO maker_${name} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`,
    ]);
    const url = new URL(t.ownerUrl);
    url.username = `maker_${name}`;
    url.password = 'maker';
    const role = 'countersign_app';
    const before = openDatabase({ url: url.href, role, onError: ignore });
    await expect(before.query('SELECT 1')).rejects.toMatchObject({ code: 'database_roles' });
    await before.close();
    expect(await taking(url.href)).toEqual({ applied: [] });

    const database = openDatabase({ url: url.href, role, onError: ignore });
    expect(await database.one('SELECT current_user::text AS role')).toEqual({ role });
    await expect(database.query('CREATE TABLE planted (a int)')).rejects.toMatchObject({ code: '42501' });
    const queue = await createQueue({ url: url.href, role, onError: console.error });
    const { promise, resolve } = Promise.withResolvers<unknown>();
    await queue.work('turn', { concurrency: 1 }, async (payload) => resolve(payload));
    await database.transaction((tx) => queue.send(tx, 'turn', { turn: 't' }));
    expect(await promise).toEqual({ turn: 't' });
    await queue.stop();
    await database.close();
    await asSuperuser([`DROP ROLE maker_${name}`]);
  });
});
