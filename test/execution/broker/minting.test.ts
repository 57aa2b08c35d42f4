import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { CredentialScope } from '../../../src/action.ts';
import type { DoorSpec, MintedToken } from '../../../src/execution/broker/call.ts';
import { FAILURES_TO_OPEN } from '../../../src/execution/broker/circuit.ts';
import type { AppCredential } from '../../../src/execution/broker/credential.ts';
import { createMinting } from '../../../src/execution/broker/minting.ts';
import { createRouter, parseUpstreams } from '../../../src/execution/broker/upstream.ts';
import { type Faults, type Serve, startAuthority } from '../../support/github-app/authority.ts';
import { openTo, VALUES } from './child.ts';
import { json } from './upstream-server.ts';

const SCOPE: CredentialScope = {
  repository: { owner: 'acme', repo: 'web' },
  permissions: { issues: 'write' },
};
const WRITE = { method: 'POST', path: '/repos/acme/issues', body: { title: 'VPN down', body: 'mark-1' } };
const MINTS = /^POST .*\/access_tokens$/;
const REVOKES = /^DELETE .*\/installation\/token$/;

type Given = {
  scope?: () => CredentialScope | null;
  app?: Partial<AppCredential>;
  spec?: Partial<DoorSpec>;
  serve?: Serve;
  /** What its first entry waits for. */
  expecting?: () => Promise<unknown>;
};

async function open(faults: Faults = {}, given: Given = {}) {
  const { scope = () => SCOPE, app = {}, spec = {}, serve, expecting } = given;
  const authority = await startAuthority(faults, serve);
  const minted: MintedToken[] = [];
  const expected: unknown[] = [];
  const notMade: string[] = [];
  const secrets: [string, string][] = [];
  const revoked: { token: MintedToken; failure: string | null }[] = [];
  const opened = await openTo(
    { upstreams: authority.config, credentials: { get: async () => ({ ...authority.app, ...app }) } },
    {
      minting: {
        sharedBy: null,
        scope,
        async expected(token) {
          expected.push(token);
          await expecting?.();
          return `token-${expected.length}`;
        },
        notMade: async (id) => void notMade.push(id),
        async minted(id, token, secret) {
          minted.push(token);
          secrets.push([id, secret]);
        },
        revoked: async (_id, token, failure) => void revoked.push({ token, failure }),
      },
      ...spec,
    },
  );
  return {
    ...opened,
    authority,
    minted,
    expected,
    notMade,
    secrets,
    revoked,
    async end() {
      await opened.end();
      await authority.close();
    },
  };
}

/** The refusal's detail, for a read through this door. */
async function refusal(faults: Faults, given: Given = {}, code = 'mint_refused') {
  const opened = await open(faults, given);
  const answer = await opened.ask({});
  await opened.end();
  expect(answer.headers).toMatchObject({ 'x-egress-refused': code, 'x-egress-sent': 'no' });
  return { detail: JSON.parse(answer.body).detail, ...opened };
}

describe('a token of a GitHub App', () => {
  it('is made once for a door, for one repository and the declared permissions', async () => {
    const opened = await open();
    expect((await opened.ask({})).status).toBe(200);
    expect((await opened.ask(WRITE)).status).toBe(200);
    expect(opened.authority.asked(MINTS).map(({ body }) => JSON.parse(body))).toEqual([
      { repositories: ['web'], permissions: { issues: 'write' } },
    ]);
    expect(opened.minted).toMatchObject([
      { repository: 'acme/web', permissions: { issues: 'write', metadata: 'read' }, exact: true },
    ]);
    await opened.end();
  });

  it('is taken back when the door closes, and nothing of it is told but what it was for', async () => {
    const opened = await open();
    await opened.ask({});
    await opened.door.close();
    expect(opened.authority.issued).toMatchObject([{ revoked: true }]);
    expect(opened.revoked).toMatchObject([
      { failure: null, token: { name: 'example', host: 'api.example.com' } },
    ]);
    const token = opened.authority.issued[0]?.token ?? '';
    expect(token).toMatch(/^ghs_/);
    expect(JSON.stringify([opened.minted, opened.revoked, opened.heard])).not.toContain(token.slice(4));
    await opened.door.close();
    expect(opened.authority.asked(REVOKES)).toHaveLength(1);
    await opened.end();
  });

  it('is taken back after a failure too', async () => {
    const failing = { beforeWrite: async () => Promise.reject(new Error('a defect')) };
    const opened = await open({}, { spec: { hooks: failing as unknown as DoorSpec['hooks'] } });
    await opened.ask(WRITE);
    await opened.end();
    expect(opened.authority.issued).toMatchObject([{ revoked: true }]);
  });

  it('can only read where the door lets no write out', async () => {
    const opened = await open({}, { spec: { phase: 'read-only', writes: 0 } });
    await opened.ask({});
    expect(opened.authority.issued).toMatchObject([{ permissions: { issues: 'read', metadata: 'read' } }]);
    await opened.end();
  });

  it('is masked where GitHub sends it back', async () => {
    const opened = await open();
    const { body } = await opened.ask({});
    expect(body).toContain('[redacted]');
    expect(opened.heard.calls.at(-1)).toMatchObject({ credentialEchoed: true });
    // What the broker itself asked for is recorded like every other call, and says so.
    expect(opened.heard.calls.slice(0, -1)).toMatchObject([
      { own: true, method: 'GET', path: '/repos/acme/web/installation', status: 200 },
      { own: true, method: 'POST', effect: 'write', status: 201, credentialEchoed: false },
    ]);
    await opened.end();
  });

  it('is not in the log as the digest of the answer it came in either', async () => {
    const opened = await open();
    await opened.ask({});
    const own = opened.heard.calls.filter((call) => call.own);
    expect(own).toMatchObject([
      { path: '/repos/acme/web/installation', responseSha256: null },
      { path: expect.stringMatching(/access_tokens$/), responseSha256: null },
    ]);
    for (const call of own) expect(call.responseBytes).toBeGreaterThan(0);
    await opened.end();
  });

  it('is asked for by what the app says of itself, which is masked where GitHub shows it', async () => {
    const shown = () => opened.authority.asked(MINTS)[0]?.headers.authorization;
    const opened = await open({}, { serve: (response) => json(response, { shown: shown() }) });
    const { body } = await opened.ask({});
    expect(shown()).toMatch(/^Bearer ey/);
    expect(JSON.parse(body)).toEqual({ shown: 'Bearer [redacted]' });
    await opened.end();
  });

  it('whose making used up the time of a call is kept for the next: nothing of that one has left', async () => {
    // Enough for a whole call, on a busy machine too: the second one is to be in time.
    const CALL_MS = 1_500;
    let waitMs = CALL_MS + 50;
    const expecting = () => new Promise((resolve) => setTimeout(resolve, waitMs));
    const opened = await open({}, { spec: { budgets: { callMs: CALL_MS } }, expecting });
    const late = await opened.ask(WRITE);
    expect(late.headers).toMatchObject({ 'x-egress-refused': 'time_budget', 'x-egress-sent': 'no' });
    expect([opened.heard.writes, opened.authority.asked(/issues/)]).toEqual([[], []]);
    waitMs = 0;
    expect((await opened.ask({})).status).toBe(200);
    expect(opened.authority.issued).toHaveLength(1);
    await opened.end();
  });

  it('is not made for a door through which nothing leaves', async () => {
    const opened = await open();
    await opened.end();
    expect(opened.authority.seen).toEqual([]);
  });
});

describe('a token that can do other than what was asked for', () => {
  it.each(['permission', 'level', 'repository', 'everything'] as const)(
    'by %s is used for nothing, recorded and taken back',
    async (broader) => {
      const { detail, authority, minted, revoked } = await refusal({ broader });
      expect(detail).toBe('not exactly what was asked for');
      expect(minted).toMatchObject([{ exact: false }]);
      expect(revoked).toMatchObject([{ failure: null }]);
      expect(authority.issued).toMatchObject([{ revoked: true }]);
      expect(authority.asked(/issues/)).toEqual([]);
    },
  );
});

describe('a revocation that fails', () => {
  it('is tried once more', async () => {
    const opened = await open({ revocation: [502] });
    await opened.ask({});
    await opened.end();
    expect(opened.revoked).toMatchObject([{ failure: null }]);
  });

  it('twice is told, with the time at which the token ends by itself', async () => {
    const opened = await open({ revocation: [502, 500] });
    await opened.ask({});
    await opened.end();
    expect(opened.revoked).toMatchObject([
      { failure: '500', token: { expiresAt: expect.stringMatching(/Z$/) } },
    ]);
  });
});

describe('no token is made, and nothing leaves,', () => {
  it.each([
    ['where the app is suspended', { suspended: true }, 'suspended or not allowed'],
    ['where it was suspended in between', { suspendedAtToken: true }, 'suspended or not allowed'],
    ['where our clock is ahead', { clockSeconds: -300 }, 'clock'],
    ['where our clock is behind', { clockSeconds: 900 }, 'clock'],
  ])('%s', async (_when, faults, detail) => {
    expect((await refusal(faults)).detail).toBe(detail);
  });

  it('where GitHub takes no more calls, and is left alone as long as it asks', async () => {
    const opened = await open({ rateLimited: true });
    for (const _call of [1, 2])
      expect((await opened.ask({})).headers).toMatchObject({
        'x-egress-refused': 'paused',
        'retry-after': '60',
      });
    expect(opened.authority.asked(MINTS)).toHaveLength(1);
    await opened.end();
  });

  it.each(['500', 'cut off'] as const)(
    'where GitHub fails (%s), which counts as a failed call',
    async (issuing) => {
      const opened = await open({ issuing });
      for (let call = 0; call < FAILURES_TO_OPEN; call += 1) await opened.ask({});
      expect((await opened.ask({})).headers['x-egress-refused']).toBe('circuit_open');
      expect(opened.authority.asked(MINTS)).toHaveLength(FAILURES_TO_OPEN);
      await opened.end();
    },
  );

  it('where nothing is declared, which says nothing of GitHub', async () => {
    const opened = await open({}, { scope: () => null });
    for (let call = 0; call <= FAILURES_TO_OPEN; call += 1)
      expect((await opened.ask({})).headers['x-egress-refused']).toBe('mint_refused');
    expect(opened.authority.seen).toEqual([]);
    await opened.end();
  });

  it('where the app is not installed', async () => {
    const scope = () => ({ ...SCOPE, repository: { owner: 'acme', repo: 'elsewhere' } });
    expect((await refusal({}, { scope })).detail).toBe('not installed');
  });

  it('where the installation lacks a permission', async () => {
    const scope = (): CredentialScope => ({ ...SCOPE, permissions: { actions: 'write' } });
    expect((await refusal({}, { scope })).detail).toBe('not granted to the installation');
  });

  it('by a key that is not the app’s', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    expect((await refusal({}, { app: { key: privateKey } })).detail).toBe('app or key not known');
  });

  it.each([
    ['the action declares nothing', () => null],
    [
      'what it declares cannot be filled',
      () => {
        throw new Error('no values');
      },
    ],
    ['it declares no permission', () => ({ ...SCOPE, permissions: {} })],
    [
      'it declares a permission that is none',
      () => ({ ...SCOPE, permissions: { issues: 'admin' as 'write' } }),
    ],
    ['its repository is two segments', () => ({ ...SCOPE, repository: { owner: 'acme', repo: 'web/../x' } })],
  ])('where %s', async (_when, scope) => {
    const { detail, authority } = await refusal({}, { scope });
    expect(detail).toBe('nothing declared');
    expect(authority.seen).toEqual([]);
  });

  it('for a door that is opened without minting', async () => {
    const opened = await open({}, { spec: { minting: undefined as never } });
    expect((await opened.ask({})).headers).toMatchObject({ 'x-egress-refused': 'mint_refused' });
    await opened.end();
  });

  it('where it cannot be committed before that one is asked for', async () => {
    const minting = {
      sharedBy: null,
      scope: () => SCOPE,
      expected: async () => Promise.reject(new Error('the database is gone')),
      notMade: async () => {},
      minted: async () => {},
      revoked: async () => {},
    };
    const opened = await open({}, { spec: { minting } });
    expect((await opened.ask({})).headers).toMatchObject({ 'x-egress-refused': 'unrecorded' });
    expect(opened.authority.asked(MINTS)).toEqual([]);
    await opened.end();
  });

  it('where it cannot be recorded, and it is taken back', async () => {
    const opened = await open(
      {},
      {
        spec: {
          minting: {
            sharedBy: null,
            scope: () => SCOPE,
            expected: async () => 'token-1',
            notMade: async () => {},
            minted: async () => Promise.reject(new Error('the log is gone')),
            revoked: async () => {},
          },
        },
      },
    );
    expect((await opened.ask({})).headers).toMatchObject({ 'x-egress-refused': 'unrecorded' });
    await opened.end();
    expect(opened.authority.issued).toMatchObject([{ revoked: true }]);
    expect(opened.authority.asked(/issues/)).toEqual([]);
  });
});

describe('a token that is about to be asked for', () => {
  it('is committed first, for what is asked; what comes is told under the same name, with its secret', async () => {
    const opened = await open();
    await opened.ask({});
    expect(opened.expected).toEqual([
      { name: 'example', host: 'api.example.com', repository: 'acme/web', permissions: { issues: 'write' } },
    ]);
    expect(opened.secrets).toEqual([['token-1', opened.authority.issued[0]?.token]]);
    expect(opened.notMade).toEqual([]);
    await opened.end();
  });

  it.each<[string, Faults]>([
    ['mint_refused', { suspendedAtToken: true }],
    ['paused', { rateLimited: true }],
  ])('is not made where GitHub says no: %s', async (code, faults) => {
    // Where the app is installed was known before; only the token is refused.
    const { expected, notMade } = await refusal(faults, {}, code);
    expect(expected).toHaveLength(1);
    expect(notMade).toEqual(['token-1']);
  });

  it.each(['500', '503 and a pause', 'cut off', 'unreadable'] as const)(
    'may be made where its answer is not one: %s',
    async (issuing) => {
      const code = issuing === '503 and a pause' ? 'paused' : 'mint_refused';
      const { expected, notMade } = await refusal({ issuing }, {}, code);
      expect(expected).toHaveLength(1);
      expect(notMade).toEqual([]);
    },
  );
});

describe('the looks of one execution', () => {
  type Open = { sharedBy?: string | null; phase?: DoorSpec['phase'] };

  async function looking(idleMs?: number) {
    const authority = await startAuthority();
    const minting = createMinting(idleMs === undefined ? {} : { idleMs });
    const router = createRouter(async () => ['127.0.0.1']);
    const upstream = parseUpstreams(authority.config).get('api.example.com');
    if (!upstream) throw new Error('it is configured');
    const route = await router.route(upstream, 'read', AbortSignal.timeout(5_000));
    const door = ({ sharedBy = 'request-1', phase = 'read-only' }: Open = {}) =>
      minting.open({
        rules: [],
        values: VALUES,
        phase,
        writes: 0,
        minting: {
          sharedBy,
          scope: () => SCOPE,
          expected: async () => 'token-1',
          notMade: async () => {},
          minted: async () => {},
          revoked: async () => {},
        },
        hooks: {} as DoorSpec['hooks'],
      });
    const use = async (opened: ReturnType<typeof door>) =>
      opened.headersFor({ name: 'example', host: 'api.example.com' }, authority.app, route);
    return {
      authority,
      minting,
      door,
      use,
      valid: () => authority.issued.filter(({ revoked }) => !revoked).length,
      async look(given?: Open) {
        const opened = door(given);
        await use(opened);
        await opened.release();
      },
      async end() {
        await minting.close();
        await router.close();
        await authority.close();
      },
    };
  }

  it('share one token, which is taken back at the stop', async () => {
    const { authority, look, minting, valid, end } = await looking();
    await look();
    await look();
    expect(authority.issued).toHaveLength(1);
    await minting.close();
    expect(valid()).toBe(0);
    await end();
  });

  it('give it up when none comes for a while', async () => {
    const { look, valid, end } = await looking(1);
    await look();
    await expect.poll(valid).toBe(0);
    await end();
  });

  it('share it with no other execution, and with nothing that writes', async () => {
    const { authority, look, end } = await looking();
    await look();
    await look({ sharedBy: 'request-2' });
    await look({ sharedBy: null });
    await look({ phase: 'full' });
    expect(authority.issued.map(({ permissions }) => permissions.issues)).toEqual([
      'read',
      'read',
      'read',
      'write',
    ]);
    await end();
  });

  it('at the same time have one each, of which one is kept', async () => {
    const { door, use, valid, end } = await looking();
    const both = [door(), door()];
    await Promise.all(both.map(use));
    await Promise.all(both.map((opened) => opened.release()));
    expect(valid()).toBe(1);
    await end();
  });

  it('do not go on with one that GitHub no longer takes', async () => {
    const { authority, door, use, look, end } = await looking();
    const opened = door();
    await use(opened);
    opened.refused();
    await opened.release();
    await look();
    expect(authority.issued).toMatchObject([{ revoked: true }, {}]);
    await end();
  });
});
