/** Several processes that show the same threads: here each delivery is one, with its own memory and the same database. */
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { MessageId } from '../../src/model/ids.ts';
import { newId, ThreadId } from '../../src/model/ids.ts';
import type { Surface } from '../../src/model/ports.ts';
import { createDelivery, type Deliver, type DeliveryDeps } from '../../src/reply/deliver.ts';
import { say, threadAt } from '../../src/reply/messages.ts';
import { type ThreadLease, whileLeased } from '../../src/reply/thread-lease.ts';
import { useDatabase } from '../support/database.ts';

const database = useDatabase();
afterEach(() => vi.useRealTimers());

const unqueued = { deliver: async () => undefined };
const PLAIN = { author: null, authorship: 'system', card: null, form: null, at: '' } as const;
const SOMEBODY_ELSE = crypto.randomUUID();

/** One platform for all processes; what is posted appears a few turns of the loop later, as over a network. */
function platform() {
  const shown: string[] = [];
  const surface: Surface = {
    platform: 'slack',
    async post({ container }, { id, text }) {
      for (let turns = 0; turns < 5; turns += 1) await turn();
      shown.push(text);
      return { platform: 'slack', container, message: id };
    },
    update: async () => undefined,
    threadOf: () => '',
    approvalPlaces: async () => [],
    operatorsPlace: async () => null,
  };
  return { surface, shown };
}

const processOf = (surface: Surface, changes: Partial<DeliveryDeps> = {}): Deliver =>
  createDelivery({
    ...unqueued,
    db: database.db,
    surface: () => surface,
    render: async ({ id, thread, text }) => ({ id, thread, text, ...PLAIN }),
    putOff: async () => undefined,
    heard: () => undefined,
    gaveUp: () => undefined,
    leaseFailed: () => undefined,
    instead: async () => async () => undefined,
    ...changes,
  });

async function threadSaying(texts: readonly string[]): Promise<{ thread: ThreadId; messages: MessageId[] }> {
  const place = { platform: 'slack' as const, tenant: 'T', container: 'C1', thread: newId(ThreadId) };
  return database.db.transaction(async (tx) => {
    const thread = await threadAt(tx, { ...place, direct: false });
    const messages: MessageId[] = [];
    for (const text of texts)
      messages.push(await say(tx, unqueued, { thread, turn: null, text, authorship: 'system' }));
    return { thread, messages };
  });
}

const holderIs = (thread: ThreadId, holder: string, forSeconds: number) =>
  database.db.query(
    `insert into thread_leases values ($1, $2, clock_timestamp() + make_interval(secs => $3))
     on conflict (thread) do update set holder = excluded.holder, held_until = excluded.held_until`,
    [thread, holder, forSeconds],
  );

describe('two processes on one database', () => {
  test('show what is said in a thread once and in order, whichever was told of it', async () => {
    const { surface, shown } = platform();
    const texts = ['one', 'two', 'three', 'four', 'five', 'six'];
    const { messages } = await threadSaying(texts);
    const again: (() => Promise<void>)[] = [];
    /** What it puts off comes again, as by the queue. */
    const queued = (): Deliver => {
      const deliver: Deliver = processOf(surface, {
        putOff: async (what) => void again.push(() => deliver(what)),
      });
      return deliver;
    };
    const processes = [queued(), queued()];
    await Promise.all(messages.map((message, nth) => processes[nth % 2]!({ message })));
    for (let next = again.shift(); next; next = again.shift()) await next();
    expect(shown).toEqual(texts);
    expect(await database.db.query('select thread from thread_leases')).toEqual([]);
  });

  test('put off what the other is showing, and show it once nothing more is heard of it', async () => {
    const { surface, shown } = platform();
    const { thread, messages } = await threadSaying(['one']);
    const message = messages[0]!;
    const putOff: unknown[] = [];
    const deliver = processOf(surface, { putOff: async (what) => void putOff.push(what) });
    await holderIs(thread, SOMEBODY_ELSE, 3_600);
    await deliver({ message });
    expect({ shown, putOff }).toEqual({ shown: [], putOff: [{ message }] });
    await holderIs(thread, SOMEBODY_ELSE, -1);
    await deliver({ message });
    expect({ shown, putOff }).toEqual({ shown: ['one'], putOff: [{ message }] });
  });
});

describe('a process that has a thread', () => {
  /** As `whileLeased`, in a process whose timers only a test moves. */
  async function leased(work: (lease: ThreadLease, thread: ThreadId) => Promise<void>) {
    const { thread } = await threadSaying([]);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const failed = (error: unknown) => {
      throw error;
    };
    const leasing = { db: database.db, holder: crypto.randomUUID(), failed };
    return whileLeased(leasing, thread, (lease) => work(lease, thread));
  }
  const row = (thread: ThreadId) =>
    database.db.one<{ until: string; isHeld: boolean }>(
      `select held_until::text as until, held_until > clock_timestamp() as "isHeld" from thread_leases where thread = $1`,
      [thread],
    );

  test('keeps it for as long as a platform takes to answer', async () => {
    await leased(async ({ holds }, thread) => {
      let { until } = await row(thread);
      for (let times = 0; times < 4; times += 1) {
        vi.advanceTimersByTime(5_000);
        await vi.waitUntil(async () => (await row(thread)).until !== until, { timeout: 20_000 });
        until = (await row(thread)).until;
        expect(holds()).toBe(true);
      }
    });
  });

  test('knows that it has lost it as soon as another has taken it over, and leaves the other what it has', async () => {
    let taken: ThreadId | null = null;
    await leased(async ({ holds }, thread) => {
      expect(holds()).toBe(true);
      taken = thread;
      await holderIs(thread, SOMEBODY_ELSE, 3_600);
      vi.advanceTimersByTime(5_000);
      await vi.waitUntil(() => !holds(), { timeout: 20_000 });
    });
    expect((await row(taken!)).isHeld).toBe(true);
  });

  test('has lost it when it stood still for longer than the lease', async () => {
    await leased(async ({ holds }) => {
      // Nothing renews it.
      vi.clearAllTimers();
      vi.advanceTimersByTime(14_000);
      expect(holds()).toBe(true);
      vi.advanceTimersByTime(1_000);
      expect(holds()).toBe(false);
    });
  });

  test('posts nothing more once it has lost it, and comes again for the rest', async () => {
    const { surface, shown } = platform();
    const { messages } = await threadSaying(['one', 'two']);
    const [, message] = messages;
    const putOff: unknown[] = [];
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const standsStill: Surface = {
      ...surface,
      async post(...given) {
        const delivered = await surface.post(...given);
        vi.clearAllTimers();
        vi.advanceTimersByTime(15_001);
        return delivered;
      },
    };
    const deliver = processOf(standsStill, { putOff: async (what) => void putOff.push(what) });
    await deliver({ message: message! });
    expect({ shown, putOff }).toEqual({ shown: ['one'], putOff: [{ message }] });
    await deliver({ message: message! });
    expect(shown).toEqual(['one', 'two']);
  });
});
