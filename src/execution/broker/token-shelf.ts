/** Tokens that were made, until they are taken back: by the door that asked for them, or by the next look of the same execution. */

import { LOOK_AT_LEAST_EVERY_SECONDS } from '../look-pause.ts';
import type { MintedToken, Minting } from './call.ts';
import { revokeToken, type Token } from './github-app.ts';
import type { Route } from './upstream.ts';

/** A revocation that failed is tried once more; the token ends by itself within the hour. The end of a run waits for it. */
const AT_THE_END = { tries: 2, withinMs: 3_000 };
/** A stop has four seconds for everything. */
const AT_THE_STOP = { tries: 1, withinMs: 1_500 };
/**
 * Every look would make and take back a token of its own, each counted as five reads (docs.github.com, "Rate limits for the
 * REST API"). So the looks of one execution share one, which may only read: taken back when none came for this long, which is
 * the longest pause between two and what a look takes,
 */
const KEPT_IDLE_MS = LOOK_AT_LEAST_EVERY_SECONDS * 1_000 + 15_000;
/** and made anew after this, long before it ends. */
const KEPT_AT_MOST_MS = 10 * 60_000;

export type Made = {
  id: string;
  about: MintedToken;
  token: Token;
  /** What the app said of itself to get it: good for some minutes more. */
  jwt: string;
  route: Route;
  madeMs: number;
};
type Kept = { it: Made; minting: Minting; timer: NodeJS.Timeout };

/** Revokes it and says so, or that it is not certain. */
export async function takeBack(
  { id, about, token, route }: Made,
  minting: Minting,
  { tries, withinMs } = AT_THE_END,
): Promise<void> {
  let failure: string | null = null;
  for (let attempt = 0; attempt < tries; attempt += 1) {
    failure = await revokeToken(route, token.secret, AbortSignal.timeout(withinMs));
    if (failure === null) break;
  }
  await minting.revoked(id, about, failure);
}

/** Tokens between two looks of the same execution. */
export function createShelf(idleMs: number = KEPT_IDLE_MS) {
  const kept = new Map<string, Kept>();

  function take(key: string): Made | null {
    const found = kept.get(key);
    if (found === undefined) return null;
    clearTimeout(found.timer);
    kept.delete(key);
    return found.it;
  }

  return {
    take,
    /** Gives up what stands there already: two doors at the same time had one each. */
    async put(key: string, it: Made, minting: Minting): Promise<void> {
      if (kept.has(key) || performance.now() - it.madeMs > KEPT_AT_MOST_MS) return takeBack(it, minting);
      const timer = setTimeout(() => {
        const stale = take(key);
        if (stale !== null) void takeBack(stale, minting);
      }, idleMs);
      timer.unref();
      kept.set(key, { it, minting, timer });
    },
    async close(): Promise<void> {
      const all = [...kept];
      await Promise.all(
        all.map(([key, { minting }]) => {
          const it = take(key);
          return it === null ? null : takeBack(it, minting, AT_THE_STOP);
        }),
      );
    },
  };
}
export type Shelf = ReturnType<typeof createShelf>;
