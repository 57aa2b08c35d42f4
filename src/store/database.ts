/** PostgreSQL as every room sees it: queries, transactions, notifications. */
import type { QueryResultRow } from 'pg';

/** Anything SQL can be sent to. Parameters are `$1`, `$2` ...; text is never spliced. */
export interface Sql {
  query<R extends QueryResultRow = QueryResultRow>(text: string, values?: readonly unknown[]): Promise<R[]>;
  /** Exactly one row, else a defect. */
  one<R extends QueryResultRow = QueryResultRow>(text: string, values?: readonly unknown[]): Promise<R>;
  maybe<R extends QueryResultRow = QueryResultRow>(
    text: string,
    values?: readonly unknown[],
  ): Promise<R | null>;
}

/** Inside a transaction. The brand keeps a pool from being passed where a transaction is meant. */
export interface Tx extends Sql {
  readonly inTransaction: true;
}

export interface Database extends Sql {
  /** Runs `work` in one transaction (read committed); rolls back when it throws. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Hears `NOTIFY channel` on one dedicated connection that reconnects by itself. Stop by calling the answer. */
  listen(channel: string, listener: (payload: string) => void): Promise<() => Promise<void>>;
  /** A connection of its own, for advisory locks; released and closed by the callback's end. */
  withConnection<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
