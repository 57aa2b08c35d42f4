/**
 * What may vanish, in this process: for one replica. Windows are counted here and not by `rate-limiter-flexible`, as in Redis:
 * its memory limiter goes by the wall clock, which may be set back, and by a timer for each key.
 */
import type { Ephemeral } from '../model/ports.ts';

/** Expired keys are swept after this many writes, so that memory follows what is alive. */
const SWEEP_EVERY_WRITES = 1_000;

type Held = { value: string; endsAt: number };
type Hear = (message: string) => void;

function checkDuration(ms: number): void {
  if (!Number.isSafeInteger(ms) || ms <= 0)
    throw new RangeError('A duration is a positive whole number of milliseconds.');
}

/** `now` answers milliseconds and must not go backwards. */
export function memoryEphemeral({ now }: { now: () => number }): Ephemeral {
  const values = new Map<string, Held>();
  const counts = new Map<string, { uses: number; endsAt: number }>();
  const channels = new Map<string, Set<Hear>>();
  let writes = 0;

  function sweep(): void {
    writes += 1;
    if (writes % SWEEP_EVERY_WRITES !== 0) return;
    const time = now();
    for (const map of [values, counts]) {
      for (const [key, held] of map) if (held.endsAt <= time) map.delete(key);
    }
  }

  return {
    get: async (key) => {
      const held = values.get(key);
      return held !== undefined && held.endsAt > now() ? held.value : null;
    },
    set: async (key, value, ttlMs) => {
      checkDuration(ttlMs);
      values.set(key, { value, endsAt: now() + ttlMs });
      sweep();
    },
    delete: async (key) => {
      values.delete(key);
    },
    count: async (key, windowMs) => {
      checkDuration(windowMs);
      const time = now();
      const open = counts.get(key);
      const window = open !== undefined && open.endsAt > time ? open : { uses: 0, endsAt: time + windowMs };
      window.uses += 1;
      counts.set(key, window);
      sweep();
      return { uses: window.uses, resetMs: window.endsAt - time };
    },
    publish: async (channel, message) => {
      for (const hear of channels.get(channel) ?? []) queueMicrotask(() => hear(message));
    },
    subscribe: async (channel, listener) => {
      // A wrapper of its own, so that the same function may subscribe twice.
      const hear: Hear = (message) => listener(message);
      const hearers = channels.get(channel) ?? new Set();
      channels.set(channel, hearers.add(hear));
      return async () => {
        hearers.delete(hear);
        if (hearers.size === 0 && channels.get(channel) === hearers) channels.delete(channel);
      };
    },
    close: async () => {
      values.clear();
      counts.clear();
      channels.clear();
    },
  };
}
