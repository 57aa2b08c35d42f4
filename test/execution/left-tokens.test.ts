/**
 * What becomes of a token whose process dies: real database, real log, real broker, and a GitHub that makes and revokes tokens. A dead
 * process is one that never closes its door; another one has the database and the MASTER_KEY only.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CredentialScope, GovernedAction } from '../../src/action.ts';
import { createBroker } from '../../src/execution/broker/broker.ts';
import { takeBackLeft } from '../../src/execution/left-tokens.ts';
import { leaveBehind, type Sealing, tokensLeft } from '../../src/execution/minted-tokens.ts';
import type { CallName } from '../../src/execution/sandbox/call.ts';
import { mintingFor } from '../../src/execution/token-entries.ts';
import { newId, RequestId, TurnId } from '../../src/model/ids.ts';
import { entriesOf, testLog, testSealing } from '../support/core.ts';
import { useDatabase } from '../support/database.ts';
import { type Faults, startAuthority } from '../support/github-app/authority.ts';
import { openTo } from './broker/child.ts';

const database = useDatabase();
const { audit } = testLog();
const NEVER = new AbortController().signal;
const SCOPE: CredentialScope = {
  repository: { owner: 'acme', repo: 'web' },
  permissions: { issues: 'write' },
};
const governed = { operation: { scope: () => SCOPE } } as unknown as GovernedAction;
/** What operators, log and doctor are told that a token was for. */
const ITS = { name: 'example', host: 'api.example.com', repository: 'acme/web' };

const ends: (() => Promise<unknown>)[] = [];
beforeEach(() => database.db.query('delete from minted_tokens'));
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A process that asks GitHub for one thing, and is never heard of again unless it closes its door. */
async function begins(faults: Faults = {}, call: CallName = 'run') {
  const authority = await startAuthority(faults);
  const sealing = testSealing();
  const request = newId(RequestId);
  const minting = mintingFor(
    { db: database.db, audit, sealing, troubled: () => undefined },
    { call, governed, turn: newId(TurnId), request },
  );
  const opened = await openTo(
    { upstreams: authority.config, credentials: { get: async () => authority.app } },
    { minting, ...(call === 'run' ? {} : { phase: 'read-only' as const, writes: 0 }) },
  );
  ends.push(authority.close, opened.end);
  await opened.ask({});
  return { authority, sealing, request, door: opened.door };
}

type Begun = Awaited<ReturnType<typeof begins>>;

/** Another process looks at what was left behind; answers what it tells operators. */
async function another(
  { authority, sealing }: Pick<Begun, 'authority'> & { sealing: Sealing },
  reaches = true,
) {
  const told: string[] = [];
  const broker = createBroker({
    upstreams: reaches ? authority.config : {},
    credentials: { get: async () => null },
    builtIns: {},
    scan: () => null,
  });
  const alarmed = ({ message }: { message: string }) => void told.push(message);
  await takeBackLeft({ db: database.db, audit, broker, sealing, alarmed }, NEVER);
  await broker.close();
  return told;
}

const later = (seconds: number) =>
  database.db.query(
    `update minted_tokens set held_until = held_until - make_interval(secs => $1), expires_at = expires_at - make_interval(secs => $1)`,
    [seconds],
  );
const entries = async (request: RequestId) =>
  (await entriesOf(database.db, request)).map(({ type, data }) => (data?.own ? `own ${data.method}` : type));
const lastEntry = async (request: RequestId) => (await entriesOf(database.db, request)).at(-1);
const rows = () => database.db.query('select id from minted_tokens');

describe('a token whose process dies', () => {
  it('is taken back by another one as soon as its claim is taken over, and the log says so', async () => {
    const begun = await begins();
    const { authority, request } = begun;
    await database.db.transaction((tx) => leaveBehind(tx, request));
    expect(await tokensLeft(database.db)).toMatchObject([
      { ...ITS, permissions: { issues: 'write', metadata: 'read' }, expiresAt: expect.any(Date) },
    ]);
    expect(await another(begun)).toEqual([]);
    expect(authority.issued).toMatchObject([{ revoked: true }]);
    expect(await entries(request)).toEqual(['credential.minted', 'own DELETE', 'credential.revoked']);
    expect((await lastEntry(request))?.data).toMatchObject({ ...ITS, call: 'run', leftBehind: true });
    expect([await rows(), await tokensLeft(database.db)]).toEqual([[], []]);
  });

  it.each<[CallName, number]>([
    ['run', 180],
    ['preview', 180],
    ['reconcile', 180],
    ['follow', 15 * 60],
  ])(
    'that was made for %s is taken back by itself after %i seconds, and never while it can be in use',
    async (call, seconds) => {
      const begun = await begins({}, call);
      await later(seconds - 60);
      await another(begun);
      expect(begun.authority.issued).toMatchObject([{ revoked: false }]);
      expect(await tokensLeft(database.db)).toEqual([]);
      await later(60);
      await another(begun);
      expect(begun.authority.issued).toMatchObject([{ revoked: true }]);
    },
  );

  it('is taken back by one of two that look at once', async () => {
    const begun = await begins();
    await database.db.transaction((tx) => leaveBehind(tx, begun.request));
    await Promise.all([another(begun), another(begun)]);
    expect(begun.authority.asked(/^DELETE/)).toHaveLength(1);
  });

  it('stands nowhere in clear: neither in the database nor in the log', async () => {
    const { authority } = await begins();
    const secret = authority.issued[0]?.token.slice(4) ?? '';
    expect(secret).toHaveLength(32);
    const stored = await database.db.query(
      `select to_jsonb(t)::text || encode(sealed, 'escape') as text from minted_tokens t
       union all select body from audit_entries`,
    );
    expect(stored.length).toBeGreaterThan(3);
    expect(JSON.stringify(stored)).not.toContain(secret);
  });

  it('is sent to no other host than it was made at, whatever a row says', async () => {
    const begun = await begins();
    await database.db.query(
      `update minted_tokens set host = 'other.example.com', held_until = clock_timestamp()`,
    );
    const other = await startAuthority();
    ends.push(other.close);
    const told = await another({
      authority: {
        ...other,
        config: { 'other.example.com': { ...other.config['api.example.com'] } },
      } as never,
      sealing: begun.sealing,
    });
    expect(other.seen).toEqual([]);
    expect(told).toMatchObject([expect.stringContaining('another MASTER_KEY')]);
  });
});

describe('a token that is not taken back', () => {
  it('is told once, with its end, and tried again every minute until it is', async () => {
    const begun = await begins();
    const { authority, request } = begun;
    const { expiresAt } = (await tokenOf(request)) ?? {};
    await database.db.transaction((tx) => leaveBehind(tx, request));
    authority.failRevocations([502, 502]);
    expect(await another(begun)).toEqual([
      `A token of example for acme/web was left behind by a process that ended, and could not be taken back yet (502). It ends by itself at ${expiresAt}.`,
    ]);
    expect(await lastEntry(request)).toMatchObject({
      type: 'alert.raised',
      data: { ...ITS, code: 'credential_not_revoked', why: '502', leftBehind: true, expiresAt },
    });
    expect(await tokensLeft(database.db)).toMatchObject([ITS]);
    await another(begun);
    expect(authority.asked(/^DELETE/)).toHaveLength(1);
    await later(60);
    expect(await another(begun)).toEqual([]);
    expect(await tokensLeft(database.db)).toHaveLength(1);
    await later(60);
    await another(begun);
    expect((await lastEntry(request))?.type).toBe('credential.revoked');
    expect(await tokensLeft(database.db)).toEqual([]);
  });

  it('by its own process is tried again too, and nobody is told a second time', async () => {
    const begun = await begins({ revocation: [502, 502] });
    await begun.door.close();
    expect((await lastEntry(begun.request))?.type).toBe('alert.raised');
    expect(await tokensLeft(database.db)).toMatchObject([ITS]);
    await later(60);
    expect(await another(begun)).toEqual([]);
    expect(begun.authority.issued).toMatchObject([{ revoked: true }]);
    expect(await rows()).toEqual([]);
  });

  it('as its upstream is gone from the config, is told', async () => {
    const begun = await begins();
    await later(180);
    expect(await another(begun, false)).toMatchObject([expect.stringContaining('(no_upstream)')]);
  });

  it('as MASTER_KEY is another one now, is told, and is left to its end', async () => {
    const begun = await begins();
    await later(180);
    const changed = { ...begun, sealing: testSealing() };
    expect(await another(changed)).toMatchObject([expect.stringContaining('another MASTER_KEY')]);
    expect(await tokensLeft(database.db)).toMatchObject([ITS]);
    await later(3_600);
    expect(await another(changed)).toEqual([]);
    expect([begun.authority.asked(/^DELETE/), await rows()]).toEqual([[], []]);
  });

  it('before its end, as nobody ran, is told afterwards', async () => {
    const begun = await begins();
    await later(3_600 + 60);
    expect(await tokensLeft(database.db)).toEqual([]);
    expect(await another(begun)).toMatchObject([expect.stringContaining('before it ended by itself')]);
    expect(await lastEntry(begun.request)).toMatchObject({ data: { why: 'it ended by itself first' } });
    expect([begun.authority.asked(/^DELETE/), await rows()]).toEqual([[], []]);
  });
});

describe('a token of which no answer came', () => {
  it('may have been made: told once, until it must have ended', async () => {
    const begun = await begins({ issuing: 'cut off' });
    const { authority, request } = begun;
    expect(authority.issued).toHaveLength(1);
    await later(180);
    expect(await another(begun)).toMatchObject([
      expect.stringMatching(/^A token of example for acme\/web may have been made .* at the latest\.$/),
    ]);
    expect(await lastEntry(request)).toMatchObject({
      type: 'alert.raised',
      data: { ...ITS, permissions: { issues: 'write' }, why: 'its answer was never read' },
    });
    expect(await tokensLeft(database.db)).toMatchObject([ITS]);
    await later(3_600);
    expect(await another(begun)).toEqual([]);
    expect(await rows()).toEqual([]);
  });

  it('as GitHub said no, leaves nothing behind', async () => {
    await begins({ suspendedAtToken: true });
    expect(await rows()).toEqual([]);
  });
});

it('a token that was taken back leaves nothing behind', async () => {
  const { door, authority } = await begins();
  expect(await rows()).toHaveLength(1);
  await door.close();
  expect(authority.issued).toMatchObject([{ revoked: true }]);
  expect(await rows()).toEqual([]);
});

/** A process in whose call for a token `meanwhile` happens; answers what it tells operators. */
async function inTheCallOf(begun: Begun, meanwhile: () => Promise<unknown>, failure: string | null = null) {
  const told: string[] = [];
  const takeBack = async () => {
    await meanwhile();
    return failure;
  };
  const alarmed = ({ message }: { message: string }) => void told.push(message);
  const { sealing } = begun;
  await takeBackLeft({ db: database.db, audit, broker: { takeBack }, sealing, alarmed }, NEVER);
  return told;
}

describe('of two processes', () => {
  it('each takes up one token after the other: what waits is taken back by whoever is free', async () => {
    const [first, second] = [await begins(), await begins()];
    for (const { request } of [first, second])
      await database.db.transaction((tx) => leaveBehind(tx, request));
    await inTheCallOf(first, async () => {
      await another(second);
      expect(second.authority.issued).toMatchObject([{ revoked: true }]);
    });
    expect(await entries(first.request)).toEqual(['credential.minted', 'credential.revoked']);
    expect(await entries(second.request)).toEqual(['credential.minted', 'own DELETE', 'credential.revoked']);
  });

  it.each([null, '401'])('the slower one has nothing to say of what was taken back: %s', async (failure) => {
    const begun = await begins();
    await later(180);
    const slowly = async () => {
      await later(60);
      await another(begun);
    };
    expect(await inTheCallOf(begun, slowly, failure)).toEqual([]);
    expect(await entries(begun.request)).toEqual(['credential.minted', 'own DELETE', 'credential.revoked']);
  });

  it('one tells operators', async () => {
    const begun = await begins();
    await later(180);
    begun.authority.failRevocations([502]);
    const slowly = async () => {
      await later(60);
      expect(await another(begun)).toHaveLength(1);
    };
    expect(await inTheCallOf(begun, slowly, '502')).toEqual([]);
    expect(await entries(begun.request)).toEqual(['credential.minted', 'own DELETE', 'alert.raised']);
  });

  it('the one that made it says nothing of what the other has taken back', async () => {
    const begun = await begins();
    await later(180);
    await another(begun);
    await begun.door.close();
    expect((await entries(begun.request)).filter((type) => !type.startsWith('own'))).toEqual([
      'credential.minted',
      'credential.revoked',
    ]);
  });
});

it('one that cannot be recorded does not keep the others from it', async () => {
  const [first, second] = [await begins(), await begins()];
  await database.db.query(
    `update minted_tokens set held_until = clock_timestamp() - interval '1 second' where request = $1`,
    [first.request],
  );
  await database.db.transaction((tx) => leaveBehind(tx, second.request));
  const told: string[] = [];
  const broker = {
    takeBack: async ({ secret }: { secret: string }) => {
      if (secret === first.authority.issued[0]?.token) throw new Error('a defect');
      return null;
    },
  };
  const sealings: Sealing = {
    seal: first.sealing.seal,
    open: (sealed, about) => first.sealing.open(sealed, about) ?? second.sealing.open(sealed, about),
  };
  const deps = { db: database.db, audit, broker, sealing: sealings, alarmed: () => void told.push('') };
  await expect(takeBackLeft(deps, NEVER)).rejects.toThrow('a defect');
  expect((await lastEntry(second.request))?.type).toBe('credential.revoked');
  expect(await rows()).toHaveLength(1);
});

it('what a stop breaks off is said to have failed by nobody', async () => {
  const begun = await begins();
  await later(180);
  const stop = new AbortController();
  const broker = {
    takeBack: async () => {
      stop.abort();
      return 'no answer';
    },
  };
  const told: string[] = [];
  const alarmed = () => void told.push('');
  await takeBackLeft({ db: database.db, audit, broker, sealing: begun.sealing, alarmed }, stop.signal);
  expect([told, (await lastEntry(begun.request))?.type]).toEqual([[], 'credential.minted']);
  expect(await tokensLeft(database.db)).toEqual([]);
  await later(60);
  await another(begun);
  expect(begun.authority.issued).toMatchObject([{ revoked: true }]);
});

async function tokenOf(request: RequestId): Promise<{ expiresAt?: string } | undefined> {
  const minted = (await entriesOf(database.db, request)).find(({ type }) => type === 'credential.minted');
  return minted?.data as { expiresAt?: string } | undefined;
}
