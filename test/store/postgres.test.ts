import { describe, expect, test } from 'vitest';
import type { Tx } from '../../src/store/database.ts';
import { openDatabase } from '../../src/store/postgres.ts';
import { useDatabase as ownDatabase } from '../support/database.ts';

const t = ownDatabase();
const ignore = () => undefined;

describe('the application role', () => {
  const forbidden = [
    'CREATE TABLE planted (a int)',
    'CREATE SCHEMA planted',
    'CREATE TEMPORARY TABLE planted (a int)',
    'CREATE ROLE planted',
    'ALTER TABLE migrations ADD COLUMN planted int',
    'DROP TABLE migrations',
    "INSERT INTO migrations (name, sha256) VALUES ('planted', '')",
    'CREATE FUNCTION planted() RETURNS int LANGUAGE sql AS $$SELECT 1$$',
    'ALTER SCHEMA pgboss RENAME TO planted',
    'SET ROLE countersign_owner',
  ];
  test.each(forbidden)('may not: %s', async (statement) => {
    await expect(t.db.query(statement)).rejects.toMatchObject({ code: '42501' });
  });

  test('is no superuser, and neither is the owner', async () => {
    for (const sql of [t.db, t.owner]) {
      const role = await sql.one(
        'SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = current_user',
      );
      expect(Object.values(role)).toEqual([false, false, false, false]);
    }
  });

  test('is told apart from the owner by its login', async () => {
    expect(await t.db.one('SELECT session_user::text AS login')).toEqual({ login: 'countersign_app' });
    expect(await t.owner.one('SELECT session_user::text AS login')).toEqual({ login: 'countersign_owner' });
  });
});

describe('values', () => {
  test('int8 comes as a number, a timestamp as a Date, JSON as its value', async () => {
    const row = await t.db.one(
      `SELECT 9007199254740991::int8 AS n, '2026-01-02T03:04:05.678Z'::timestamptz AS at, '{"a":[1]}'::jsonb AS j`,
    );
    expect(row).toEqual({ n: 2 ** 53 - 1, at: new Date('2026-01-02T03:04:05.678Z'), j: { a: [1] } });
  });

  test('an int8 that a number cannot hold is an error, not a rounded value', async () => {
    await expect(t.db.one('SELECT 9007199254740993::int8 AS n')).rejects.toThrow(RangeError);
  });

  test('one row means exactly one', async () => {
    await expect(t.db.one('SELECT 1 WHERE false')).rejects.toThrow('got none');
    await expect(t.db.one('SELECT generate_series(1, 2)')).rejects.toThrow('got 2');
    expect(await t.db.maybe('SELECT 1 WHERE false')).toBeNull();
  });

  test('names are looked up in our schema first and never in a temporary one', async () => {
    expect(await t.db.one('SHOW search_path')).toEqual({ search_path: 'public,pg_temp' });
  });
});

describe('a transaction', () => {
  test('is undone when its work throws, and the error comes through', async () => {
    await t.owner.query('CREATE TABLE undone (a int)');
    const problem = new Error('stop');
    await expect(
      t.owner.transaction(async (tx) => {
        await tx.query('INSERT INTO undone VALUES (1)');
        throw problem;
      }),
    ).rejects.toBe(problem);
    expect(await t.owner.query('SELECT * FROM undone')).toEqual([]);
  });

  test('that swallowed an error does not look committed', async () => {
    const swallowing = t.db.transaction(async (tx) => {
      await tx.query('SELECT 1 / 0').catch(ignore);
    });
    await expect(swallowing).rejects.toThrow('aborted');
  });

  test('cannot be used after its end', async () => {
    const leaked = await t.db.transaction(async (tx): Promise<{ tx: Tx }> => ({ tx }));
    await expect(leaked.tx.query('SELECT 1')).rejects.toThrow('already ended');
  });

  test('gives its connection back, whatever happens', async () => {
    const small = openDatabase({ url: t.appUrl, max: 1, onError: ignore });
    for (let round = 0; round < 3; round += 1) {
      await expect(small.transaction((tx) => tx.query('SELECT 1 / 0'))).rejects.toMatchObject({
        code: '22012',
      });
    }
    expect(await small.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await small.close();
  });
});

describe('a connection of its own', () => {
  test('holds an advisory lock until the callback ends', async () => {
    const lock = 'SELECT pg_try_advisory_lock(42) AS got';
    await t.db.withConnection(async (holder) => {
      expect(await holder.one(lock)).toEqual({ got: true });
      expect(await t.db.withConnection((other) => other.one(lock))).toEqual({ got: false });
    });
    await expect.poll(() => t.db.withConnection((other) => other.one(lock))).toEqual({ got: true });
  });
});

describe('taking the application role at the start', () => {
  test('a login that may not take it is refused by code', async () => {
    const database = openDatabase({ url: t.ownerUrl, role: 'countersign_app', onError: ignore });
    await expect(database.query('SELECT 1')).rejects.toMatchObject({ code: 'database_roles' });
    await database.close();
  });

  test('a role that does not exist is refused by code', async () => {
    const database = openDatabase({ url: t.ownerUrl, role: 'nobody_of_that_name', onError: ignore });
    await expect(database.query('SELECT 1')).rejects.toMatchObject({ code: 'database_roles' });
    await database.close();
  });

  test('options in the address cannot win over ours', async () => {
    const url = `${t.appUrl}?options=-c%20search_path%3Dpg_temp`;
    const database = openDatabase({ url, onError: ignore });
    expect(await database.one('SHOW search_path')).toEqual({ search_path: 'public,pg_temp' });
    await database.close();
  });
});

describe('failures by code', () => {
  test('a wrong password, an absent database and a closed port are the database being unavailable', async () => {
    const wrongPassword = new URL(t.appUrl);
    wrongPassword.password = 'wrong';
    const absent = new URL(t.appUrl);
    absent.pathname = '/absent';
    const closed = new URL(t.appUrl);
    closed.port = '1';
    for (const url of [wrongPassword, absent, closed]) {
      const database = openDatabase({ url: url.href, onError: ignore });
      await expect(database.query('SELECT 1')).rejects.toMatchObject({ code: 'database_unavailable' });
      await expect(database.transaction((tx) => tx.query('SELECT 1'))).rejects.toMatchObject({
        code: 'database_unavailable',
      });
      await expect(database.withConnection((sql) => sql.query('SELECT 1'))).rejects.toMatchObject({
        code: 'database_unavailable',
      });
      await expect(database.listen('any', ignore)).rejects.toMatchObject({ code: 'database_unavailable' });
      await database.close();
    }
  });

  test('an address that is none names no value', () => {
    expect(() => openDatabase({ url: 'not an address', onError: ignore })).toThrow(
      expect.objectContaining({
        code: 'config_invalid',
        message: expect.not.stringContaining('not an address'),
      }),
    );
  });
});
