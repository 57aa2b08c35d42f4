/** What the work on a queue is made of: places to run in, a bell, and settling several at a time. No database. */

export type Slots = {
  free(): number;
  /** First come, first served. */
  enter(): Promise<void>;
  leave(): void;
};

export function createSlots(count: number): Slots {
  let used = 0;
  const waiting: (() => void)[] = [];
  return {
    free: () => Math.max(0, count - used),
    async enter() {
      if (used < count) used += 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    leave() {
      const next = waiting.shift();
      if (next === undefined) used -= 1;
      else next();
    },
  };
}

export type Bell = {
  /** There is news. It is remembered until `silence`. */
  ring(): void;
  /** Something ended, which matters only to whoever waits for that. */
  freed(): void;
  silence(): void;
  wait(ms: number, forAnyEnd: boolean): Promise<void>;
};

/** For one who waits. */
export function createBell(): Bell {
  let rung = false;
  let wake: (() => void) | null = null;
  let wakesAtEnds = false;
  return {
    ring() {
      rung = true;
      wake?.();
    },
    freed() {
      if (wakesAtEnds) wake?.();
    },
    silence() {
      rung = false;
    },
    async wait(ms, forAnyEnd) {
      if (rung) return;
      wakesAtEnds = forAnyEnd;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      wake = null;
    },
  };
}

/** While one batch is under way, what comes gathers for the next; what comes alone does not wait. */
export function inBatches<T>(work: (items: T[]) => Promise<void>): (item: T) => Promise<void> {
  let next: { items: T[]; done: PromiseWithResolvers<void> } | null = null;
  let isBusy = false;
  const drain = async () => {
    isBusy = true;
    for (let batch = next; batch !== null; batch = next) {
      next = null;
      await work(batch.items).then(batch.done.resolve, batch.done.reject);
    }
    isBusy = false;
  };
  return (item) => {
    next ??= { items: [], done: Promise.withResolvers() };
    next.items.push(item);
    const { done } = next;
    if (!isBusy) void drain();
    return done.promise;
  };
}
