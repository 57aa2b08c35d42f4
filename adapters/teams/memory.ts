import type { Memory } from '../../src/surface/memory.ts';
import { type Log, nameOf } from './log.ts';

/** A press is answered in five seconds or lost to whoever pressed, and asks its memory a few times. */
const WAIT_MS = 300;

/** A shared memory that may be away, or slow: then nothing is remembered, and nobody is kept from anything by that. */
export function forgiving(memory: Memory, log: Log, waitMs = WAIT_MS): Memory {
  const orNull = async <T>(work: Promise<T>): Promise<T | null> => {
    const late = Promise.withResolvers<null>();
    const timer = setTimeout(() => {
      log.warn({ code: 'teams_memory_away', error: 'timeout' }, 'the short-term memory takes too long');
      late.resolve(null);
    }, waitMs);
    const safe = work.catch((error: unknown) => {
      log.warn({ code: 'teams_memory_away', error: nameOf(error) }, 'the short-term memory does not answer');
      return null;
    });
    try {
      return await Promise.race([safe, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    get: (key) => orNull(memory.get(key)),
    set: async (key, value, ttlMs) => {
      await orNull(memory.set(key, value, ttlMs));
    },
  };
}
