/**
 * A small, real implementation of what an adapter asks of the core, in memory: stores deliveries by key, fails on
 * demand as a database would. For tests of adapters only; it decides nothing.
 */
import { AppError } from '../../../src/errors.ts';
import { newId, ThreadId, TurnId } from '../../../src/model/ids.ts';
import type { Assistant } from '../../../src/model/ports.ts';
import type { Delivery as DeliveryType, Place } from '../../../src/model/turn.ts';
import { Delivery } from '../../../src/model/turn.ts';

export type MemoryAssistant = Assistant & {
  /** What was accepted, each key once, in order. */
  readonly stored: DeliveryType[];
  /** How often `receive` was called. */
  asked(): number;
  /** The next `times` deliveries cannot be stored. */
  failNext(times: number): void;
  /** Deliveries wait here before they are stored. */
  holdUntil(gate: Promise<void>): void;
};

export function memoryAssistant(): MemoryAssistant {
  const stored: DeliveryType[] = [];
  const turns = new Map<string, { turn: TurnId; thread: ThreadId }>();
  const threads = new Map<string, ThreadId>();
  let failures = 0;
  let asked = 0;
  let gate: Promise<void> = Promise.resolve();
  const threadOf = (place: Place) => {
    const name = JSON.stringify([place.platform, place.tenant, place.container, place.thread]);
    const known = threads.get(name) ?? newId(ThreadId);
    threads.set(name, known);
    return known;
  };
  return {
    stored,
    asked: () => asked,
    failNext: (times) => {
      failures = times;
    },
    holdUntil: (opens) => {
      gate = opens;
    },
    receive: async (raw) => {
      const delivery = Delivery.parse(raw);
      asked += 1;
      await gate;
      if (failures > 0) {
        failures -= 1;
        throw new AppError('database_unavailable', 'The database does not answer.');
      }
      const known = turns.get(delivery.key);
      if (known !== undefined) return { ...known, duplicate: true };
      const accepted = { turn: newId(TurnId), thread: threadOf(delivery.place) };
      turns.set(delivery.key, accepted);
      stored.push(delivery);
      return { ...accepted, duplicate: false };
    },
    outcome: async (turn) => {
      const found = [...turns.values()].find((candidate) => candidate.turn === turn);
      if (found === undefined) throw new AppError('not_found', 'There is no such turn.');
      return { ...found, settled: true, reply: '', requests: [] };
    },
    decide: async () => ({ kind: 'missing', message: 'There is no such request.' }),
    request: async () => null,
    requestPage: async () => null,
    mine: async () => [],
    waitingFor: async () => [],
    threads: async () => [],
    messages: async () => null,
    form: async () => null,
    actions: async () => [],
    audit: async () => null,
    people: async () => [],
    identify: async () => ({ kind: 'unknown' }),
    operations: async () => ({
      checks: [],
      isolation: 'none',
      planner: 'none',
      switches: [],
      counts: { waiting: 0, executing: 0, unknown: 0 },
    }),
    sees: async () => false,
    onChange: () => () => undefined,
  };
}
