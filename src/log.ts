/** The operators' log: pino, one JSON object a line on stderr, with an allow-list of fields. */
import { type DestinationStream, pino } from 'pino';
import { AppError } from './errors.ts';
import { maskSecrets } from './screening/secrets.ts';

/** Everything else is dropped: what nobody listed cannot leak. */
const FIELDS = [
  'turn',
  'request',
  'message',
  'code',
  'queue',
  'action',
  'call',
  'level',
  'detail',
  'port',
  'platform',
  'event',
  'method',
  'path',
  'status',
  'durationMs',
  'entry',
  'error',
  'stack',
  'name',
  'count',
  'channel',
  'retryAfterMs',
] as const;
const ALLOWED: ReadonlySet<string> = new Set(FIELDS);
/** Words of libraries and sandboxed code, which may hold what they were given. */
const FREE_TEXT: ReadonlySet<string> = new Set(['error', 'stack', 'detail']);

export type Fields = Readonly<Record<string, unknown>>;
export type Log = Record<'debug' | 'info' | 'warn' | 'error', (fields: Fields, words: string) => void>;

/**
 * `level` as pino's. Fields that are not on the list are left out, whatever a caller passes; in free text credentials are
 * masked. `destination` is stderr unless given.
 */
export function createLog(level: string, destination: DestinationStream = pino.destination(2)): Log {
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  const write =
    (kind: 'debug' | 'info' | 'warn' | 'error') =>
    (fields: Fields, words: string): void =>
      logger[kind](allowed(fields), words);
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

function allowed(fields: Fields): Record<string, string | number | boolean | null> {
  const kept: Record<string, string | number | boolean | null> = {};
  for (const [name, value] of Object.entries(fields)) {
    // An error under whatever name: its code, words and stack.
    if (value instanceof Error) Object.assign(kept, allowed(errorFields(value)));
    if (!ALLOWED.has(name)) continue;
    if (typeof value === 'string') kept[name] = FREE_TEXT.has(name) ? maskSecrets(value).text : value;
    else if (value === null || typeof value === 'number' || typeof value === 'boolean') kept[name] = value;
  }
  return kept;
}

/** What an operator needs of an error: its code or name, and the stack of it and its causes. */
export function errorFields(error: unknown): Fields {
  if (!(error instanceof Error)) return { error: String(error) };
  const stacks: string[] = [];
  for (let cause: unknown = error; cause instanceof Error && stacks.length < 5; cause = cause.cause)
    stacks.push(cause.stack ?? cause.message);
  return {
    code: error instanceof AppError ? error.code : 'defect',
    error: error.message,
    stack: stacks.join('\ncaused by '),
  };
}
