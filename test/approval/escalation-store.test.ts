import { beforeEach, expect, test } from 'vitest';
import {
  addReached,
  beginReach,
  dropReached,
  endReach,
  everReachedBy,
  findReach,
  narrowlyAsked,
  reachedBy,
  settleScope,
  takeStep,
} from '../../src/approval/escalation-store.ts';
import { PrincipalId, type RequestId } from '../../src/model/ids.ts';
import { useDatabase } from '../support/database.ts';
import { insertPending } from './escalation-support.ts';

const t = useDatabase();
const [BOB, CAROL] = [PrincipalId.parse('bob'), PrincipalId.parse('carol')];
let request: RequestId;
beforeEach(async () => {
  request = await insertPending(t.owner);
});

test('whom the first asking goes to is settled once', async () => {
  const settled = await t.db.transaction(async (tx) => {
    const round = await beginReach(tx, request);
    return [
      await settleScope(tx, request, round, 'named', [BOB]),
      await settleScope(tx, request, round, 'named', [CAROL]),
    ];
  });
  expect(settled).toEqual([true, false]);
  expect([...(await reachedBy(t.db, request))]).toEqual([BOB]);
});

test('a step is taken once, in order, and by its own round only', async () => {
  const taken = await t.db.transaction(async (tx) => {
    const old = await beginReach(tx, request);
    const taken = [await takeStep(tx, request, old, 0), await takeStep(tx, request, old, 0)];
    const round = await beginReach(tx, request);
    taken.push(await takeStep(tx, request, old, 0), await takeStep(tx, request, old, 1));
    taken.push(await takeStep(tx, request, round, 1), await takeStep(tx, request, round, 0));
    return taken;
  });
  expect(taken).toEqual([true, false, false, false, false, true]);
});

test('a new round asks everybody anew', async () => {
  await t.db.transaction(async (tx) => {
    await settleScope(tx, request, await beginReach(tx, request), 'named', [BOB]);
    await beginReach(tx, request);
  });
  expect(await findReach(t.db, request)).toEqual({ round: 2, step: 0, scope: null });
  expect(await reachedBy(t.db, request)).toEqual(new Set());
});

test('a round whose route is gone takes no step any more', async () => {
  const taken = await t.db.transaction(async (tx) => {
    const round = await beginReach(tx, request);
    await endReach(tx, request);
    return takeStep(tx, request, round, 0);
  });
  expect(taken).toBe(false);
  expect(await findReach(t.db, request)).toMatchObject({ scope: 'everybody' });
});

test('people are added once and can hand over', async () => {
  await t.db.transaction(async (tx) => {
    await addReached(tx, request, [BOB], 'route');
    await addReached(tx, request, [BOB, CAROL], 'escalated');
    await dropReached(tx, request, BOB);
  });
  expect([...(await reachedBy(t.db, request))]).toEqual([CAROL]);
  expect([...(await everReachedBy(t.db, request))].toSorted()).toEqual([BOB, CAROL]);
});

test('whoever handed it over can be asked again', async () => {
  await t.db.transaction(async (tx) => {
    await addReached(tx, request, [BOB], 'route');
    await dropReached(tx, request, BOB);
    await addReached(tx, request, [BOB], 'delegated');
  });
  expect([...(await reachedBy(t.db, request))]).toEqual([BOB]);
});

test('what is asked of some only is found, until its round is over', async () => {
  const ids: RequestId[] = [];
  for (let count = 0; count < 4; count += 1) ids.push(await insertPending(t.owner));
  await t.db.transaction(async (tx) => {
    for (const [index, scope] of (['named', 'channel', 'everybody', 'named'] as const).entries())
      await settleScope(tx, ids[index]!, await beginReach(tx, ids[index]!), scope, [BOB]);
    await endReach(tx, ids[3]!);
  });
  const found = await narrowlyAsked(t.db);
  expect(ids.map((id) => found.includes(id))).toEqual([true, true, false, false]);
});
