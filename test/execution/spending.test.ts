/**
 * Budgets of an execution as a whole, over everything that is done for it: its second try, its reconciliation, its looks, other
 * executors that take it over. Each executor here is a new one on the same database, as after a restart.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { claimApproved, commitIntent } from '../../src/execution/lease.ts';
import { leftOf, limitsOf, type Share } from '../../src/execution/spending.ts';
import type { RequestId } from '../../src/model/ids.ts';
import type { StoredRequest } from '../../src/model/request.ts';
import { entriesOf, readRequest, storeRequest, testLog } from '../support/core.ts';
import { useDatabase } from '../support/database.ts';
import { CODE_DIGEST, type Code, Crash, outsideSystem } from '../support/outside-system.ts';

const database = useDatabase();
const { audit } = testLog();
beforeEach(async () => {
  await database.db.query(`update requests set state = 'cancelled' where state = 'executing'`);
});

const NEVER = new AbortController().signal;
const DONE = { kind: 'done', result: { code: 'done', message: 'Ticket 7.' } };
const GOES_ON = { kind: 'running', handle: { run: 1 }, message: '' };

const approved = (changes: Partial<StoredRequest> = {}) =>
  storeRequest(database.db, {
    state: 'approved',
    confirmedAt: new Date(),
    preview: null,
    codeDigest: CODE_DIGEST,
    ...changes,
  });
const now = (request: { id: RequestId }) => readRequest(database.db, request.id);

/** An executor that knows nothing but what the database says. */
function restarted(code: Code, set: Partial<ReturnType<typeof outsideSystem>['system']> = {}) {
  const outside = outsideSystem(database.db, audit);
  Object.assign(outside.system, { code, ...set });
  return outside;
}

/** As if calls had been counted until so many are left. */
async function leave(request: { id: RequestId }, share: Share, calls: number): Promise<void> {
  await database.db.query(
    `insert into spending (request, share, calls, bytes, ms) values ($1, $2, $3, 0, 0)
     on conflict (request, share) do update set calls = excluded.calls`,
    [request.id, share, limitsOf(share).calls - calls],
  );
}
const left = async (request: { id: RequestId }, share: Share): Promise<number> =>
  (await leftOf(database.db, request.id, share)).calls;

/** Claimed by a process that then died; with `isSent` a write of it had left. */
async function dead(isSent: boolean, changes: Partial<StoredRequest> = {}): Promise<StoredRequest> {
  const request = await approved(changes);
  const claim = await database.db.transaction((tx) => claimApproved(tx, request, 'kernel'));
  if (!claim) throw new Error('It can be claimed.');
  const write = { method: 'POST', host: 'desk.internal', path: '/tickets', bodySha256: 'ab'.repeat(32) };
  if (isSent) await commitIntent(database.db, claim, write);
  await diesNow(request);
  return request;
}
const diesNow = (request: { id: RequestId }) =>
  database.db.query(
    `update requests set lease_until = clock_timestamp() - interval '1 second' where id = $1`,
    [request.id],
  );
const refusals = async (request: { id: RequestId }) =>
  (await entriesOf(database.db, request.id))
    .filter(({ data }) => data?.code === 'execution_budget')
    .map(({ type, data }) => `${type} ${data?.call} ${data?.detail}`);

describe('looks', () => {
  const looking = async ({ write }: { write(): Promise<void> }) => {
    await write();
    return { kind: 'running', handle: { run: 1, stop: '12' }, output: '' };
  };

  test('of every process count together, and a restart does not begin anew', async () => {
    const request = await approved();
    await restarted({ run: () => ({ ...GOES_ON, handle: { run: 1, stop: '12' } }) }).executor.execute(
      request.id,
      NEVER,
    );
    for (let process = 1; process <= 3; process++) {
      const { executor } = restarted({ follow: looking }, { followWrites: 9 });
      await executor.follow(request.id, NEVER);
      expect(await left(request, 'looks')).toBe(limitsOf('looks').calls - process);
    }
    expect(await left(request, 'run')).toBe(limitsOf('run').calls);
  });

  test('that have used up theirs end it as unknown, in words and in the log, after a restart too', async () => {
    const request = await approved();
    await restarted({ run: () => GOES_ON }).executor.execute(request.id, NEVER);
    await leave(request, 'looks', 0);
    const { executor, system } = restarted({ follow: looking });
    await executor.follow(request.id, NEVER);
    const after = await now(request);
    expect(after).toMatchObject({ state: 'unknown', result: { code: 'unknown_outcome' } });
    expect(after.result?.message).toContain('used up all the calls that one execution may use');
    expect(after.result?.message).toContain('look in the runner');
    expect([system.calls, system.looks]).toEqual([[], []]);
    expect(system.finished).toMatchObject([{ state: 'unknown' }]);
    expect(await refusals(request)).toEqual(['egress.refused follow calls']);
  });

  test('go on though its run has used up its own', async () => {
    const request = await approved();
    await restarted({ run: () => GOES_ON }).executor.execute(request.id, NEVER);
    await leave(request, 'run', 0);
    await restarted({ follow: () => ({ ...DONE, output: '' }) }).executor.follow(request.id, NEVER);
    expect((await now(request)).state).toBe('succeeded');
  });
});

describe('a run that is taken over with nothing left', () => {
  test('has failed where nothing had been sent', async () => {
    const request = await dead(false);
    await leave(request, 'run', 0);
    const { executor, system } = restarted({ run: () => DONE });
    await executor.recover(NEVER);
    const after = await now(request);
    expect(after).toMatchObject({ state: 'failed', result: { code: 'execution_budget' } });
    expect(after.result?.message).toContain('nothing was changed');
    expect(system.calls).toEqual([]);
    expect(await refusals(request)).toEqual(['egress.refused run calls']);
  });

  test('has failed where what it would act on cannot be looked up again', async () => {
    const pinned = { summary: 'Run.', facts: [], pinned: { commit: 'abc' } };
    const request = await dead(false, { preview: pinned });
    await leave(request, 'run', 0);
    await restarted({ preview: () => pinned, run: () => DONE }).executor.recover(NEVER);
    expect(await now(request)).toMatchObject({ state: 'failed', result: { code: 'execution_budget' } });
    expect(await refusals(request)).toEqual(['egress.refused preview calls']);
  });

  test.each(['none', 'key'] as const)(
    'is unknown where something had been sent (idempotency %s), and says that it was not looked for',
    async (idempotency) => {
      const request = await dead(true);
      await leave(request, 'run', 0);
      const code = { run: () => DONE, reconcile: () => ({ kind: 'happened', outcome: DONE }) };
      const { executor, system } = restarted(code, { idempotency });
      await executor.recover(NEVER);
      const after = await now(request);
      expect(after).toMatchObject({ state: 'unknown', result: { code: 'unknown_outcome' } });
      expect(after.result?.message).toContain('so it was not looked for');
      expect([system.calls, system.effects]).toEqual([[], []]);
    },
  );
});

test('a second try counts with the first', async () => {
  const request = await approved();
  const answers: (number | 'lost')[] = [503, 201];
  const run: Code['run'] = async ({ write }) => {
    await write(answers.shift());
    if (answers.length > 0) throw new Crash();
    return DONE;
  };
  await restarted({ run }, { idempotency: 'key' }).executor.execute(request.id, NEVER);
  expect((await now(request)).state).toBe('succeeded');
  expect(await left(request, 'run')).toBe(limitsOf('run').calls - 2);
});

test('a preview before anybody has approved it counts for nothing: there is no execution yet', async () => {
  const request = await approved();
  await leave(request, 'run', 0);
  const outside = restarted({ preview: () => ({ summary: 'Run.', facts: [], pinned: {} }) });
  const preview = await outside.executor.preview({
    governed: outside.deps.governed('ci.trigger')!,
    turn: request.turn,
    request: request.id,
    args: {},
    requester: { id: request.requester, name: 'Alice' },
    least: 'kernel-lite',
    signal: NEVER,
  });
  expect(preview.summary).toBe('Run.');
});
