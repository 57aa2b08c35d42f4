/** Secrets from HashiCorp Vault, over its HTTP API. What cannot be had now is refused; no old value stands in for it. */
import type { VaultPlace } from './grants.ts';
import { fieldIn, reasonOf, VaultRefused } from './vault-answer.ts';
import type { VaultConfig } from './vault-config.ts';
import { createVaultHttp } from './vault-http.ts';
import { createVaultToken, SYSTEM_TIME, type VaultTime } from './vault-token.ts';

/** A secret without a lease is read again after this, so that a rotation in Vault arrives by itself. */
const KEPT_MS = 30_000;
/** A leased one is given up when this part of its lease is left, or this much. */
const PART_LEFT = 0.1;
const LEAST_LEFT_MS = 10_000;

export type Vault = {
  /** The field of a secret as it is now. Throws `VaultRefused`. */
  read(place: VaultPlace): Promise<string>;
  /** What was handed out was refused by its upstream: it is read anew the next time. */
  forget(place: VaultPlace): void;
  close(): Promise<void>;
};

type Kept = { value: string; untilMs: number };

/** `failed` hears of what goes wrong between calls. */
export function createVault(
  config: VaultConfig,
  deps: { failed(error: VaultRefused): void; time?: VaultTime },
): Vault {
  const time = deps.time ?? SYSTEM_TIME;
  const http = createVaultHttp(config);
  const token = createVaultToken(http, config.auth, deps.failed, time);
  const kept = new Map<string, Kept>();
  const reading = new Map<string, Promise<string>>();
  const keyOf = ({ engine, path, field }: VaultPlace) => `${engine} ${path} ${field}`;

  async function ask(path: string) {
    const first = await token.get();
    const answer = await http.ask({ method: 'GET', path, token: first });
    if (answer.status !== 403) return answer;
    // It may have been revoked, or have ended: once more with a fresh one, and then it is the policy that says no.
    token.drop(first);
    return http.ask({ method: 'GET', path, token: await token.get() });
  }

  async function fetchField(place: VaultPlace): Promise<string> {
    const answer = await ask(place.path);
    const reason = reasonOf(answer.status);
    if (reason !== null) throw new VaultRefused(reason);
    const { value, leaseSeconds } = fieldIn(answer, place);
    const lifeMs = leaseSeconds === null ? KEPT_MS : usableMs(leaseSeconds * 1000);
    if (lifeMs > 0) kept.set(keyOf(place), { value, untilMs: time.nowMs() + lifeMs });
    return value;
  }

  return {
    async read(place) {
      const key = keyOf(place);
      const known = kept.get(key);
      if (known !== undefined && time.nowMs() < known.untilMs) return known.value;
      kept.delete(key);
      const current = reading.get(key) ?? fetchField(place).finally(() => reading.delete(key));
      reading.set(key, current);
      return current;
    },
    forget: (place) => void kept.delete(keyOf(place)),
    async close() {
      kept.clear();
      await token.close();
      await http.close();
    },
  };
}

const usableMs = (leaseMs: number): number => leaseMs - Math.max(leaseMs * PART_LEFT, LEAST_LEFT_MS);
