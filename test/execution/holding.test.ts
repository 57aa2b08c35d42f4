import { describe, expect, test } from 'vitest';
import { whileHeld } from '../../src/execution/holding.ts';

const NEVER = new AbortController().signal;
const AWAY = () => Promise.reject(new Error('the database is away'));

/** Holds by these answers, one a renewal, each five seconds later on its clock; ends with how many were asked for. */
async function hold(answers: (() => Promise<boolean>)[], asks: number) {
  let clockMs = 0;
  let asked = 0;
  const enough = Promise.withResolvers<void>();
  const renew = async () => {
    clockMs += 5_000;
    asked += 1;
    if (asked === asks) enough.resolve();
    return (answers[asked - 1] ?? (async () => true))();
  };
  const timing = { everyMs: 5, leaseMs: 15_000, nowMs: () => clockMs };
  return whileHeld(
    renew,
    NEVER,
    async (signal) => {
      const broken = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      await Promise.race([enough.promise, broken]);
      // What the last answer leads to is known one turn later.
      await new Promise(setImmediate);
      return { isBroken: signal.aborted, asked };
    },
    timing,
  );
}

describe('what is done under a claim', () => {
  test('goes on while the claim is renewed', async () => {
    expect(await hold([], 4)).toEqual({ isBroken: false, asked: 4 });
  });
  test('is broken off once the claim is somebody else’s', async () => {
    expect(await hold([async () => true, async () => false], 5)).toEqual({ isBroken: true, asked: 2 });
  });
  test('goes on over a renewal that fails', async () => {
    expect(await hold([AWAY, async () => true, AWAY, async () => true], 5)).toEqual({
      isBroken: false,
      asked: 5,
    });
  });
  test('is broken off before the claim ends where no renewal gets through', async () => {
    expect(await hold([AWAY, AWAY, AWAY, AWAY], 9)).toMatchObject({ isBroken: true });
  });
  test('is broken off by a stop', async () => {
    const stop = new AbortController();
    const work = whileHeld(
      async () => true,
      stop.signal,
      async (signal) => {
        stop.abort();
        return signal.aborted;
      },
    );
    expect(await work).toBe(true);
  });
});
