/** Time and chance as the broker uses them; a test brings its own. */
import { setTimeout as sleep } from 'node:timers/promises';

export type Clock = {
  /** Milliseconds that only go forward, from any start. */
  nowMs(): number;
  /** Milliseconds since 1970, for dates that an upstream names. */
  wallMs(): number;
  /** Rejects with the signal's reason as soon as it is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** 0 to 1, so that many who wait do not come back at one moment. */
  jitter(): number;
};

export const SYSTEM_CLOCK: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  async wait(ms, signal) {
    try {
      await sleep(ms, undefined, { signal });
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    }
  },
  jitter: () => Math.random(),
};
