import { describe, expect, test } from 'vitest';
import {
  abandoned,
  appendOutput,
  type Claim,
  claimAbandoned,
  claimApproved,
  commitIntent,
  finish,
  intentsOf,
  NEVER_LEFT,
  OUTPUT_TAIL_CHARACTERS,
  renewLease,
  settleIntent,
  storeHandle,
} from '../../src/execution/lease.ts';
import type { RequestId } from '../../src/model/ids.ts';
import type { StoredRequest } from '../../src/model/request.ts';
import { readRequest, storeRequest } from '../support/core.ts';
import { useDatabase } from '../support/database.ts';

const database = useDatabase();
const WRITE = { method: 'POST', host: 'desk.internal', path: '/tickets', bodySha256: 'ab' };
const DONE = { code: 'done', message: 'Done.' };

const approved = (changes: Partial<StoredRequest> = {}) =>
  storeRequest(database.db, { state: 'approved', confirmedAt: new Date(), ...changes });
const claim = (request: { id: RequestId; digest: string }) =>
  database.db.transaction((tx) => claimApproved(tx, request, 'kernel-lite'));
const takeOver = (id: RequestId) => database.db.transaction((tx) => claimAbandoned(tx, id));
const end = (held: Claim) => database.db.transaction((tx) => finish(tx, held, 'succeeded', DONE));
const leaseIsOver = (id: RequestId) =>
  database.db.query('update requests set lease_until = clock_timestamp() where id = $1', [id]);
async function killOn(request: StoredRequest): Promise<void> {
  await database.db.query(
    `insert into kill_switches (id, action, principal, connector, reason, switched_on_by) values ($1, $2, $3, $4, 'x', 'test')`,
    [request.id, request.action, request.requester, request.connector],
  );
}
const killOff = () => database.db.query('update kill_switches set switched_off_at = clock_timestamp()');

describe('the claim', () => {
  test('is won by exactly one of many', async () => {
    const request = await approved();
    const claims = await Promise.all(Array.from({ length: 6 }, () => claim(request)));
    expect(claims.filter((it) => it !== null)).toHaveLength(1);
    expect(await readRequest(database.db, request.id)).toMatchObject({
      state: 'executing',
      fence: 1,
      level: 'kernel-lite',
    });
  });

  test.each([
    ['another digest', {}, { digest: 'f'.repeat(64) }],
    ['a request that is still pending', { state: 'pending' as const }, {}],
    ['a request that is denied', { state: 'denied' as const }, {}],
    ['a request whose time is over', { expiresAt: new Date(Date.now() - 1) }, {}],
  ])('is refused for %s', async (_what, stored, asked) => {
    const request = await approved(stored);
    expect(await claim({ ...request, ...asked })).toBeNull();
    expect((await readRequest(database.db, request.id)).state).toBe(request.state);
  });

  test('is refused while a kill switch covers it', async () => {
    const request = await approved();
    await killOn(request);
    expect(await claim(request)).toBeNull();
    await killOff();
    expect(await claim(request)).not.toBeNull();
  });
});

describe('the lease', () => {
  test('is taken over only when it is over, by one, with the next fence and the same execution', async () => {
    const request = await approved();
    const first = (await claim(request))!;
    expect(await takeOver(request.id)).toBeNull();
    await leaseIsOver(request.id);
    expect(await abandoned(database.db, 10)).toContain(request.id);
    const claims = await Promise.all([takeOver(request.id), takeOver(request.id)]);
    const second = claims.find((it) => it !== null)!;
    expect(claims.filter((it) => it !== null)).toHaveLength(1);
    // The log says of it at which level it began: what is run again for it must be isolated no less.
    expect(second).toEqual({ ...first, fence: first.fence + 1 });
  });

  test('is renewed by its holder only', async () => {
    const request = await approved();
    const first = (await claim(request))!;
    await leaseIsOver(request.id);
    expect(await renewLease(database.db, first)).toBe(true);
    expect(await abandoned(database.db, 10)).not.toContain(request.id);
    await leaseIsOver(request.id);
    await takeOver(request.id);
    expect(await renewLease(database.db, first)).toBe(false);
  });
});

describe('a worker whose fence is no longer the row’s writes nothing', () => {
  async function replaced() {
    const request = await approved();
    const first = (await claim(request))!;
    await leaseIsOver(request.id);
    const second = (await takeOver(request.id))!;
    return { request, first, second };
  }

  test('no end', async () => {
    const { request, first, second } = await replaced();
    expect(await end(first)).toBe(false);
    expect((await readRequest(database.db, request.id)).state).toBe('executing');
    expect(await end(second)).toBe(true);
  });

  test('no handle and no output', async () => {
    const { request, first } = await replaced();
    expect(await database.db.transaction((tx) => storeHandle(tx, first, null, { run: 1 }, 'late', 0))).toBe(
      false,
    );
    await appendOutput(database.db, first, 'late');
    expect(await readRequest(database.db, request.id)).toMatchObject({ handle: null, output: '' });
  });

  test('no intent, so nothing leaves', async () => {
    const { request, first, second } = await replaced();
    await expect(commitIntent(database.db, first, WRITE)).rejects.toMatchObject({ code: 'egress_refused' });
    expect((await intentsOf(database.db, request.id)).total).toBe(0);
    await commitIntent(database.db, second, WRITE);
    expect((await intentsOf(database.db, request.id)).total).toBe(1);
  });
});

describe('an intent', () => {
  test('is refused once the lease is over, even where nobody took over', async () => {
    const request = await approved();
    const held = (await claim(request))!;
    await leaseIsOver(request.id);
    await expect(commitIntent(database.db, held, WRITE)).rejects.toMatchObject({ code: 'egress_refused' });
  });

  test('is refused once the kill switch is on', async () => {
    const request = await approved();
    const held = (await claim(request))!;
    await commitIntent(database.db, held, WRITE);
    await killOn(request);
    await expect(commitIntent(database.db, held, WRITE)).rejects.toMatchObject({ code: 'kill_switch' });
    await killOff();
    expect((await intentsOf(database.db, request.id)).total).toBe(1);
  });

  test('of a look is refused once all looks together have sent what they may', async () => {
    const request = await approved();
    const held = (await claim(request))!;
    const look = { phase: 'follow', atMost: 2 } as const;
    const unsent = await commitIntent(database.db, held, WRITE, look);
    await database.db.transaction((tx) => settleIntent(tx, unsent, NEVER_LEFT));
    await commitIntent(database.db, held, WRITE);
    // Four at once, from processes that all believe they are the last.
    const all = await Promise.allSettled(
      Array.from({ length: 4 }, () => commitIntent(database.db, held, WRITE, look)),
    );
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    // What a run sent is counted by itself.
    expect(await intentsOf(database.db, request.id)).toEqual({ total: 1, unanswered: 1, serverErrors: 0 });
  });

  test('is refused after the end', async () => {
    const request = await approved();
    const held = (await claim(request))!;
    await end(held);
    await expect(commitIntent(database.db, held, WRITE)).rejects.toMatchObject({ code: 'egress_refused' });
  });

  test('says what is known: unanswered, answered, answered with a server error', async () => {
    const request = await approved();
    const held = (await claim(request))!;
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) ids.push(await commitIntent(database.db, held, WRITE));
    expect(await intentsOf(database.db, request.id)).toEqual({ total: 3, unanswered: 3, serverErrors: 0 });
    await database.db.transaction((tx) => settleIntent(tx, ids[0]!, 201));
    await database.db.transaction((tx) => settleIntent(tx, ids[1]!, 503));
    expect(await intentsOf(database.db, request.id)).toEqual({ total: 3, unanswered: 1, serverErrors: 1 });
  });
});

describe('what is shown', () => {
  test('of two looks from the same handle one is stored, and its output once', async () => {
    const request = await approved();
    const held = (await claim(request))!;
    const store = (previous: Record<string, number> | null, handle: Record<string, number>, output: string) =>
      database.db.transaction((tx) => storeHandle(tx, held, previous, handle, output, 0));
    expect(await store(null, { at: 0 }, '')).toBe(true);
    const looks = await Promise.all([
      store({ at: 0 }, { at: 5 }, 'hello'),
      store({ at: 0 }, { at: 5 }, 'hello'),
    ]);
    expect(looks.sort()).toEqual([false, true]);
    expect((await readRequest(database.db, request.id)).output).toBe('hello');
  });

  test('a last look that started from an older handle ends nothing', async () => {
    const request = await approved();
    const held = (await claim(request))!;
    await database.db.transaction((tx) => storeHandle(tx, held, null, { at: 5 }, 'hello', 0));
    const last = (at: number) =>
      database.db.transaction((tx) =>
        finish(tx, held, 'succeeded', DONE, { handle: { at }, output: ' world' }),
      );
    expect(await last(0)).toBe(false);
    expect(await last(5)).toBe(true);
    expect(await readRequest(database.db, request.id)).toMatchObject({
      state: 'succeeded',
      output: 'hello world',
    });
  });

  test('is bounded, and nothing is added after the end', async () => {
    const request = await approved();
    const held = (await claim(request))!;
    await appendOutput(database.db, held, 'a'.repeat(OUTPUT_TAIL_CHARACTERS));
    await appendOutput(database.db, held, 'end');
    const { output } = await readRequest(database.db, request.id);
    expect([output.length, output.endsWith('aend')]).toEqual([OUTPUT_TAIL_CHARACTERS, true]);
    await end(held);
    await appendOutput(database.db, held, 'late');
    expect((await readRequest(database.db, request.id)).output).toBe(output);
  });
});
