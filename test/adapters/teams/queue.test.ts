import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PACE, PATIENCE_MS, SEND_LIMITS } from '../../../adapters/teams/limits.ts';
import { AppError } from '../../../src/errors.ts';
import { PacedQueue, RateLimited, waitMs } from '../../../src/surface/paced-queue.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

describe('the line of a conversation', () => {
  test('never sends more than Teams takes, and no slower than that', async () => {
    const clock = virtualClock();
    const queue = new PacedQueue(clock, PACE);
    const at: number[] = [];
    await Promise.all(
      Array.from({ length: 130 }, () => queue.enqueue('c', null, async () => void at.push(clock.now()))),
    );
    for (const { sends, withinMs } of SEND_LIMITS) {
      for (const [index, moment] of at.entries()) {
        const earlier = at[index - sends];
        if (earlier !== undefined) expect(moment - earlier).toBeGreaterThanOrEqual(withinMs);
      }
    }
    expect(at.at(6)).toBe(0);
    expect(at.at(7)).toBe(1_000);
    expect(at.at(-1)).toBeLessThanOrEqual(61_000);
  });

  test('keeps the order and loses nothing, however often Teams asks to wait', async () => {
    const sends = fc.array(fc.record({ to: fc.constantFrom('a', 'b'), limits: fc.nat(3) }), {
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(sends, async (all) => {
        const queue = new PacedQueue(virtualClock(), PACE);
        const sent: number[] = [];
        await Promise.all(
          all.map(({ to, limits }, index) => {
            let left = limits;
            return queue.enqueue(to, null, async () => {
              if (left-- > 0) throw new RateLimited(3_000);
              sent.push(index);
            });
          }),
        );
        for (const to of ['a', 'b']) {
          const mine = (index: number) => all[index]?.to === to;
          expect(sent.filter(mine)).toEqual([...all.keys()].filter(mine));
        }
      }),
      { numRuns: 40 },
    );
  });

  test('gives up after a minute, with those behind it, so that a retry keeps the order', async () => {
    const queue = new PacedQueue(virtualClock(), PACE);
    const limited = () => Promise.reject(new RateLimited(PATIENCE_MS / 2));
    const ran: string[] = [];
    const outcomes = await Promise.allSettled([
      queue.enqueue('a', null, limited),
      queue.enqueue('a', null, async () => ran.push('overtook')),
      queue.enqueue('b', null, async () => ran.push('elsewhere')),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(ran).toEqual(['elsewhere']);
  });

  test('goes on after a message that can never be sent', async () => {
    const queue = new PacedQueue(virtualClock(), PACE);
    const gone = queue.enqueue('a', null, () => Promise.reject(new AppError('not_found', 'gone')));
    const next = queue.enqueue('a', null, async () => 'sent');
    await expect(gone).rejects.toMatchObject({ code: 'not_found' });
    await expect(next).resolves.toBe('sent');
  });

  test('sends only the newest of several rewritings that wait', async () => {
    const queue = new PacedQueue(virtualClock(), PACE);
    const sent: string[] = [];
    const rewrite = (words: string) => queue.enqueue('a', 'm', async () => sent.push(words));
    await Promise.all([queue.enqueue('a', null, async () => sent.push('first')), rewrite('1'), rewrite('2')]);
    expect(sent).toEqual(['first', '2']);
  });
});

test('a line waits exactly for the limit that is reached', () => {
  expect(waitMs(SEND_LIMITS, [], 0)).toBe(0);
  expect(waitMs(SEND_LIMITS, [0, 0, 0, 0, 0, 0], 0)).toBe(0);
  expect(waitMs(SEND_LIMITS, [0, 0, 0, 0, 0, 0, 100], 400)).toBe(600);
  expect(
    waitMs(
      SEND_LIMITS,
      Array.from({ length: 60 }, (_, i) => i * 200),
      12_000,
    ),
  ).toBe(18_000);
});
