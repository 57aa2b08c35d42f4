/** The database on `pg`: a pool for queries and transactions, one connection that listens, single ones for locks. */
import pg from 'pg';
import type { Database, Sql, Tx } from './database.ts';
import { connectionConfig } from './postgres-connection.ts';
import { storeError } from './postgres-errors.ts';
import { createListener } from './postgres-listener.ts';
import { statementOf } from './postgres-statements.ts';

/** Enough for the stages and workers of one process; a server's default of 100 then carries several. */
const DEFAULT_POOL_SIZE = 10;
/** An idle connection is closed after this long. */
const IDLE_CONNECTION_MS = 30_000;

export type OpenOptions = {
  url: string;
  /** Taken by the startup option `-c role=...`; depth, not a boundary. */
  role?: string;
  /** Size of the pool. */
  max?: number;
  /** Told of failures that no caller awaits: an idle connection that broke, the listener that reconnects. */
  onError: (error: unknown) => void;
};

type Queryable = { query(statement: pg.QueryConfig): Promise<pg.QueryResult> };

/** `Sql` over anything `pg` can query. Failures of the database become `AppError`. */
function sqlOver(target: Queryable): Sql {
  async function query<R extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<R[]> {
    try {
      return (await target.query(statementOf(text, values))).rows as R[];
    } catch (error) {
      throw storeError(error);
    }
  }
  async function maybe<R extends pg.QueryResultRow>(
    text: string,
    values?: readonly unknown[],
  ): Promise<R | null> {
    const rows = await query<R>(text, values);
    if (rows.length > 1) throw new Error(`Expected at most one row, got ${rows.length}.`);
    return rows[0] ?? null;
  }
  async function one<R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<R> {
    const row = await maybe<R>(text, values);
    if (row === null) throw new Error('Expected one row, got none.');
    return row;
  }
  return { query, maybe, one };
}

/** A transaction's `Sql`, which refuses to be used after its end: that work would run outside of any transaction. */
function txOver(client: pg.PoolClient): { tx: Tx; end: () => void } {
  let ended = false;
  const guarded: Queryable = {
    query: async (statement) => {
      if (ended) throw new Error('The transaction has already ended.');
      return client.query(statement);
    },
  };
  return {
    tx: { ...sqlOver(guarded), inTransaction: true },
    end: () => {
      ended = true;
    },
  };
}

async function commit(client: pg.PoolClient): Promise<void> {
  const result = await client.query('COMMIT');
  // A swallowed error inside makes PostgreSQL answer COMMIT with a rollback: that must not look like success.
  if (result.command === 'ROLLBACK')
    throw new Error('The transaction was aborted by an error that was not thrown.');
}

async function runTransaction<T>(client: pg.PoolClient, work: (tx: Tx) => Promise<T>): Promise<T> {
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
  const { tx, end } = txOver(client);
  try {
    const value = await work(tx);
    end();
    await commit(client);
    return value;
  } finally {
    end();
  }
}

/** Connects lazily: `AppError('database_unavailable')` comes from the first use, and later uses work again when it is back. */
export function openDatabase(options: OpenOptions): Database {
  const config = connectionConfig(options.url, options.role);
  const onError = (error: unknown): void => options.onError(storeError(error));
  const pool = new pg.Pool({
    ...config,
    max: options.max ?? DEFAULT_POOL_SIZE,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
  });
  // The pool's end resolves before its sockets are closed: what breaks by then is the stop itself.
  let isClosing = false;
  // Without a listener an idle connection that breaks would end the process.
  pool.on('error', (error) => {
    if (!isClosing) onError(error);
  });
  const listener = createListener({ config, onError });

  async function connect(): Promise<pg.PoolClient> {
    try {
      const client = await pool.connect();
      client.on('error', onError);
      return client;
    } catch (error) {
      throw storeError(error);
    }
  }

  async function transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const client = await connect();
    let broken: Error | undefined;
    try {
      return await runTransaction(client, work);
    } catch (error) {
      await client.query('ROLLBACK').catch((failure: Error) => {
        broken = failure;
      });
      throw storeError(error);
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }

  async function withConnection<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const client = new pg.Client(config);
    client.on('error', onError);
    try {
      await client.connect();
      return await work(sqlOver(client));
    } catch (error) {
      throw storeError(error);
    } finally {
      await client.end().catch(onError);
    }
  }

  return {
    ...sqlOver(pool),
    transaction,
    listen: listener.listen,
    withConnection,
    close: async () => {
      isClosing = true;
      await listener.close();
      await pool.end();
    },
  };
}
