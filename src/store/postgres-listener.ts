/** One connection that hears every NOTIFY we care about and comes back by itself. */
import pg from 'pg';
import { storeError } from './postgres-errors.ts';

/** The first try comes quickly: most breaks are a server that restarts. */
const FIRST_RETRY_MS = 100;
/** Often enough that a kill switch heard by notification is not late for long. */
const LONGEST_RETRY_MS = 2_000;

type Hear = (payload: string) => void;
export type Listener = {
  listen(channel: string, hear: Hear): Promise<() => Promise<void>>;
  close(): Promise<void>;
};

/** After a reconnect every listener is called once with '', since what was sent in between is lost. */
export function createListener(options: {
  config: pg.ClientConfig;
  onError: (error: unknown) => void;
}): Listener {
  const channels = new Map<string, Set<Hear>>();
  let client: pg.Client | null = null;
  let connecting: Promise<void> | null = null;
  let retry: NodeJS.Timeout | null = null;
  let failures = 0;
  let closed = false;

  function tell(channel: string, payload: string): void {
    for (const hear of channels.get(channel) ?? []) {
      try {
        hear(payload);
      } catch (error) {
        options.onError(error);
      }
    }
  }

  function lost(broken: pg.Client): void {
    if (client !== broken) return;
    client = null;
    if (!closed) scheduleRetry();
  }

  function scheduleRetry(): void {
    if (retry !== null || closed) return;
    const delayMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures);
    failures += 1;
    retry = setTimeout(() => {
      retry = null;
      connect().then(
        () => {
          for (const channel of channels.keys()) tell(channel, '');
        },
        (error) => {
          options.onError(storeError(error));
          scheduleRetry();
        },
      );
    }, delayMs);
  }

  async function open(): Promise<void> {
    const fresh = new pg.Client(options.config);
    let ended = false;
    fresh.on('error', options.onError);
    fresh.on('end', () => {
      ended = true;
      lost(fresh);
    });
    fresh.on('notification', (message) => tell(message.channel, message.payload ?? ''));
    try {
      await fresh.connect();
      for (const channel of channels.keys()) await fresh.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      await fresh.end().catch(options.onError);
      throw error;
    }
    if (ended) throw new Error('Connection terminated');
    if (closed) return void (await fresh.end());
    client = fresh;
    failures = 0;
  }

  let asked: Promise<unknown> = Promise.resolve();
  /** One statement after the other: pg 9 takes no second one while the first is under way. Nothing where the connection is gone. */
  function ask(statement: string): Promise<unknown> {
    const answered = asked.then(() => client?.query(statement));
    asked = answered.catch(() => undefined);
    return answered;
  }

  function connect(): Promise<void> {
    connecting ??= open().finally(() => {
      connecting = null;
    });
    return connecting;
  }

  async function listen(channel: string, hear: Hear): Promise<() => Promise<void>> {
    const hearers = channels.get(channel) ?? new Set();
    channels.set(channel, hearers.add(hear));
    try {
      if (connecting !== null) await connecting;
      if (client !== null) await ask(`LISTEN ${pg.escapeIdentifier(channel)}`);
      else if (retry === null) await connect();
    } catch (error) {
      forget(channel, hear);
      throw storeError(error);
    }
    return async () => {
      if (forget(channel, hear) && client !== null) {
        await ask(`UNLISTEN ${pg.escapeIdentifier(channel)}`).catch(options.onError);
      }
    };
  }

  /** True when nobody is left on the channel. */
  function forget(channel: string, hear: Hear): boolean {
    const hearers = channels.get(channel);
    hearers?.delete(hear);
    if (hearers === undefined || hearers.size > 0) return false;
    return channels.delete(channel);
  }

  async function close(): Promise<void> {
    closed = true;
    if (retry !== null) clearTimeout(retry);
    if (connecting !== null) await connecting.catch(options.onError);
    const last = client;
    client = null;
    await last?.end().catch(options.onError);
  }

  return { listen, close };
}
