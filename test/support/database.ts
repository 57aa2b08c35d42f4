/** A database of its own for each test file, with the schema in place. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, inject } from 'vitest';
import type { Database } from '../../src/store/database.ts';
import { DATABASE_NAME } from '../../src/store/embedded/secrets.ts';
import { openDatabase } from '../../src/store/postgres.ts';

export type TestDatabase = {
  /** As the application: no DDL. */
  readonly db: Database;
  /** As the owner of the schema. */
  readonly owner: Database;
  readonly appUrl: string;
  readonly ownerUrl: string;
};

function withName(url: string, name: string): string {
  const parsed = new URL(url);
  parsed.pathname = `/${name}`;
  return parsed.href;
}

/** Runs statements as the server's superuser, one after the other. */
export async function asSuperuser(statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: inject('databaseTemplate').superuserUrl });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Rights on the database itself are not copied with the template. */
export function cloneStatements(name: string, template: string): string[] {
  return [
    `CREATE DATABASE ${name} TEMPLATE ${template} OWNER countersign_owner`,
    `REVOKE ALL ON DATABASE ${name} FROM PUBLIC`,
    `GRANT CONNECT ON DATABASE ${name} TO countersign_app`,
  ];
}

/** Call at the top of a test file or `describe`; the connections are there once its tests run. */
export function useDatabase(): TestDatabase {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const template = inject('databaseTemplate');
  const appUrl = withName(template.appUrl, name);
  const ownerUrl = withName(template.ownerUrl, name);
  let open: { db: Database; owner: Database } | null = null;

  const opened = () => {
    if (open === null) throw new Error('useDatabase(): the database is there inside tests and hooks only.');
    return open;
  };

  beforeAll(async () => {
    if (template.problem !== null) throw new Error(`The migrations do not run: ${template.problem}`);
    await asSuperuser(cloneStatements(name, DATABASE_NAME));
    const onError = (error: unknown) => console.error(error);
    open = {
      db: openDatabase({ url: appUrl, onError }),
      owner: openDatabase({ url: ownerUrl, max: 4, onError }),
    };
  });

  afterAll(async () => {
    if (open !== null) {
      await open.db.close();
      await open.owner.close();
    }
    await asSuperuser([`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`]);
  });

  return {
    get db() {
      return opened().db;
    },
    get owner() {
      return opened().owner;
    },
    appUrl,
    ownerUrl,
  };
}
