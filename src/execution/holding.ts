/** Holds a claim while something is done for it, and breaks that off once it is lost. */
import { LEASE_SECONDS, RENEW_EVERY_MS } from './lease.ts';

export type Timing = { everyMs: number; leaseMs: number; nowMs: () => number };
const TIMING: Timing = {
  everyMs: RENEW_EVERY_MS,
  leaseMs: LEASE_SECONDS * 1_000,
  nowMs: () => performance.now(),
};

/**
 * Renews while `work` runs. Its signal aborts as soon as the claim is somebody else's, and where renewing fails so long that the
 * next try would come after the claim's end. Every write asks for the claim once more by itself.
 */
export async function whileHeld<T>(
  renew: () => Promise<boolean>,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
  { everyMs, leaseMs, nowMs }: Timing = TIMING,
): Promise<T> {
  const lost = new AbortController();
  let renewedMs = nowMs();
  const timer = setInterval(() => {
    const askedMs = nowMs();
    renew().then(
      (held) => {
        if (held) renewedMs = Math.max(renewedMs, askedMs);
        else lost.abort();
      },
      // A database that was away for a moment is no reason to leave an outcome unknown.
      () => {
        if (nowMs() - renewedMs + everyMs >= leaseMs) lost.abort();
      },
    );
  }, everyMs);
  try {
    return await work(AbortSignal.any([signal, lost.signal]));
  } finally {
    clearInterval(timer);
  }
}
