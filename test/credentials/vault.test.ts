import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { type CredentialNews, createCredentials } from '../../src/credentials/credentials.ts';
import { CredentialEntry } from '../../src/credentials/entry.ts';
import { readGrants, type VaultPlace } from '../../src/credentials/grants.ts';
import { createVault } from '../../src/credentials/vault.ts';
import type { VaultAuth } from '../../src/credentials/vault-config.ts';
import type { VaultTime } from '../../src/credentials/vault-token.ts';
import { openTo } from '../execution/broker/child.ts';
import { json, startUpstream } from '../execution/broker/upstream-server.ts';
import { type FakeVault, startVault, type VaultSetting } from '../support/vault/vault.ts';

const folder = mkdtempSync(join(tmpdir(), 'vault-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const KV2: VaultPlace = { path: 'kv/data/ci', field: 'token', engine: 'kv2' };
const KV1: VaultPlace = { path: 'secret/ci', field: 'token', engine: 'kv1' };
const MADE: VaultPlace = { path: 'database/creds/ci', field: 'password', engine: 'dynamic' };

const own = (value: string, file: string | null = null) => ({ variable: 'VAULT_X', value, file });
const approle = (fake: FakeVault): VaultAuth => ({
  method: 'approle',
  mount: 'approle',
  roleId: own(fake.roleId),
  secretId: own(fake.state.secretId),
});

const WAIT = { timeout: 60_000, interval: 10 };

/** What a case changes in the fake. */
const change = (apply: (fake: FakeVault) => void) => apply;

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of opened.splice(0)) await end();
});

/** A clock that stands still until a test moves it. */
function standing() {
  const clock = { nowMs: 0 };
  const waiting = new Set<{ atMs: number; act: () => void }>();
  const time: VaultTime = {
    nowMs: () => clock.nowMs,
    after(ms, act) {
      const one = { atMs: clock.nowMs + ms, act };
      waiting.add(one);
      return () => void waiting.delete(one);
    },
  };
  /** Lets time pass, and calls what was to be called by then. */
  function pass(ms: number): void {
    clock.nowMs += ms;
    for (const one of [...waiting].filter(({ atMs }) => atMs <= clock.nowMs)) {
      waiting.delete(one);
      one.act();
    }
  }
  return Object.assign(clock, { waiting, time, pass });
}

async function open(setting: VaultSetting = {}, authOf: (fake: FakeVault) => VaultAuth = approle) {
  const clock = standing();
  const fake = await startVault({ nowMs: clock.time.nowMs, ...setting });
  const failures: string[] = [];
  const vault = createVault(
    { address: fake.address, namespace: setting.namespace ?? null, ca: null, auth: authOf(fake) },
    { failed: ({ reason }) => void failures.push(reason), time: clock.time },
  );
  opened.push(vault.close, fake.close);
  return { fake, vault, failures, clock };
}

describe('a secret in Vault', () => {
  it.each([KV2, KV1])('is read from $path', async (place) => {
    const { fake, vault } = await open();
    expect(await vault.read(place)).toBe(fake.state.kv?.token);
  });

  it('is kept for a while and then read again, so that a rotation there arrives', async () => {
    const { fake, vault, clock } = await open();
    const before = await vault.read(KV2);
    fake.state.kv = { token: 'rotated-in-vault' };
    expect(await vault.read(KV2)).toBe(before);
    clock.nowMs = 30_000;
    expect(await vault.read(KV2)).toBe('rotated-in-vault');
    expect(fake.asked('kv/data/ci')).toBe(2);
  });

  it('with a lease is kept until shortly before its end', async () => {
    const { fake, vault, clock } = await open({ lease: 1000 });
    const first = await vault.read(MADE);
    clock.nowMs = 899_000;
    expect(await vault.read(MADE)).toBe(first);
    clock.nowMs = 900_000;
    expect(await vault.read(MADE)).not.toBe(first);
    expect(fake.state.made).toBe(2);
  });

  it('is asked for once, however many ask at the same time', async () => {
    const { fake, vault } = await open();
    const all = await Promise.all([vault.read(MADE), vault.read(MADE), vault.read(MADE)]);
    expect(new Set(all).size).toBe(1);
    expect(fake.asked('auth/approle/login')).toBe(1);
  });

  it('that its upstream refused is read anew', async () => {
    const { fake, vault } = await open();
    await vault.read(MADE);
    vault.forget(MADE);
    await vault.read(MADE);
    expect(fake.state.made).toBe(2);
  });

  it('is found in a namespace', async () => {
    const { vault } = await open({ namespace: 'team-a/ci' });
    expect(await vault.read(KV2)).toMatch(/^kv-/);
  });
});

describe('signing in', () => {
  it('by a role reads its secret id anew where it is in a file', async () => {
    const file = join(folder, 'secret-id');
    const { fake, vault, clock } = await open({}, (it) => {
      writeFileSync(file, `${it.state.secretId}\n`);
      return { method: 'approle', mount: 'approle', roleId: own(it.roleId), secretId: own('old', file) };
    });
    await vault.read(KV2);
    fake.state.secretId = crypto.randomUUID();
    writeFileSync(file, fake.state.secretId);
    fake.revokeAll();
    clock.nowMs = 60_000;
    expect(await vault.read(KV2)).toMatch(/^kv-/);
  });

  it('by the service account of a pod', async () => {
    const jwtFile = join(folder, 'jwt');
    const { vault } = await open({}, (it) => {
      writeFileSync(jwtFile, it.state.jwt);
      return { method: 'kubernetes', mount: 'kubernetes', role: it.role, jwtFile };
    });
    expect(await vault.read(KV2)).toMatch(/^kv-/);
  });

  it('by a token that is given, which is not taken back at the end', async () => {
    const { fake, vault } = await open({}, (it) => ({ method: 'token', token: own(it.newToken()) }));
    expect(await vault.read(KV2)).toMatch(/^kv-/);
    await vault.close();
    expect(fake.valid()).toBe(1);
  });

  it('gives a token that is taken back at the end, with its leases', async () => {
    const { fake, vault } = await open();
    await vault.read(MADE);
    await vault.close();
    expect(fake.valid()).toBe(0);
  });

  it('is repeated once where the token is no longer taken', async () => {
    const { fake, vault, clock } = await open();
    await vault.read(KV2);
    fake.revokeAll();
    clock.nowMs = 60_000;
    expect(await vault.read(KV2)).toMatch(/^kv-/);
    expect(fake.asked('auth/approle/login')).toBe(2);
  });

  it.each(['approle', 'token'] as const)('by %s is renewed before the token ends', async (method) => {
    const { fake, vault, failures, clock } = await open({ tokenTtl: 60 }, (it) =>
      method === 'approle' ? approle(it) : { method, token: own(it.newToken()) },
    );
    await vault.read(KV2);
    for (const renewals of [1, 2, 3]) {
      clock.pass(45_000);
      expect(clock.waiting.size).toBe(0);
      // The next one waits as soon as this one is answered.
      await vi.waitUntil(() => clock.waiting.size > 0, WAIT);
      expect(fake.asked('auth/token/renew-self')).toBe(renewals);
    }
    expect(failures).toEqual([]);
    expect(await vault.read(KV2)).toMatch(/^kv-/);
    expect(fake.asked('auth/approle/login')).toBe(method === 'approle' ? 1 : 0);
  });

  it('that cannot be renewed is told, and done anew once the token has ended', async () => {
    const { fake, vault, failures, clock } = await open({ tokenTtl: 60 });
    await vault.read(KV2);
    fake.faults.sealed = true;
    clock.pass(45_000);
    await vi.waitUntil(() => failures.length > 0, WAIT);
    expect(failures).toEqual(['vault_sealed']);
    fake.faults.sealed = false;
    fake.revokeAll();
    clock.nowMs = 60_000;
    expect(await vault.read(KV2)).toMatch(/^kv-/);
  });
});

describe('what cannot be had is refused, by a code', () => {
  it.each([
    [
      'vault_sealed',
      KV2,
      change(({ faults }) => {
        faults.sealed = true;
      }),
    ],
    [
      'vault_rate_limited',
      KV2,
      change(({ faults }) => {
        faults.status = 429;
      }),
    ],
    [
      'vault_unavailable',
      KV2,
      change(({ faults }) => {
        faults.status = 500;
      }),
    ],
    [
      'vault_answer',
      KV2,
      change(({ faults }) => {
        faults.status = 307;
      }),
    ],
    [
      'vault_forbidden',
      KV2,
      change(({ state }) => {
        state.forbidden = true;
      }),
    ],
    [
      'vault_missing',
      KV2,
      change(({ state }) => {
        state.kv = null;
      }),
    ],
    [
      'vault_missing',
      KV1,
      change(({ state }) => {
        state.kv = null;
      }),
    ],
    [
      'vault_field',
      KV2,
      change(({ state }) => {
        state.kv = { other: 'x' };
      }),
    ],
    [
      'vault_field',
      KV2,
      change(({ state }) => {
        state.kv = { token: 12 };
      }),
    ],
    [
      'vault_login_refused',
      KV2,
      change(({ state }) => {
        state.secretId = 'another';
      }),
    ],
  ] as const)('%s', async (reason, place, apply) => {
    const { fake, vault } = await open();
    apply(fake);
    await expect(vault.read(place)).rejects.toMatchObject({ code: 'upstream_failed', reason });
  });

  it('vault_unreachable, also where it was read before', async () => {
    const { fake, vault, clock } = await open();
    await vault.read(KV2);
    await fake.close();
    opened.pop();
    clock.nowMs = 60_000;
    await expect(vault.read(KV2)).rejects.toMatchObject({ reason: 'vault_unreachable' });
  });

  it('and a refusal by policy signs in once more, not again and again', async () => {
    const { fake, vault } = await open();
    fake.state.forbidden = true;
    await expect(vault.read(KV2)).rejects.toMatchObject({ reason: 'vault_forbidden' });
    expect(fake.asked('auth/approle/login')).toBe(2);
    expect(fake.asked('kv/data/ci')).toBe(2);
  });
});

describe('a credential that is kept in Vault', () => {
  async function doorTo() {
    const { fake, vault } = await open();
    const news: CredentialNews[] = [];
    const entry = CredentialEntry.parse({
      scheme: 'bearer',
      host: 'api.example.com',
      vault: { path: 'kv/data/ci', field: 'token' },
    });
    const grants = readGrants(
      { example: entry },
      { secret: () => null, hosts: ['api.example.com'], hasVault: true },
    );
    const upstream = await startUpstream((response, { headers }) =>
      json(response, headers, headers.authorization === `Bearer ${fake.state.kv?.token}` ? 200 : 401),
    );
    const credentials = createCredentials(grants, { vault, news: (it) => void news.push(it) });
    const door = await openTo({ upstreams: upstream.config, credentials });
    opened.unshift(door.end, upstream.close);
    return { fake, vault, news, upstream, door };
  }

  it('is carried, and masked where it is echoed', async () => {
    const { fake, upstream, door } = await doorTo();
    const { body } = await door.ask({});
    expect(upstream.seen[0]?.headers.authorization).toBe(`Bearer ${fake.state.kv?.token}`);
    expect(body).not.toContain(String(fake.state.kv?.token));
  });

  it('and was changed there is read anew as soon as the upstream refuses the old one', async () => {
    const { fake, door } = await doorTo();
    expect((await door.ask({})).status).toBe(200);
    fake.state.kv = { token: 'rotated-in-vault' };
    expect((await door.ask({})).status).toBe(401);
    expect((await door.ask({})).status).toBe(200);
  });

  it.each([
    [
      'vault_sealed',
      change(({ faults }) => {
        faults.sealed = true;
      }),
    ],
    [
      'vault_value',
      change(({ state }) => {
        state.kv = { token: 'short' };
      }),
    ],
  ])('and cannot be had stops the call before it leaves: %s', async (code, apply) => {
    const { fake, news, upstream, door } = await doorTo();
    apply(fake);
    const answer = await door.ask({});
    expect(answer.headers).toMatchObject({
      'x-egress-refused': 'credential_unavailable',
      'x-egress-sent': 'no',
    });
    expect(door.heard.refused).toMatchObject([{ code: 'credential_unavailable', detail: code }]);
    expect(news).toEqual([{ kind: 'unavailable', name: 'example', code }]);
    expect(upstream.seen).toEqual([]);
  });
});

it('no refusal shows a secret, a token or the words of Vault', async () => {
  const { fake, vault } = await open();
  fake.state.forbidden = true;
  const error = await vault.read(KV2).catch((it: unknown) => it);
  const { message, stack, cause } = error as Error;
  const told = JSON.stringify([message, stack, String(cause)]);
  for (const secret of [fake.state.secretId, String(fake.state.kv?.token), 'permission denied', 'hvs.'])
    expect(told).not.toContain(secret);
});
