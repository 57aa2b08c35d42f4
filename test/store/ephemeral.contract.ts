/** What every store for things that may vanish does. `passTime` lets at least that many milliseconds pass for it. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Ephemeral } from '../../src/model/ports.ts';

export type Subject = { ephemeral: () => Ephemeral; passTime: (ms: number) => Promise<void> };

const LONG_MS = 60_000;
const SHORT_MS = 30;

function heard(): { listener: (message: string) => void; next: Promise<string>; all: string[] } {
  const all: string[] = [];
  const { promise, resolve } = Promise.withResolvers<string>();
  return {
    all,
    next: promise,
    listener: (message) => {
      all.push(message);
      resolve(message);
    },
  };
}

export function ephemeralContract(name: string, subject: Subject): void {
  describe(`${name} keeps the contract of what may vanish`, () => {
    const store = () => subject.ephemeral();

    test('a value is found under its key until it is deleted', async () => {
      const key = randomUUID();
      expect(await store().get(key)).toBeNull();
      await store().set(key, 'one', LONG_MS);
      await store().set(key, 'two', LONG_MS);
      expect(await store().get(key)).toBe('two');
      await store().delete(key);
      expect(await store().get(key)).toBeNull();
    });

    test('a value is gone once its time is over', async () => {
      const key = randomUUID();
      await store().set(key, 'soon gone', SHORT_MS);
      await subject.passTime(SHORT_MS);
      expect(await store().get(key)).toBeNull();
    });

    test('uses within one window add up, and the end of the window does not move', async () => {
      const key = randomUUID();
      const first = await store().count(key, LONG_MS);
      const second = await store().count(key, LONG_MS);
      expect([first.uses, second.uses]).toEqual([1, 2]);
      expect(second.resetMs).toBeLessThanOrEqual(first.resetMs);
      expect(first.resetMs).toBeLessThanOrEqual(LONG_MS);
      expect(second.resetMs).toBeGreaterThan(0);
    });

    test('a new window starts at one', async () => {
      const key = randomUUID();
      await store().count(key, SHORT_MS);
      await store().count(key, SHORT_MS);
      await subject.passTime(SHORT_MS);
      expect((await store().count(key, LONG_MS)).uses).toBe(1);
    });

    test('no use is lost when many come at once', async () => {
      const key = randomUUID();
      const counts = await Promise.all(Array.from({ length: 50 }, () => store().count(key, LONG_MS)));
      expect(counts.map((count) => count.uses).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 50 }, (_, index) => index + 1),
      );
    });

    test('a counter and a value of the same name do not meet', async () => {
      const key = randomUUID();
      await store().set(key, 'text', LONG_MS);
      expect((await store().count(key, LONG_MS)).uses).toBe(1);
      expect(await store().get(key)).toBe('text');
    });

    test('a message reaches every listener of its channel and no other', async () => {
      const [here, alsoHere, elsewhere] = [heard(), heard(), heard()];
      const channel = randomUUID();
      const stops = [
        await store().subscribe(channel, here.listener),
        await store().subscribe(channel, alsoHere.listener),
        await store().subscribe(randomUUID(), elsewhere.listener),
      ];
      await store().publish(channel, 'hello');
      expect(await Promise.all([here.next, alsoHere.next])).toEqual(['hello', 'hello']);
      expect(elsewhere.all).toEqual([]);
      for (const stop of stops) await stop();
    });

    test('a listener that stopped hears nothing more, the others still do', async () => {
      const [stopped, going] = [heard(), heard()];
      const channel = randomUUID();
      const stop = await store().subscribe(channel, stopped.listener);
      const stopGoing = await store().subscribe(channel, going.listener);
      await stop();
      await store().publish(channel, 'later');
      expect(await going.next).toBe('later');
      expect(stopped.all).toEqual([]);
      await stopGoing();
    });
  });
}
