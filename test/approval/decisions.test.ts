import { describe, expect, test } from 'vitest';
import {
  decideInTransaction,
  expireInTransaction,
  type Judge,
  waitingInWords,
} from '../../src/approval/decisions.ts';
import { approvalsOf, insertApproval, lockRequest, move, overdue } from '../../src/approval/requests.ts';
import type { PrincipalId } from '../../src/model/ids.ts';
import { newId, RequestId } from '../../src/model/ids.ts';
import type { StoredRequest } from '../../src/model/request.ts';
import type { DecisionKind } from '../../src/model/turn.ts';
import {
  alice,
  bob,
  carol,
  entriesOf,
  NO_OBLIGATIONS,
  readRequest,
  sampleRequest,
  storeRequest,
  testLog,
} from '../support/core.ts';
import { useDatabase } from '../support/database.ts';

const database = useDatabase();
const { audit } = testLog();
const ONCALL: Judge = {
  mayApprove: async () => ({ allowed: true, reasons: [], groups: ['oncall'] }),
  stillPermitted: async () => ({ allowed: true, reasons: [], policies: [] }),
  couldAskFor: async () => true,
};

function decide(
  request: StoredRequest,
  principal: PrincipalId,
  decision: DecisionKind,
  changes: { digest?: string; reason?: string; judge?: Judge } = {},
) {
  const { judge = ONCALL, digest = request.digest, ...rest } = changes;
  return database.db.transaction((tx) =>
    decideInTransaction(
      tx,
      { audit, judge },
      { key: crypto.randomUUID(), request: request.id, principal, decision, digest, ...rest },
    ),
  );
}

describe('separation of duties stands in the database as well', () => {
  const approvalBy = (request: StoredRequest, approver: PrincipalId, digest = request.digest) =>
    database.db.transaction((tx) =>
      insertApproval(tx, { request: request.id, approver, digest, groups: ['oncall'], entry: request.id }),
    );

  test("a requester's own approval is refused by the trigger, whoever inserts it", async () => {
    const request = await storeRequest(database.db);
    await expect(approvalBy(request, alice)).rejects.toMatchObject({ code: '23514' });
    await expect(
      database.owner.query(
        `insert into approvals (request, approver, digest, groups, entry) values ($1, 'alice', $2, '[]', $1)`,
        [request.id, request.digest],
      ),
    ).rejects.toMatchObject({ code: '23514' });
    expect(await approvalsOf(database.db, request)).toEqual([]);
  });

  test('an approval cannot be changed or removed by the application', async () => {
    const request = await storeRequest(database.db);
    await approvalBy(request, bob);
    await expect(database.db.query(`update approvals set approver = 'carol'`)).rejects.toMatchObject({
      code: '42501',
    });
    await expect(database.db.query('delete from approvals')).rejects.toMatchObject({ code: '42501' });
  });

  test('approvals of another digest never move a request on', async () => {
    const request = await storeRequest(database.db);
    await approvalBy(request, bob, 'a'.repeat(64));
    expect(await database.db.transaction((tx) => move(tx, request.id, 'quorum_met'))).toBeNull();
    await approvalBy(request, bob);
    expect((await database.db.transaction((tx) => move(tx, request.id, 'quorum_met')))?.state).toBe(
      'approved',
    );
  });

  test('the same person approves a digest once', async () => {
    const request = await storeRequest(database.db);
    expect([await approvalBy(request, bob), await approvalBy(request, bob)]).toEqual([true, false]);
  });
});

describe('two at once', () => {
  test('of two last approvals at the same moment both count, and the request is approved once', async () => {
    const request = await storeRequest(database.db, {
      obligations: { ...NO_OBLIGATIONS, approvals: [{ group: 'oncall', quorum: 2 }] },
    });
    await decide(request, alice, 'confirm');
    const rulings = await Promise.all([decide(request, bob, 'approve'), decide(request, carol, 'approve')]);
    expect(rulings.map((it) => it.kind === 'approved' && it.complete).sort()).toEqual([false, true]);
    expect((await readRequest(database.db, request.id)).state).toBe('approved');
  });

  test('five clicks of one person at once are one approval and four that are ignored', async () => {
    const request = await storeRequest(database.db, {
      obligations: { ...NO_OBLIGATIONS, approvals: [{ group: 'oncall', quorum: 2 }] },
    });
    await decide(request, alice, 'confirm');
    await Promise.all(Array.from({ length: 5 }, () => decide(request, bob, 'approve')));
    const types = (await entriesOf(database.db, request.id)).map((entry) => entry.type);
    expect(types.filter((type) => type === 'approval.given')).toHaveLength(1);
    expect(types.filter((type) => type === 'approval.ignored')).toHaveLength(4);
    expect((await readRequest(database.db, request.id)).state).toBe('pending');
  });

  test('of a cancel and an approval at the same moment one wins, never both', async () => {
    const request = await storeRequest(database.db, { confirmedAt: new Date() });
    const rulings = await Promise.all([decide(request, alice, 'cancel'), decide(request, bob, 'approve')]);
    const { state } = await readRequest(database.db, request.id);
    expect(state).toBe('cancelled');
    expect(rulings.map((it) => it.kind).sort()).toContain('cancelled');
  });
});

test('a request that nobody knows is missing, and nothing is written', async () => {
  const nobody = sampleRequest({ id: newId(RequestId) });
  expect(await decide(nobody, bob, 'approve')).toEqual({ kind: 'missing' });
  expect(await entriesOf(database.db, nobody.id)).toEqual([]);
});

test('policy is asked about the person before anything about the request is told', async () => {
  const request = await storeRequest(database.db);
  const judge: Judge = {
    ...ONCALL,
    mayApprove: async () => ({ allowed: false, reasons: ['Only oncall may.', 'Ask bob.'], groups: [] }),
  };
  const ruling = await decide(request, carol, 'approve', { judge, digest: 'x' });
  expect(ruling).toMatchObject({ kind: 'refused', message: 'Only oncall may. Ask bob.' });
});

describe('a reason', () => {
  const denyWith = async (reason: string) => {
    const request = await storeRequest(database.db);
    const ruling = await decide(request, bob, 'deny', { reason });
    return { ruling, after: await readRequest(database.db, request.id) };
  };

  test('is told, and what was written is sealed in the entry', async () => {
    const { ruling, after } = await denyWith('  Not on a Friday. ');
    expect(ruling).toMatchObject({ kind: 'denied', reason: 'Not on a Friday.', byPolicy: false });
    expect(after.result).toEqual({
      code: 'denied_by_approver',
      message: 'Denied by bob: Not on a Friday.',
    });
    const [entry] = await entriesOf(database.db, after.id);
    expect(JSON.stringify(entry)).not.toContain('Friday');
    expect(entry).toHaveProperty('sealed');
  });

  test.each(['a\u0000b', 'half \ud83d', '\u202eevil', '  '])(
    'of any characters can be stored: %j',
    async (reason) => {
      expect((await denyWith(reason)).after.state).toBe('denied');
    },
  );

  test('without end is cut', async () => {
    const { after } = await denyWith('😀'.repeat(100_000));
    expect(after.result?.message.length).toBeLessThan(600);
  });
});

describe('expiry is by the clock of the database', () => {
  test('before its time nothing expires, at its time it does, once', async () => {
    const request = await storeRequest(database.db);
    const expire = () => database.db.transaction((tx) => expireInTransaction(tx, audit, request.id));
    expect(await expire()).toBeNull();
    await database.db.query('update requests set expires_at = clock_timestamp() where id = $1', [request.id]);
    expect(await overdue(database.db, 10)).toContain(request.id);
    expect((await expire())?.result).toEqual({ code: 'expired', message: 'Nobody decided in time.' });
    expect(await expire()).toBeNull();
    expect((await entriesOf(database.db, request.id)).map((it) => it.type)).toEqual(['request.expired']);
  });

  test('this process may believe what it likes about the time', async () => {
    const request = await storeRequest(database.db, { expiresAt: new Date(Date.now() - 1_000) });
    const ruling = await decide(request, alice, 'confirm');
    expect(ruling).toMatchObject({ kind: 'ignored', expiredNow: true, request: { state: 'expired' } });
  });

  test('a confirmation whose time ends while policy is asked says the same in the entry and in the row', async () => {
    const request = await storeRequest(database.db);
    const judge: Judge = {
      ...ONCALL,
      stillPermitted: async (tx) => {
        await tx.query('update requests set expires_at = clock_timestamp() where id = $1', [request.id]);
        return { allowed: true, reasons: [], policies: [] };
      },
    };
    await decide(request, alice, 'confirm', { judge });
    const after = await readRequest(database.db, request.id);
    const [entry] = await entriesOf(database.db, request.id);
    expect([entry?.type, after.confirmEntry !== null]).toEqual(['request.confirmed', true]);
  });

  test('an approved request that nobody ran in time expires too', async () => {
    const request = await storeRequest(database.db, {
      state: 'approved',
      expiresAt: new Date(Date.now() - 1),
    });
    const after = await database.db.transaction((tx) => expireInTransaction(tx, audit, request.id));
    expect(after).toMatchObject({
      state: 'expired',
      result: { code: 'expired_before_start', message: 'It was approved, but could not start in time.' },
    });
    expect(await entriesOf(database.db, request.id)).toMatchObject([
      { type: 'request.expired', data: { code: 'expired_before_start' } },
    ]);
  });
});

test('a request that policy denies by now ends when it is confirmed, and the entry names the rules', async () => {
  const request = await storeRequest(database.db);
  const judge: Judge = {
    ...ONCALL,
    stillPermitted: async () => ({ allowed: false, reasons: ['ci is closed.'], policies: ['freeze'] }),
  };
  const ruling = await decide(request, alice, 'confirm', { judge });
  expect(ruling).toMatchObject({ kind: 'denied', byPolicy: true, reason: 'ci is closed.' });
  const [entry] = await entriesOf(database.db, request.id);
  expect(entry).toMatchObject({ type: 'decision.made', data: { allowed: false, policies: ['freeze'] } });
});

test('what is stored is read back with the same digest', async () => {
  const request = await storeRequest(database.db, {
    arguments: { text: '😀 \u202e é', list: [1, -5, null, true, { a: '' }], big: Number.MAX_SAFE_INTEGER },
  });
  const { digestOf } = await import('../../src/approval/digest.ts');
  const stored = await database.db.transaction((tx) => lockRequest(tx, request.id));
  expect(digestOf(stored!)).toBe(request.digest);
});

test('the words for what is missing name the requester first, then the groups', async () => {
  const request = sampleRequest({
    obligations: {
      ...NO_OBLIGATIONS,
      approvals: [
        { group: 'oncall', quorum: 2 },
        { group: null, quorum: 1 },
      ],
    },
  });
  expect(waitingInWords(request, [])).toBe(
    "Waiting for its requester's confirmation, then two approvals from oncall, then one approval from somebody else who may approve it.",
  );
  const confirmed = { ...request, confirmedAt: new Date() };
  expect(waitingInWords(confirmed, [{ approver: bob, groups: ['oncall'] }])).toBe(
    'Waiting for one more approval from oncall, then one approval from somebody else who may approve it.',
  );
  expect(waitingInWords({ ...request, state: 'denied' }, [])).toBe('');
});
