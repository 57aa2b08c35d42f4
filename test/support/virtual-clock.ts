import type { Clock } from '../../src/surface/paced-queue.ts';

/** Time that passes only when somebody sleeps: waiting is instant, and measured exactly. */
export function virtualClock(): Clock & { slept: number[] } {
  let now = 0;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    sleep: async (ms) => {
      slept.push(ms);
      now += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
