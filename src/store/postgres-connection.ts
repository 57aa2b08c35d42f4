/** How one connection is set up: role, search path, time limits, and which JavaScript values come back. */
import pg from 'pg';
import { AppError } from '../errors.ts';

/** No statement of ours is near this; a longer one is stuck and must not hold its locks. */
const STATEMENT_TIMEOUT_MS = 15_000;
/** Shorter than the statement's, so that a wait for a lock is told apart from slow work. */
const LOCK_TIMEOUT_MS = 10_000;
/** A transaction whose process hangs gives its locks back. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;
/** A server that accepts and then says nothing is as good as absent. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Notices a peer that vanished without a word. */
const KEEP_ALIVE_DELAY_MS = 10_000;

const INT8_OID = 20;

/** int8 as a number: our counters stay below 2^53, and anything above is a defect that must not be rounded. */
function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('An int8 from the database exceeds 2^53.');
  return value;
}

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8_OID && format !== 'binary'
      ? parseInt8
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

/**
 * `pg` lets what stands in the address win over its own settings, so our options are written into the address,
 * after those of the operator. `pg_temp` is named last because PostgreSQL otherwise looks there first.
 */
function withOptions(url: string, role: string | undefined): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    throw new AppError(
      'config_invalid',
      'The address of the database is not a URL like postgres://host/name.',
      {
        cause,
      },
    );
  }
  const ours = ['-c search_path=public,pg_temp', ...(role === undefined ? [] : [`-c role=${role}`])];
  const theirs = parsed.searchParams.get('options');
  parsed.searchParams.set('options', [...(theirs === null ? [] : [theirs]), ...ours].join(' '));
  return parsed.href;
}

/** Settings shared by the pool, the listener and single connections. */
export function connectionConfig(url: string, role?: string): pg.ClientConfig {
  return {
    connectionString: withOptions(url, role),
    application_name: 'countersign',
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    types,
  };
}
