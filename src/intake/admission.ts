/**
 * Who goes first. A platform that is told too late sends again, so acknowledgements go before everything that nobody waits
 * for within seconds: workers give way while any is under way, though never for long. More than can be acknowledged in time
 * is refused at once, which the platform understands, instead of being kept waiting, which it does not.
 */
import { AppError } from '../errors.ts';

/** Slack waits 3 s. What would begin behind one that has waited this long would be late itself. */
const OLDEST_MS = 2_000;
/** Deliveries under way in one process; each holds its body in memory. */
const MOST = 500;
/** The longest that a worker gives way at a time: several jobs a second are begun however much comes in. */
const GIVE_WAY_MS = 250;

export type Admission = {
  /** @throws AppError `overloaded` without having begun. */
  admit<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves once nothing is under way, and after a quarter of a second in any case. */
  giveWay(): Promise<void>;
};

/** `now`: milliseconds that only ever rise. */
export function createAdmission(now: () => number): Admission {
  /** When each began, the oldest first. */
  const underWay = new Map<symbol, number>();
  let idle: PromiseWithResolvers<void> | null = null;

  function check(): void {
    const [oldest] = underWay.values();
    const isLate = oldest !== undefined && now() - oldest > OLDEST_MS;
    if (!isLate && underWay.size < MOST) return;
    throw new AppError('overloaded', 'More arrives at the moment than can be taken in. Please try again.');
  }

  return {
    async admit(work) {
      check();
      const mine = Symbol();
      underWay.set(mine, now());
      try {
        return await work();
      } finally {
        underWay.delete(mine);
        if (underWay.size === 0) {
          idle?.resolve();
          idle = null;
        }
      }
    },
    async giveWay() {
      if (underWay.size === 0) return;
      idle ??= Promise.withResolvers();
      let timer: NodeJS.Timeout | undefined;
      const enough = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, GIVE_WAY_MS);
      });
      await Promise.race([idle.promise, enough]);
      clearTimeout(timer);
    },
  };
}
