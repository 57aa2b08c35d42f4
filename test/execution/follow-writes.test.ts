/** Looks that may write: what is asked of them before anything leaves. On a real database; what is outside is a stand-in. */
import { beforeEach, expect, test } from 'vitest';
import { claimAbandoned } from '../../src/execution/lease.ts';
import type { RequestId } from '../../src/model/ids.ts';
import type { Json } from '../../src/model/request.ts';
import { readRequest, storeRequest, testLog } from '../support/core.ts';
import { useDatabase } from '../support/database.ts';
import { CODE_DIGEST, type Inside, outsideSystem } from '../support/outside-system.ts';

const database = useDatabase();
const { audit } = testLog();
const NEVER = new AbortController().signal;
const GOING = { kind: 'running', handle: { stop: '7' }, output: '' };
const OTHER = { code: 'other_commit', message: 'It began on another commit and was cancelled.' };
let outside: ReturnType<typeof outsideSystem>;

beforeEach(async () => {
  await database.db.query(`update requests set state = 'cancelled' where state = 'executing'`);
  outside = outsideSystem(database.db, audit);
  outside.system.followWrites = 2;
});

/** Something that goes on elsewhere, whose handle asks for a stop. */
async function going(handle: Record<string, Json> = { stop: '7' }) {
  outside.system.code.run = () => ({ kind: 'running', handle, message: '' });
  const request = await storeRequest(database.db, {
    ...{ state: 'approved', confirmedAt: new Date(), preview: null, codeDigest: CODE_DIGEST },
  });
  await outside.executor.execute(request.id, NEVER);
  return request;
}
const follow = (request: { id: RequestId }) => outside.executor.follow(request.id, NEVER);
const now = (request: { id: RequestId }) => readRequest(database.db, request.id);
/** What became of each stop that a look tried: sent, or why not. */
function stops(status?: number | 'lost'): string[] {
  const tried: string[] = [];
  outside.system.code.follow = async ({ write }: Inside) => {
    await write(status).then(
      () => tried.push('sent'),
      (error: Error) => tried.push(error.message),
    );
    return GOING;
  };
  return tried;
}
const READS_ONLY = 'The broker refuses writes here.';

test('a look sends the stop that its handle asks for', async () => {
  const tried = stops();
  await follow(await going());
  expect(tried).toEqual(['sent']);
  expect(outside.system.phases).toEqual(['full', 'full']);
});

test('a look that is to send a stop comes a second later, as do those at what came of it, however old the run is', async () => {
  const request = await going({ at: 1 });
  await database.db.query(
    `update requests set created_at = clock_timestamp() - interval '2 hours' where id = $1`,
    [request.id],
  );
  const said = (handle: Record<string, Json>) => () => ({ kind: 'running', handle, output: '' });
  outside.system.code.follow = said({ at: 2 });
  await follow(request);
  outside.system.code.follow = said({ stop: '7' });
  await follow(request);
  stops();
  await follow(request);
  outside.system.code.follow = said({ at: 3 });
  await follow(request);
  expect(outside.system.looks.map((look) => look.afterSeconds)).toEqual([0, 60, 1, 1, 1]);
});

test('all looks together send no more than is declared', async () => {
  const tried = stops();
  const request = await going();
  for (let look = 0; look < 3; look++) await follow(request);
  expect(tried).toEqual(['sent', 'sent', 'The looks at this execution have sent all that they may.']);
  expect(outside.system.effects).toHaveLength(2);
});

test.each<[string, () => void, Record<string, Json>]>([
  ['whose operation declares none', () => Object.assign(outside.system, { followWrites: 0 }), { stop: '7' }],
  ['whose handle asks for none', () => undefined, { at: 1 }],
  [
    'of other code than was approved',
    () => Object.assign(outside.system, { codeDigest: 'd0'.repeat(32) }),
    { stop: '7' },
  ],
  [
    'of a request whose evidence does not hold',
    () =>
      Object.assign(outside.system, { evidence: { code: 'forged', message: '', event: 'checks_failed' } }),
    { stop: '7' },
  ],
])('a look %s gets a door for reads only', async (_what, change, handle) => {
  const request = await going(handle);
  change();
  const tried = stops();
  await follow(request);
  expect(tried).toEqual([READS_ONLY]);
  expect(outside.system.effects).toEqual([]);
});

test('nothing leaves once somebody else holds the claim, though the look had begun before', async () => {
  const request = await going();
  const tried: string[] = [];
  outside.system.code.follow = async ({ write }) => {
    await database.db.query('update requests set lease_until = clock_timestamp() where id = $1', [
      request.id,
    ]);
    await database.db.transaction((tx) => claimAbandoned(tx, request.id));
    await write().catch((error: Error) => tried.push(error.message));
    return GOING;
  };
  await follow(request);
  expect(tried).toEqual(['This execution no longer holds its claim.']);
  expect(outside.system.effects).toEqual([]);
});

test('a lease that ran out between two looks is held again, where nobody took over', async () => {
  const request = await going();
  await database.db.query('update requests set lease_until = clock_timestamp() where id = $1', [request.id]);
  const tried = stops();
  await follow(request);
  expect(tried).toEqual(['sent']);
});

test('nothing leaves while the kill switch is on', async () => {
  const request = await going();
  await database.db.query(
    `insert into kill_switches (id, action, principal, connector, reason, switched_on_by) values ($1, $2, $3, $4, 'x', 'test')`,
    [request.id, request.action, request.requester, request.connector],
  );
  const tried = stops();
  await follow(request);
  await database.db.query('update kill_switches set switched_off_at = clock_timestamp()');
  expect(tried).toEqual(['The kill switch is on.']);
  expect(outside.system.effects).toEqual([]);
});

test('a stop that was never answered does not change how the run has ended', async () => {
  const request = await going();
  stops('lost');
  await follow(request);
  expect((await now(request)).state).toBe('executing');
  outside.system.code.follow = () => ({ kind: 'failed', result: OTHER, output: '' });
  await follow(request);
  expect(await now(request)).toMatchObject({ state: 'failed', result: OTHER });
  expect(outside.system.calls.map(({ call }) => call)).toEqual(['run', 'follow', 'follow']);
});

test('one that was left in between is looked at on, and its stop sent again', async () => {
  const request = await going();
  const tried = stops('lost');
  await follow(request);
  await database.db.query('update requests set lease_until = clock_timestamp() where id = $1', [request.id]);
  await outside.executor.recover(NEVER);
  await follow(request);
  expect(tried).toEqual(['sent', 'sent']);
  expect((await now(request)).fence).toBe(2);
});
