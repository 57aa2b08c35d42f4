/** What changed, as every process tells it: pages read again, and whoever waits looks. */
import type { Change } from './model/ports.ts';
import { CHANGE_CHANNEL } from './reply/messages.ts';
import type { Database } from './store/database.ts';

/** A change, or the end of the time that somebody is willing to wait for one. */
export type Awaited = { promise: Promise<void>; cancel(): void };

export type Changes = {
  /** Answers how to listen no more. */
  listen(listener: (change: Change) => void): () => void;
  next(timeoutMs: number): Awaited;
  stop(): Promise<void>;
};

export async function hearChanges(db: Database): Promise<Changes> {
  const listeners = new Set<(change: Change) => void>();
  const stop = await db.listen(CHANGE_CHANNEL, (payload) => {
    // An empty payload follows a lost connection: something may have changed, read again.
    const change: Change = payload === '' ? { kind: 'gate' } : JSON.parse(payload);
    for (const listener of listeners) listener(change);
  });
  return {
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    next(timeoutMs) {
      let done: () => void = () => undefined;
      const promise = new Promise<void>((resolve) => {
        const timer = setTimeout(() => done(), timeoutMs);
        done = () => {
          clearTimeout(timer);
          listeners.delete(done);
          resolve();
        };
        listeners.add(done);
      });
      return { promise, cancel: () => done() };
    },
    stop,
  };
}
