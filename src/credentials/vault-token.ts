/** Our own token of Vault: got by signing in, renewed before it ends, got anew when it is no longer taken. */
import { readFile } from 'node:fs/promises';
import { type Login, lifetimeIn, loginIn, reasonOf, VaultRefused } from './vault-answer.ts';
import type { OwnSecret, VaultAuth } from './vault-config.ts';
import type { VaultHttp } from './vault-http.ts';
import { secretIn } from './watched.ts';

/** Renewed when this part of its life is left: Vault Agent does so at a third too. */
const RENEW_AT_PART_LEFT = 1 / 3;
/** The longest that a timer can wait, in milliseconds; then it is looked at again. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** A stop has four seconds for everything. */
const TAKEN_BACK_WITHIN_MS = 1_000;
/** A renewal that failed is tried again after this, and no sooner. */
const MIN_WAIT_MS = 500;

/** Time as this uses it; a test brings its own. */
export type VaultTime = {
  /** Milliseconds that only go forward, from any start. */
  nowMs(): number;
  /** Calls this once, and keeps no process alive for it; the answer calls it off. */
  after(ms: number, act: () => void): () => void;
};

export const SYSTEM_TIME: VaultTime = {
  nowMs: () => performance.now(),
  after(ms, act) {
    const timer = setTimeout(act, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

type Held = { token: string; untilMs: number };

export type VaultToken = {
  /** A token to use now. Throws `VaultRefused`. */
  get(): Promise<string>;
  /** This one was refused: the next `get` signs in anew. */
  drop(token: string): void;
  /** Takes back what a login gave us, with all leases that hang on it. */
  close(): Promise<void>;
};

async function currentOf({ value, file }: OwnSecret): Promise<string> {
  if (file === null) return value;
  return secretIn(await readFile(file, 'utf8'));
}

async function bodyOf(auth: Exclude<VaultAuth, { method: 'token' }>): Promise<object> {
  return auth.method === 'approle'
    ? { role_id: await currentOf(auth.roleId), secret_id: await currentOf(auth.secretId) }
    : { role: auth.role, jwt: secretIn(await readFile(auth.jwtFile, 'utf8')) };
}

/** `failed` hears of a renewal that did not go through; the token serves until it ends. */
export function createVaultToken(
  http: VaultHttp,
  auth: VaultAuth,
  failed: (error: VaultRefused) => void,
  time: VaultTime,
): VaultToken {
  let held: Held | null = null;
  let entering: Promise<Held> | null = null;
  let callOff = (): void => {};

  function keep({ token, ttlSeconds, renewable }: Login): Held {
    const lifeMs = ttlSeconds * 1000;
    const now = { token, untilMs: ttlSeconds === 0 ? Number.POSITIVE_INFINITY : time.nowMs() + lifeMs };
    held = now;
    callOff();
    if (renewable && ttlSeconds > 0) renewIn(now, Math.max(MIN_WAIT_MS, lifeMs * (1 - RENEW_AT_PART_LEFT)));
    return now;
  }

  function renewIn(which: Held, waitMs: number): void {
    callOff = time.after(Math.min(waitMs, MAX_TIMER_MS), () => {
      if (held === which) void renew(which);
    });
  }

  async function renew(which: Held): Promise<void> {
    try {
      const answer = await http.ask({
        method: 'POST',
        path: 'auth/token/renew-self',
        token: which.token,
        body: {},
      });
      const reason = reasonOf(answer.status);
      if (reason !== null) throw new VaultRefused(reason);
      const { ttlSeconds, renewable } = loginIn(answer);
      if (held === which) keep({ token: which.token, ttlSeconds, renewable });
    } catch (error) {
      if (held !== which || !(error instanceof VaultRefused)) return;
      failed(error);
      const left = which.untilMs - time.nowMs();
      if (left > MIN_WAIT_MS) renewIn(which, Math.max(MIN_WAIT_MS, left * RENEW_AT_PART_LEFT));
    }
  }

  async function enter(): Promise<Held> {
    try {
      return keep(auth.method === 'token' ? await lookUp(await currentOf(auth.token)) : await logIn(auth));
    } catch (cause) {
      if (cause instanceof VaultRefused) throw cause;
      // A file with our secret that is gone, most likely.
      throw new VaultRefused('vault_login_refused', { cause });
    }
  }

  async function lookUp(token: string): Promise<Login> {
    const answer = await http.ask({ method: 'GET', path: 'auth/token/lookup-self', token });
    const reason = reasonOf(answer.status);
    if (reason !== null)
      throw new VaultRefused(reason === 'vault_forbidden' ? 'vault_login_refused' : reason);
    return { token, ...lifetimeIn(answer) };
  }

  async function logIn(by: Exclude<VaultAuth, { method: 'token' }>): Promise<Login> {
    const path = `auth/${by.mount}/login`;
    const answer = await http.ask({ method: 'POST', path, token: null, body: await bodyOf(by) });
    const reason = reasonOf(answer.status);
    // 400 is how a wrong role or secret id is told; 403 and 404 a wrong service account or mount.
    const isOurs = answer.status >= 400 && answer.status < 500 && reason !== 'vault_rate_limited';
    if (reason !== null) throw new VaultRefused(isOurs ? 'vault_login_refused' : reason);
    return loginIn(answer);
  }

  return {
    async get() {
      if (held !== null && time.nowMs() < held.untilMs) return held.token;
      entering ??= enter().finally(() => {
        entering = null;
      });
      return (await entering).token;
    },
    drop(token) {
      if (held?.token === token) held = null;
    },
    async close() {
      callOff();
      const last = held;
      held = null;
      // A token that was given to us is not ours to take back.
      if (last === null || auth.method === 'token') return;
      try {
        await http.ask({
          method: 'POST',
          path: 'auth/token/revoke-self',
          token: last.token,
          body: {},
          withinMs: TAKEN_BACK_WITHIN_MS,
        });
      } catch {
        // It ends by itself; a stop is not held up for it.
      }
    },
  };
}
