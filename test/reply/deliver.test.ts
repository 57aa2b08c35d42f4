import { afterEach, describe, expect, test, vi } from 'vitest';
import { AppError } from '../../src/errors.ts';
import type { Message } from '../../src/model/card.ts';
import { type MessageId, newId, ThreadId } from '../../src/model/ids.ts';
import type { Surface } from '../../src/model/ports.ts';
import { createDelivery, type Deliver } from '../../src/reply/deliver.ts';
import { say, threadAt } from '../../src/reply/messages.ts';
import type { Database } from '../../src/store/database.ts';
import { createQueue, type Queue } from '../../src/store/queue.ts';
import { PacedQueue } from '../../src/surface/paced-queue.ts';
import { createSenders } from '../../src/workers.ts';
import { insertPending } from '../approval/escalation-support.ts';
import { useDatabase } from '../support/database.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const database = useDatabase();
const queues: Queue[] = [];
afterEach(async () => {
  for (const queue of queues.splice(0)) await queue.stop({ timeoutMs: 0 });
});

/** What these tests look at is what is shown; what follows where it cannot be has its own. */
const unheard = {
  deliver: async () => undefined,
  heard: () => undefined,
  gaveUp: () => undefined,
  leaseFailed: () => undefined,
  instead: async () => async () => undefined,
};

const messageOf = (stored: { id: MessageId; thread: ThreadId; text: string }): Message => ({
  ...stored,
  author: null,
  authorship: 'system',
  card: null,
  form: null,
  at: '',
});

/** A platform that shows one message at a time in each channel, and in some none before it is let. */
function platform(slow: readonly string[] = []) {
  const shown: string[] = [];
  const released = Promise.withResolvers<void>();
  const pace = { platform: 'A platform', limits: [{ sends: 1, withinMs: 0 }], patienceMs: 1 };
  const line = new PacedQueue(virtualClock(), pace);
  const surface: Surface = {
    platform: 'slack',
    post: (place, message) =>
      line.enqueue(place.container, null, async () => {
        if (slow.includes(place.container)) await released.promise;
        shown.push(`${place.container}: ${message.text}`);
        return { platform: 'slack', container: place.container, message: message.id };
      }),
    update: async () => undefined,
    threadOf: () => '',
    approvalPlaces: async () => [],
    operatorsPlace: async () => null,
  };
  return { surface, shown, release: released.resolve };
}

async function working(surface: Surface, options: { concurrency: number }) {
  const queue = await createQueue({ url: database.appUrl, onError: console.error });
  queues.push(queue);
  const send = createSenders(queue);
  let putOff = 0;
  const deliver = createDelivery({
    ...unheard,
    db: database.db,
    surface: () => surface,
    render: async (stored) => messageOf(stored),
    putOff: async (what) => {
      putOff += 1;
      await database.db.transaction((tx) => send.deliverLater(tx, what, 1));
    },
  });
  await queue.work('deliver', options, (job, _signal, attempt) =>
    deliver({ message: job.message as MessageId }, attempt.aside),
  );
  /** Each message in a thread of its own. */
  const tell = (container: string, texts: readonly string[]) =>
    database.db.transaction(async (tx) => {
      for (const text of texts) {
        const place = { platform: 'slack' as const, tenant: 'T', container, thread: text, direct: false };
        await say(tx, send, { thread: await threadAt(tx, place), turn: null, text, authorship: 'system' });
      }
    });
  return { tell, putOff: () => putOff };
}

const numbered = (what: string, count: number) => Array.from({ length: count }, (_, nth) => `${what} ${nth}`);

/** Thirty deliveries take a moment, and many on a busy machine. */
const PATIENCE = { timeout: 60_000 };

describe('a channel that is slow', () => {
  test('keeps twenty others waiting neither by one message nor by thirty, and is served in the end', async () => {
    const { surface, shown, release } = platform(['CSLOW']);
    const { tell, putOff } = await working(surface, { concurrency: 2 });
    await tell('CSLOW', numbered('slow', 30));
    // The slow ones are all known by now, and stand before the others.
    await vi.waitUntil(() => putOff() >= 22, PATIENCE);
    const others = numbered('C', 20);
    for (const other of others) await tell(other, [`hello ${other}`]);
    await vi.waitUntil(() => shown.length === others.length, PATIENCE);
    expect([...shown].sort()).toEqual(others.map((other) => `${other}: hello ${other}`).sort());
    release();
    await vi.waitUntil(() => shown.length === others.length + 30, PATIENCE);
    expect(new Set(shown).size).toBe(shown.length);
  }, 200_000);
});

/** As the application sees it, except that a delivery cannot be noted the first `times`. */
function forgetful(db: Database, times: number): Database {
  let left = times;
  return {
    ...db,
    query: (text, values) => {
      if (text.includes('set delivered') && left-- > 0) throw new Error('the connection was lost');
      return db.query(text, values);
    },
  };
}

describe('a message', () => {
  async function aMessage(): Promise<MessageId> {
    const place = { platform: 'slack' as const, tenant: 'T', container: 'C1', thread: newId(ThreadId) };
    return database.db.transaction(async (tx) =>
      say(
        tx,
        { deliver: async () => undefined },
        {
          thread: await threadAt(tx, { ...place, direct: false }),
          turn: null,
          text: 'said once',
          authorship: 'system',
        },
      ),
    );
  }

  const deliveryOver = (db: Database, surface: Surface): Deliver =>
    createDelivery({
      ...unheard,
      db,
      surface: () => surface,
      render: async (stored) => messageOf(stored),
      putOff: async () => undefined,
    });

  test('that was shown while the database failed is noted when that is possible, and not shown again', async () => {
    const { surface, shown } = platform();
    const message = await aMessage();
    const deliver = deliveryOver(forgetful(database.db, 2), surface);
    await deliver({ message });
    await deliver({ message });
    expect(shown).toEqual(['C1: said once']);
  });

  test('that could not be noted at all is noted by the next try, and not shown again', async () => {
    const { surface, shown } = platform();
    const message = await aMessage();
    const deliver = deliveryOver(forgetful(database.db, 4), surface);
    await expect(deliver({ message })).rejects.toThrow('lost');
    await deliver({ message });
    expect(shown).toEqual(['C1: said once']);
    const row = await database.db.one('select delivered from messages where id = $1', [message]);
    expect(row).toEqual({ delivered: { platform: 'slack', container: 'C1', message } });
  });

  test('that could be shown in part only is completed where it stands, by another process too', async () => {
    const posted: string[] = [];
    const completed: string[] = [];
    let isAway = true;
    const surface: Surface = {
      ...platform().surface,
      async post(place, message, begun) {
        const delivered = { platform: 'slack' as const, container: place.container, message: 'ts' };
        posted.push(message.text);
        await begun?.(delivered);
        throw new AppError('ephemeral_unavailable', 'Redis is away.');
      },
      async update(delivered) {
        if (isAway) throw new AppError('ephemeral_unavailable', 'Redis is away.');
        completed.push(delivered.message);
      },
    };
    const message = await aMessage();
    const away = { code: 'ephemeral_unavailable' };
    await expect(deliveryOver(database.db, surface)({ message })).rejects.toMatchObject(away);
    await expect(deliveryOver(database.db, surface)({ message })).rejects.toMatchObject(away);
    isAway = false;
    await deliveryOver(database.db, surface)({ message });
    expect({ posted, completed }).toEqual({ posted: ['said once'], completed: ['ts'] });
    const row = await database.db.one('select delivered, begun from messages where id = $1', [message]);
    expect(row).toEqual({ delivered: { platform: 'slack', container: 'C1', message: 'ts' }, begun: null });
  });

  test('whose platform asks to wait is put off for as long, and then shown', async () => {
    const { surface, shown } = platform();
    let problem: AppError | null = new AppError('platform_unavailable', 'Later.', { retryAfterMs: 89_500 });
    const busy: Surface = {
      ...surface,
      post: (...args) => (problem ? Promise.reject(problem) : surface.post(...args)),
    };
    const message = await aMessage();
    const putOff: unknown[] = [];
    const deliver = createDelivery({
      ...unheard,
      db: database.db,
      surface: () => busy,
      render: async (stored) => messageOf(stored),
      putOff: async (what, afterSeconds) => void putOff.push([what, afterSeconds]),
    });
    await deliver({ message });
    expect(putOff).toEqual([[{ message }, 90]]);
    problem = null;
    await deliver({ message });
    expect(shown).toEqual(['C1: said once']);
  });

  test.each(['config_invalid', 'disk_full', 'overloaded'] as const)(
    'that meets %s waits for it to be mended, and is not given up',
    async (code) => {
      let problem: AppError | null = new AppError(code, 'Not now.');
      const { surface, shown } = platform();
      const troubled: Surface = {
        ...surface,
        post: (...args) => (problem ? Promise.reject(problem) : surface.post(...args)),
      };
      const message = await aMessage();
      const deliver = deliveryOver(database.db, troubled);
      await expect(deliver({ message })).rejects.toMatchObject({ code });
      problem = null;
      await deliver({ message });
      expect(shown).toEqual(['C1: said once']);
    },
  );
});

describe('a card that its platform cannot rewrite', () => {
  /** It stands somewhere, and its request is in that state. */
  async function aCard(state: string) {
    const request = await insertPending(database.owner);
    const place = { platform: 'slack' as const, tenant: 'T', container: 'C1', thread: newId(ThreadId) };
    const message = await database.db.transaction(async (tx) => {
      const thread = await threadAt(tx, { ...place, direct: false });
      return say(tx, unheard, { thread, turn: null, text: 'please', authorship: 'system', request });
    });
    const queued: unknown[] = [];
    const gaveUp: string[] = [];
    let tries = 0;
    let problem: AppError | null = null;
    const { surface, shown } = platform();
    const deliver = createDelivery({
      ...unheard,
      db: database.db,
      surface: () => ({
        ...surface,
        update: async () => {
          tries += 1;
          if (problem !== null) throw problem;
        },
      }),
      render: async (stored) => messageOf(stored),
      putOff: async () => undefined,
      deliver: async (_tx, what) => void queued.push(what),
      gaveUp: ({ code }) => void gaveUp.push(code),
    });
    await deliver({ message });
    await database.owner.query('update requests set state = $2 where id = $1', [request, state]);
    const fails = (code: 'not_found' | 'upstream_failed') => {
      problem = new AppError(code, 'It cannot be rewritten.');
    };
    return { request, message, deliver, fails, queued, gaveUp, shown, tries: () => tries };
  }

  test.each(['pending', 'unknown'])('as it is gone is posted anew, once, while it is %s', async (state) => {
    const { request, message, deliver, fails, queued, gaveUp, shown } = await aCard(state);
    fails('not_found');
    await Promise.all([deliver({ request }), deliver({ request })]);
    expect(queued).toEqual([{ message }]);
    await deliver({ message });
    expect(shown).toEqual(['C1: please', 'C1: please']);
    expect(gaveUp).toEqual([]);
  });

  test('as it is gone is tried once where nobody waits for it any more', async () => {
    const { request, deliver, fails, queued, gaveUp, shown, tries } = await aCard('succeeded');
    fails('not_found');
    await deliver({ request });
    const once = tries();
    await deliver({ request });
    expect([once, tries()]).toEqual([1, 1]);
    expect(gaveUp).toEqual(['not_found']);
    expect(queued).toEqual([]);
    expect(shown).toEqual(['C1: please']);
  });

  test('as it is refused stays, and is tried again when it has changed', async () => {
    const { request, deliver, fails, queued, tries } = await aCard('pending');
    fails('upstream_failed');
    await deliver({ request });
    await deliver({ request });
    expect(tries()).toBe(2);
    expect(queued).toEqual([]);
  });
});
