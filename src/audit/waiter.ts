/** Waiting for a while, for a wake-up, or for the end, whichever comes first. */

export interface Waiter {
  /** Resolves after `ms`, at `stop`, and if `wakeable` at `wake`; a wake-up that came before the wait counts. */
  wait(ms: number, options: { wakeable: boolean }): Promise<void>;
  wake(): void;
  /** Ends this wait and every later one. */
  stop(): void;
  /** Resolves when the next wait begins: the work before it is done. */
  nextWait(): Promise<void>;
}

export function createWaiter(): Waiter {
  let woken = false;
  let stopped = false;
  let finish: ((cause: 'woken' | 'stopped' | 'time') => void) | null = null;
  let watchers: (() => void)[] = [];
  return {
    wait(ms, { wakeable }) {
      for (const watcher of watchers.splice(0)) watcher();
      if (stopped) return Promise.resolve();
      if (wakeable && woken) {
        woken = false;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        const timer = setTimeout(() => finish?.('time'), ms);
        finish = (cause) => {
          if (cause === 'woken' && !wakeable) return;
          if (cause === 'woken') woken = false;
          clearTimeout(timer);
          finish = null;
          resolve();
        };
      });
    },
    wake() {
      woken = true;
      finish?.('woken');
    },
    stop() {
      stopped = true;
      finish?.('stopped');
    },
    nextWait() {
      return new Promise((resolve) => {
        watchers = [...watchers, resolve];
      });
    },
  };
}
