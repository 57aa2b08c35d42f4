import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHANNEL_GAP_MS, PACE, PATIENCE_MS } from '../../../adapters/slack/limits.ts';
import { AppError } from '../../../src/errors.ts';
import { PacedQueue, RateLimited } from '../../../src/surface/paced-queue.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

const unavailable = expect.objectContaining({ code: 'platform_unavailable' });

describe('the line of a channel', () => {
  test('sends at once, then one a second', async () => {
    const clock = virtualClock();
    const queue = new PacedQueue(clock, PACE);
    const at: number[] = [];
    const send = async () => void at.push(clock.now());
    await Promise.all([1, 2, 3].map(() => queue.enqueue('C1', null, send)));
    expect(at).toEqual([0, CHANNEL_GAP_MS, 2 * CHANNEL_GAP_MS]);
  });

  test('keeps the order of each channel and loses nothing, however often Slack asks to wait', async () => {
    const sends = fc.array(fc.record({ channel: fc.constantFrom('C1', 'C2', 'C3'), limits: fc.nat(3) }), {
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(sends, async (all) => {
        const queue = new PacedQueue(virtualClock(), PACE);
        const sent: number[] = [];
        const done = all.map(({ channel, limits }, index) => {
          let left = limits;
          return queue.enqueue(channel, null, async () => {
            if (left-- > 0) throw new RateLimited(3_000);
            sent.push(index);
          });
        });
        await Promise.all(done);
        for (const channel of ['C1', 'C2', 'C3']) {
          const mine = (index: number) => all[index]?.channel === channel;
          expect(sent.filter(mine)).toEqual([...all.keys()].filter(mine));
        }
      }),
      { numRuns: 40 },
    );
  });

  test('waits exactly as long as Slack asks', async () => {
    const clock = virtualClock();
    let asked = 0;
    await new PacedQueue(clock, PACE).enqueue('C1', null, async () => {
      if (asked++ === 0) throw new RateLimited(17_000);
    });
    expect(clock.slept).toEqual([17_000]);
  });

  test('gives up after a minute, with those behind it, so that a retry keeps the order', async () => {
    const queue = new PacedQueue(virtualClock(), PACE);
    const limited = async () => {
      throw new RateLimited(PATIENCE_MS / 2);
    };
    const ran: string[] = [];
    const outcomes = await Promise.allSettled([
      queue.enqueue('C1', null, limited),
      queue.enqueue('C1', null, async () => ran.push('overtook')),
      queue.enqueue('C2', null, async () => ran.push('elsewhere')),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: unavailable });
    expect(ran).toEqual(['elsewhere']);
  });

  /** Whoever is refused comes again each second, as often as a job may; answers when Slack was called. */
  async function calls(retryAfterMs: readonly number[], comesAgain: number) {
    const clock = virtualClock();
    const queue = new PacedQueue(clock, PACE);
    const at: number[] = [];
    const send = async () => {
      at.push(clock.now());
      const later = retryAfterMs[at.length - 1];
      if (later !== undefined) throw new RateLimited(later);
    };
    const refused: unknown[] = [];
    for (let nth = 0; nth < comesAgain; nth += 1) {
      await queue.enqueue('C1', null, send).catch((error: unknown) => refused.push(error));
      await clock.sleep(1_000, new AbortController().signal);
    }
    return { at, refused };
  }

  test('does not call before the time that Slack named, however long that is and whoever comes', async () => {
    const { at, refused } = await calls([90_000], 40);
    expect(at.slice(0, 2)).toEqual([0, 90_000]);
    // From a minute before it on, whoever comes waits for it here.
    const pauses = refused.map((error) => (error as AppError).retryAfterMs);
    expect(pauses).toEqual(Array.from({ length: 30 }, (_, nth) => 90_000 - nth * 1_000));
    expect(refused).toEqual(refused.map(() => unavailable));
  });

  test('keeps the last of several wishes to wait that are too long together', async () => {
    const { at, refused } = await calls([25_000, 25_000, 25_000], 3);
    expect(at.slice(0, 4)).toEqual([0, 25_000, 50_000, 75_000]);
    expect(refused).toEqual([expect.objectContaining({ retryAfterMs: 25_000 })]);
  });

  test('believes no wish to wait for longer than an hour', async () => {
    const { refused } = await calls([10 ** 12], 1);
    expect(refused).toEqual([expect.objectContaining({ retryAfterMs: 3_600_000 })]);
  });

  test('waits for what Slack asked of somebody else there, and of nobody elsewhere', async () => {
    const clock = virtualClock();
    const queue = new PacedQueue(clock, PACE);
    queue.hold('C1', new RateLimited(20_000));
    queue.hold('C1', new RateLimited(5_000));
    const at: Record<string, number> = {};
    const send = (channel: string) =>
      queue.enqueue(channel, null, async () => {
        at[channel] = clock.now();
      });
    await send('C2');
    await send('C1');
    expect(at).toEqual({ C2: 0, C1: 20_000 });
  });

  test('goes on after a message that can never be sent', async () => {
    const queue = new PacedQueue(virtualClock(), PACE);
    const gone = queue.enqueue('C1', null, async () => {
      throw new AppError('not_found', 'gone');
    });
    const next = queue.enqueue('C1', null, async () => 'sent');
    await expect(gone).rejects.toMatchObject({ code: 'not_found' });
    await expect(next).resolves.toBe('sent');
  });

  test('sends only the newest of several rewritings that wait', async () => {
    const queue = new PacedQueue(virtualClock(), PACE);
    const sent: string[] = [];
    const rewrite = (words: string) => queue.enqueue('C1', 'ts1', async () => sent.push(words));
    const first = queue.enqueue('C1', null, async () => sent.push('first'));
    await Promise.all([first, rewrite('a'), rewrite('b'), rewrite('c')]);
    expect(sent).toEqual(['first', 'c']);
  });

  test('refuses what waits once it is stopped', async () => {
    const queue = new PacedQueue(virtualClock(), PACE);
    const held = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const running = queue.enqueue('C1', null, () => {
      begun.resolve();
      return held.promise;
    });
    await begun.promise;
    const waiting = expect(queue.enqueue('C1', null, async () => undefined)).rejects.toMatchObject({
      code: 'platform_unavailable',
    });
    queue.stop();
    held.resolve();
    await expect(running).resolves.toBeUndefined();
    await waiting;
    await expect(queue.enqueue('C1', null, async () => 1)).rejects.toMatchObject({
      code: 'platform_unavailable',
    });
  });
});
