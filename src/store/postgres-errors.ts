/** What a failing database means to the rest of the product. */
import pg from 'pg';
import { AppError } from '../errors.ts';

/** PostgreSQL Appendix A, "Error Codes", where no single query is to blame. */
const UNAVAILABLE_STATES = new Set([
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57P04', // database_dropped
  '57014', // query_canceled: the statement timeout
  '55P03', // lock_not_available: the lock timeout
  '53200', // out_of_memory
  '53300', // too_many_connections
  '3D000', // invalid_catalog_name: the database does not exist
]);
const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'ENOENT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
]);
const MEND =
  'Look at DATABASE_URL, at DATABASE_OWNER_URL where it is given, and at the server: PostgreSQL 15 or newer, with that database. ' +
  'The embedded server writes server.log in the data folder.';
/** `pg` gives its own connection failures words and no code. */
const DRIVER_WORDS =
  /connection terminated|timeout exceeded when trying to connect|not queryable|connection error/i;

function codeOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  return '';
}

function severityOf(error: unknown): string {
  return error instanceof pg.DatabaseError ? (error.severity ?? '') : '';
}

/** pg-boss reports a worker's failure as a plain object. */
function messageOf(error: unknown): string {
  const holder = error as { message?: unknown } | null;
  return typeof holder?.message === 'string' ? holder.message : '';
}

function isConnectionFailure(error: unknown, code: string): boolean {
  if (UNAVAILABLE_STATES.has(code) || NETWORK_CODES.has(code) || code.startsWith('08')) return true;
  // Whatever its code, it ends the connection: a database closed for maintenance says 55000.
  if (severityOf(error) === 'FATAL') return true;
  return code === '' && DRIVER_WORDS.test(messageOf(error));
}

/**
 * Turns a failure of the database itself into an `AppError`: `database_unavailable`, `disk_full` or
 * `database_roles`. Everything else (a violated constraint, a defect in SQL) comes back unchanged.
 */
export function storeError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  if (code === '53100') {
    return new AppError('disk_full', 'The disk of the database is full. Free some space and try again.', {
      cause: error,
    });
  }
  if (code.startsWith('28')) {
    return new AppError(
      'database_unavailable',
      'The database does not accept the credentials that it was given.',
      { cause: error, mend: MEND },
    );
  }
  // FATAL is said while connecting: the startup option `-c role=...` names a role that does not exist or that this
  // login may not take. The same codes for a statement are that statement's own affair.
  if ((code === '22023' || code === '42501') && severityOf(error) === 'FATAL') {
    return new AppError(
      'database_roles',
      'The role countersign_app does not exist or may not be taken. Run: npx countersign migrate',
      { cause: error },
    );
  }
  if (isConnectionFailure(error, code)) {
    return new AppError('database_unavailable', 'The database does not answer at the moment.', {
      cause: error,
      mend: MEND,
    });
  }
  return error;
}
