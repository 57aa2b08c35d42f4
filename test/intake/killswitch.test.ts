import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { claimApproved } from '../../src/execution/lease.ts';
import {
  GATE_CHANNEL,
  isKilled,
  type KillScope,
  scopeInWords,
  switchesOn,
  switchOff,
  switchOn,
} from '../../src/intake/killswitch.ts';
import type { PrincipalId, RequestId } from '../../src/model/ids.ts';
import { openDatabase } from '../../src/store/postgres.ts';
import { alice, bob, entriesOf, erin, readRequest, storeRequest, testLog } from '../support/core.ts';
import { useDatabase } from '../support/database.ts';

const database = useDatabase();
const { audit } = testLog();
const EVERYTHING: KillScope = { action: null, principal: null, connector: null };
const BY = { name: 'erin', principal: erin };
const ASKED = { action: 'ci.trigger', principal: alice, connector: 'runner' };

function deps(afterVoid: (voided: RequestId[]) => void = () => undefined) {
  return {
    db: database.db,
    audit,
    afterVoid: async (_tx: unknown, voided: RequestId[]) => afterVoid(voided),
  };
}
const on = (scope: Partial<KillScope>) => switchOn(deps(), { ...EVERYTHING, ...scope }, BY, 'breach');
const off = (scope: Partial<KillScope>) => switchOff(deps(), { ...EVERYTHING, ...scope }, BY, 'over');

afterEach(async () => {
  for (const { action, principal, connector } of await switchesOn(database.db))
    await off({ action, principal, connector });
});

test('with no switch on, nothing is killed', async () => {
  expect(await isKilled(database.db, ASKED)).toBe(false);
});

test('a switch covers exactly what its scope names', async () => {
  const part = (values: readonly string[]) => fc.option(fc.constantFrom(...values));
  const scopes = fc.record({
    action: part(['ci.trigger', 'ticket.create']),
    principal: part(['alice', 'bob']),
    connector: part(['runner', 'desk']),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(scopes, { maxLength: 3, selector: (it) => JSON.stringify(it) }),
      async (all) => {
        for (const scope of all) await on(scope);
        for (const action of ['ci.trigger', 'ticket.create']) {
          for (const principal of [alice, bob]) {
            for (const connector of ['runner', 'desk']) {
              const covered = all.some(
                (it) =>
                  (it.action ?? action) === action &&
                  (it.principal ?? principal) === principal &&
                  (it.connector ?? connector) === connector,
              );
              expect(
                await isKilled(database.db, { action, principal: principal as PrincipalId, connector }),
              ).toBe(covered);
            }
          }
        }
        for (const scope of all) expect((await off(scope)).lifted).toBe(1);
        expect(await isKilled(database.db, ASKED)).toBe(false);
      },
    ),
    { numRuns: 25 },
  );
});

test('lifting a scope leaves every other one on, and only exactly that scope is lifted', async () => {
  await on({ action: 'ci.trigger' });
  await on({});
  expect((await off({ action: 'ci.trigger', principal: 'alice' })).lifted).toBe(0);
  expect((await off({})).lifted).toBe(1);
  expect(await isKilled(database.db, ASKED)).toBe(true);
  expect(await isKilled(database.db, { ...ASKED, action: 'ticket.create' })).toBe(false);
});

test('a switch moved through another connection holds at once, and every process hears of it', async () => {
  const heard = Promise.withResolvers<string>();
  const stop = await database.db.listen(GATE_CHANNEL, heard.resolve);
  const other = openDatabase({ url: database.appUrl, onError: console.error });
  await switchOn({ ...deps(), db: other }, EVERYTHING, BY, 'breach');
  expect(await isKilled(database.db, ASKED)).toBe(true);
  expect(await heard.promise).toBe('on');
  await stop();
  await other.close();
});

describe('what is pending is void', () => {
  test('pending and approved requests of the scope are cancelled with their entries; others stay', async () => {
    const pending = await storeRequest(database.db);
    const approved = await storeRequest(database.db, { state: 'approved' });
    const running = await storeRequest(database.db, { state: 'executing' });
    const others = await storeRequest(database.db, { requester: bob });
    const told: RequestId[] = [];
    const { voided } = await switchOn(
      deps((ids) => void told.push(...ids)),
      { ...EVERYTHING, principal: 'alice' },
      BY,
      'laptop stolen',
    );
    expect([...voided].sort()).toEqual([pending.id, approved.id].sort());
    expect(told).toEqual(voided);
    const after = await readRequest(database.db, approved.id);
    expect(after).toMatchObject({
      state: 'cancelled',
      result: { code: 'kill_switch', message: 'Stopped by the kill switch: laptop stolen' },
    });
    expect(await entriesOf(database.db, pending.id)).toMatchObject([
      { type: 'request.cancelled', data: { digest: pending.digest, reason: 'kill_switch' } },
    ]);
    expect((await readRequest(database.db, running.id)).state).toBe('executing');
    expect((await readRequest(database.db, others.id)).state).toBe('pending');
  });

  test('if its cards cannot be told, the switch is not half on', async () => {
    const request = await storeRequest(database.db);
    const fails = deps(() => {
      throw new Error('no');
    });
    await expect(switchOn(fails, EVERYTHING, BY, 'x')).rejects.toThrow('no');
    expect(await switchesOn(database.db)).toEqual([]);
    expect((await readRequest(database.db, request.id)).state).toBe('pending');
  });

  test('what is approved in the same moment is not claimed', async () => {
    await on({ action: 'ci.trigger' });
    const late = await storeRequest(database.db, { state: 'approved' });
    expect(await database.db.transaction((tx) => claimApproved(tx, late, 'kernel'))).toBeNull();
  });
});

test('every move leaves an entry with scope and name, and lifting what is not on leaves none', async () => {
  const count = async () =>
    (
      await database.db.query(
        `select body from audit_entries where type = 'killswitch.changed' order by counter`,
      )
    ).map((row) => JSON.parse(row.body as string));
  const before = (await count()).length;
  await on({ connector: 'desk' });
  await off({ connector: 'runner' });
  const entries = await count();
  expect(entries).toHaveLength(before + 1);
  expect(entries.at(-1)).toMatchObject({
    principal: 'erin',
    data: { to: 'on', by: 'erin', scope: { action: null, principal: null, connector: 'desk' } },
  });
});

test('what cannot be read is an error, never "not killed"', async () => {
  const gone = openDatabase({ url: 'postgres://nobody@127.0.0.1:1/none', onError: () => undefined });
  await expect(isKilled(gone, ASKED)).rejects.toMatchObject({ code: 'database_unavailable' });
  await gone.close();
});

test('a scope is said in words', () => {
  expect(scopeInWords(EVERYTHING)).toBe('everything');
  expect(scopeInWords({ action: 'ci.trigger', principal: 'bob', connector: 'runner' })).toBe(
    'ci.trigger through runner by bob',
  );
});
