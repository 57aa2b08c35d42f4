/** What a chat platform's way out may forget. */
import type { Ephemeral } from '../model/ports.ts';

/** Which continuations a message has, and where something is being worked on: forgetting repeats something, and hides nothing. */
export type Memory = Pick<Ephemeral, 'get' | 'set'>;

/** Entries kept where there is no shared memory; the oldest goes first. */
const ENTRIES_MAX = 1_000;

/** A process's own memory, for one replica. */
export function ownMemory(): Memory {
  const entries = new Map<string, string>();
  return {
    get: async (key) => entries.get(key) ?? null,
    set: async (key, value) => {
      entries.delete(key);
      entries.set(key, value);
      const oldest = entries.keys().next();
      if (entries.size > ENTRIES_MAX && !oldest.done) entries.delete(oldest.value);
    },
  };
}
