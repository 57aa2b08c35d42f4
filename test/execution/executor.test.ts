/** From approved to an outcome, on a real database with a real log; sandbox, broker and outside are small stand-ins. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Obstacle } from '../../src/execution/executor-deps.ts';
import { claimApproved, commitIntent } from '../../src/execution/lease.ts';
import type { RequestId } from '../../src/model/ids.ts';
import type { Json, RequestState, StoredRequest } from '../../src/model/request.ts';
import { alice, entriesOf, readRequest, storeRequest, testLog } from '../support/core.ts';
import { useDatabase } from '../support/database.ts';
import { CODE_DIGEST, Crash, type Inside, outsideSystem } from '../support/outside-system.ts';

const database = useDatabase();
const { audit } = testLog();
let outside: ReturnType<typeof outsideSystem>;
beforeEach(async () => {
  // What another case left executing must not be taken over by this one's executor.
  await database.db.query(`update requests set state = 'cancelled' where state = 'executing'`);
  outside = outsideSystem(database.db, audit);
});

const NEVER = new AbortController().signal;
const DONE = { kind: 'done', result: { code: 'done', message: 'Ticket 7.' } };
const NO = { kind: 'failed', result: { code: 'no_such_repo', message: 'There is no such repository.' } };
const PINNED = { summary: 'Run.', facts: [], pinned: { commit: 'abc' } };
const obstacle = (event: Obstacle['event'] = 'checks_failed'): Obstacle => ({
  code: 'a_code',
  message: 'Why.',
  event,
});

/** Action code that sends one write and then says this. */
const answering =
  (answer: Json, status = 201) =>
  async ({ write }: Inside): Promise<Json> => {
    await write(status);
    return answer;
  };

const approved = (changes: Partial<StoredRequest> = {}) =>
  storeRequest(database.db, {
    state: 'approved',
    confirmedAt: new Date(),
    preview: null,
    codeDigest: CODE_DIGEST,
    ...changes,
  });
const now = (request: { id: RequestId }) => readRequest(database.db, request.id);
const execute = (request: { id: RequestId }, signal = NEVER) => outside.executor.execute(request.id, signal);

describe('before anything runs', () => {
  const stopsWith = async (code: string, state: RequestState, changes: Partial<StoredRequest> = {}) => {
    outside.system.code = { run: () => DONE, ...outside.system.code };
    const request = await approved(changes);
    await execute(request);
    expect(await now(request)).toMatchObject({ state, result: { code } });
    expect(outside.system.calls.filter((call) => call.call === 'run')).toEqual([]);
    expect([outside.system.effects, outside.system.started]).toEqual([[], []]);
  };

  test('isolation that is too low stops it', async () => {
    outside.system.level = 'process';
    await stopsWith('isolation_too_low', 'denied');
  });
  test('policy may ask for more isolation than there is', async () => {
    outside.system.level = 'kernel-lite';
    await stopsWith('isolation_too_low', 'denied', {
      obligations: { approvals: [], stepup: null, isolation: 'kernel', expiresSeconds: 9 },
    });
  });
  test('code that is not what was approved stops it', async () => {
    outside.system.codeDigest = 'd0'.repeat(32);
    await stopsWith('code_changed', 'denied');
  });
  test('an action that is gone stops it', async () => {
    outside.system.isServed = false;
    await stopsWith('action_gone', 'denied');
  });
  test('another connector than was approved stops it', () =>
    stopsWith('action_gone', 'denied', { connector: 'other' }));
  test('evidence that is missing stops it', async () => {
    outside.system.evidence = obstacle();
    await stopsWith('a_code', 'denied');
  });
  test('policy of this moment stops it', async () => {
    outside.system.permitted = obstacle();
    await stopsWith('a_code', 'denied');
  });
  test('the kill switch cancels it', async () => {
    outside.system.permitted = obstacle('cancelled');
    await stopsWith('a_code', 'cancelled');
  });
  test('what was pinned has moved', async () => {
    outside.system.code = { preview: () => ({ ...PINNED, pinned: { commit: 'def' } }) };
    await stopsWith('pinned_moved', 'denied', { preview: PINNED });
  });
  test('what was pinned is there no more', async () => {
    outside.system.code = { preview: () => ({ ...PINNED, pinned: {} }) };
    await stopsWith('pinned_moved', 'denied', { preview: PINNED });
  });
  test.each([
    ['a crash', () => Promise.reject(new Crash())],
    ['a refusal', () => ({ refused: 'There is no such branch.' })],
    ['an answer of another form', () => 'nonsense'],
  ])('what was pinned cannot be looked up: %s', async (_what, preview) => {
    outside.system.code = { preview };
    await stopsWith('preview_failed', 'denied', { preview: PINNED });
  });
  test('what the action says of it now is what people read', async () => {
    outside.system.code = { preview: () => ({ refused: 'There is no such branch.' }) };
    const request = await approved({ preview: PINNED });
    await execute(request);
    expect((await now(request)).result?.message).toBe('There is no such branch.');
  });

  test.each<RequestState>(['pending', 'denied', 'cancelled', 'expired', 'executing', 'succeeded', 'unknown'])(
    'a request in state %s is not run',
    async (state) => {
      const request = await approved({ state });
      await execute(request);
      expect(outside.system.calls).toEqual([]);
      expect((await now(request)).state).toBe(state);
    },
  );

  test('a stop while it is checked leaves it approved and gives the job back', async () => {
    const stop = new AbortController();
    outside.system.code = {
      preview: () => {
        stop.abort();
        throw new Crash();
      },
    };
    const request = await approved({ preview: PINNED });
    await expect(execute(request, stop.signal)).rejects.toThrow();
    expect((await now(request)).state).toBe('approved');
  });
});

describe('a run', () => {
  test('that cannot read back what it did is unknown, and says what to check', async () => {
    const result = { code: 'read_back_differs', message: 'It has another title. Please look.' };
    outside.system.code = { run: async ({ write }) => write().then(() => ({ kind: 'unclear', result })) };
    const request = await approved();
    await execute(request);
    expect(await now(request)).toMatchObject({ state: 'unknown', result });
  });
  test('the same, where it is seen by a later look', async () => {
    const result = { code: 'read_back_differs', message: 'It has another title. Please look.' };
    outside.system.code = {
      run: async () => ({ kind: 'running', handle: { number: '1' }, message: 'Reading it back.' }),
      follow: () => ({ kind: 'unclear', result, output: '' }),
    };
    const request = await approved();
    await execute(request);
    await outside.executor.follow(request.id, new AbortController().signal);
    expect(await now(request)).toMatchObject({ state: 'unknown', result });
  });
  test('that is done succeeds, with its result, level and entries', async () => {
    outside.system.code = {
      run: async ({ write, job }) => {
        await write();
        return { ...DONE, result: { ...DONE.result, data: { mark: job.mark } } };
      },
    };
    const request = await approved();
    await execute(request);
    const after = await now(request);
    expect(after).toMatchObject({ state: 'succeeded', level: 'kernel', fence: 1, result: { code: 'done' } });
    expect(after.result?.data).toEqual({ mark: `mark of ${after.execution}` });
    expect(outside.system.effects).toEqual([after.execution]);
    expect(outside.system.finished).toMatchObject([{ state: 'succeeded' }]);
    expect(await entriesOf(database.db, request.id)).toMatchObject([
      { type: 'egress.called', data: { call: 'run', status: 201, durationMs: 2 } },
    ]);
  });

  test('gets the digested arguments, the pins and who asked, and nothing else', async () => {
    outside.system.code = { preview: () => PINNED, run: () => DONE };
    const request = await approved({ preview: PINNED, arguments: { a: 1 } });
    await execute(request);
    expect(outside.system.calls.at(-1)).toMatchObject({
      call: 'run',
      input: { a: 1 },
      pinned: { commit: 'abc' },
      requester: "alice (alice's name)",
    });
    expect(outside.system.phases).toEqual(['read-only', 'full']);
  });

  test('of a read gets a door for reads only', async () => {
    outside.system.effect = 'read';
    outside.system.code = { run: answering(DONE) };
    const request = await approved({ effect: 'read' });
    await execute(request);
    expect([outside.system.phases, outside.system.effects]).toEqual([['read-only'], []]);
    expect((await now(request)).state).toBe('failed');
  });

  test('asked for twice at once runs once', async () => {
    outside.system.code = { run: answering(DONE) };
    const request = await approved();
    await Promise.all([execute(request), execute(request), execute(request)]);
    expect(outside.system.effects).toHaveLength(1);
    expect(outside.system.started).toHaveLength(1);
  });

  test('whose progress cannot be shown goes on', async () => {
    outside.deps.progressed = () => Promise.reject(new Error('the database is away for a moment'));
    outside.system.code = {
      run: async ({ write, progress }) => {
        progress('half way');
        await write();
        return DONE;
      },
    };
    const request = await approved();
    await execute(request);
    expect((await now(request)).state).toBe('succeeded');
  });

  test('that fails before any write has failed', async () => {
    outside.system.code = { run: () => Promise.reject(new Crash()) };
    const request = await approved();
    await execute(request);
    expect(await now(request)).toMatchObject({ state: 'failed', result: { code: 'crashed' } });
  });

  test('whose write was answered and that then says no has failed by its own word', async () => {
    outside.system.code = { run: answering(NO, 404) };
    const request = await approved();
    await execute(request);
    expect(await now(request)).toMatchObject({ state: 'failed', result: NO.result });
  });

  test('whose write certainly never left has failed by its own word', async () => {
    outside.system.code = {
      run: async ({ write }) => {
        await write('unsent');
        return NO;
      },
    };
    const request = await approved();
    await execute(request);
    expect(await now(request)).toMatchObject({ state: 'failed', result: NO.result });
  });

  test.each<[string, Json]>([
    ['is done', DONE],
    ['goes on elsewhere', { kind: 'running', handle: { run: 1 }, message: '' }],
  ])('that says it %s though its write was never answered is not believed', async (_what, said) => {
    outside.system.code = {
      run: async ({ write }) => {
        await write('lost');
        return said;
      },
      reconcile: () => ({ kind: 'cannot_tell' }),
    };
    const request = await approved();
    await execute(request);
    expect(outside.system.calls.map(({ call }) => call)).toEqual(['run', 'reconcile']);
    const after = await now(request);
    expect(after).toMatchObject({ state: 'unknown', result: { code: 'unknown_outcome' } });
    // Where to look, and at what.
    expect(after.result?.message).toContain('look in ');
    expect(after.result?.message).toContain(`at ${after.resource.type} "${after.resource.id}"`);
  });

  test('that says it is done though its write was never answered is believed once its mark is found', async () => {
    outside.system.code = {
      run: async ({ write }) => {
        await write('lost');
        return DONE;
      },
      reconcile: () => ({ kind: 'happened', outcome: DONE }),
    };
    const request = await approved();
    await execute(request);
    expect(await now(request)).toMatchObject({ state: 'succeeded', result: DONE.result });
  });

  test('that says so where the outside enforces a key sends the write again with it', async () => {
    outside.system.idempotency = 'key';
    const answers: (number | 'lost')[] = ['lost', 201];
    outside.system.code = {
      run: async ({ write }) => {
        await write(answers.shift());
        return DONE;
      },
    };
    const request = await approved();
    await execute(request);
    expect((await now(request)).state).toBe('succeeded');
    expect(new Set(outside.system.effects).size).toBe(1);
    expect(outside.system.effects).toHaveLength(2);
  });

  test.each([
    ['crashes after its write was answered', () => Promise.reject(new Crash())],
    ['answers in no agreed form after its write', () => ({ kind: 'perhaps' })],
  ])('that %s is not known', async (_what, then) => {
    outside.system.code = {
      run: async ({ write }) => {
        await write();
        return then();
      },
      reconcile: () => ({ kind: 'cannot_tell' }),
    };
    const request = await approved();
    await execute(request);
    expect(await now(request)).toMatchObject({ state: 'unknown', result: { code: 'unknown_outcome' } });
  });

  test('whose outside answered with a server error is not believed to have failed', async () => {
    outside.system.code = {
      run: answering(NO, 503),
      reconcile: () => ({ kind: 'cannot_tell' }),
    };
    const request = await approved();
    await execute(request);
    expect((await now(request)).state).toBe('unknown');
  });

  test('cannot write any more once the kill switch is on', async () => {
    outside.system.code = {
      run: async ({ write }) => {
        await database.db.query(
          `insert into kill_switches (id, action, reason, switched_on_by) values (gen_random_uuid(), 'ci.trigger', 'x', 'test')`,
        );
        await write();
        return DONE;
      },
    };
    const request = await approved();
    await execute(request);
    await database.db.query('update kill_switches set switched_off_at = clock_timestamp()');
    expect((await now(request)).state).toBe('failed');
    expect(outside.system.effects).toEqual([]);
  });

  test('whose answer holds characters that PostgreSQL refuses is recorded all the same', async () => {
    outside.system.code = {
      run: async ({ write, progress }) => {
        progress('half \ud83d');
        await write();
        return {
          kind: 'done',
          result: { code: 'done', message: 'a\u0000b', data: { '\ud800': ['\u0000'] } },
        };
      },
    };
    const request = await approved();
    await execute(request);
    expect(await now(request)).toMatchObject({
      state: 'succeeded',
      result: { message: 'a\u2400b', data: { '\ufffd': ['\u2400'] } },
    });
  });
});

describe('a write that left and was never answered', () => {
  const lost = async ({ write }: { write(status: 'lost'): Promise<void> }) => {
    await write('lost');
    throw new Crash();
  };

  test('is sent again once, with the same key, where the outside enforces it', async () => {
    outside.system.idempotency = 'key';
    let tries = 0;
    outside.system.code = {
      run: async (inside) => {
        tries += 1;
        if (tries === 1) return lost(inside);
        await inside.write();
        return DONE;
      },
    };
    const request = await approved();
    await execute(request);
    const { execution, state } = await now(request);
    expect([state, tries]).toEqual(['succeeded', 2]);
    expect(outside.system.effects).toEqual([execution, execution]);
    const keys = outside.system.calls.map((call) => [call.idempotencyKey, call.mark]);
    expect(new Set(keys.map(String)).size).toBe(1);
  });

  test('is asked for once the second try was lost as well', async () => {
    outside.system.idempotency = 'key';
    outside.system.code = { run: lost, reconcile: () => ({ kind: 'cannot_tell' }) };
    const request = await approved();
    await execute(request);
    expect(outside.system.calls.map((call) => call.call)).toEqual(['run', 'run', 'reconcile']);
    expect((await now(request)).state).toBe('unknown');
  });

  test('without a key is never sent again; what is found has happened', async () => {
    outside.system.code = { run: lost, reconcile: () => ({ kind: 'happened', outcome: DONE }) };
    const request = await approved();
    await execute(request);
    expect(outside.system.effects).toHaveLength(1);
    expect(outside.system.phases).toEqual(['full', 'read-only']);
    expect(await now(request)).toMatchObject({ state: 'succeeded', result: DONE.result });
    // Under the mark that the write carried, though there was no claim when the request was read.
    const marks = outside.system.calls.map((call) => call.mark);
    expect(new Set(marks)).toEqual(new Set([`mark of ${(await now(request)).execution}`]));
  });

  test.each([
    ['cannot tell', () => ({ kind: 'cannot_tell' })],
    ['answers in no agreed form', () => ({ kind: 'happened' })],
    ['says that it failed, which absence cannot prove', () => ({ kind: 'happened', outcome: NO })],
  ])('without a key, and a look that %s, is unknown', async (_what, reconcile) => {
    outside.system.code = { run: lost, reconcile };
    const request = await approved();
    await execute(request);
    expect(await now(request)).toMatchObject({ state: 'unknown', result: { code: 'unknown_outcome' } });
    expect(outside.system.effects).toHaveLength(1);
  });

  describe('while it cannot be looked for', () => {
    type Look = (inside: Inside) => Promise<Json>;
    const gone: Look = () => Promise.reject(new Crash());
    /** As connectors do: what they are not told they have not found. */
    const refusedWith =
      (status: number): Look =>
      async ({ read }) => {
        await read(status);
        return { kind: 'cannot_tell' };
      };
    const dueAgain = (request: { id: RequestId }) =>
      database.owner.one<{ seconds: number }>(
        `update requests r set lease_until = clock_timestamp() from (select * from requests where id = $1) old
         where r.id = old.id returning extract(epoch from old.lease_until - clock_timestamp())::float8 as seconds`,
        [request.id],
      );

    test.each<[string, Look]>([
      ['its look crashes', gone],
      ['the outside system is down', refusedWith(502)],
      ['it lets us look no more for now', refusedWith(429)],
      ['our credential is refused', refusedWith(401)],
    ])('as %s, goes on, and is what is found as soon as somebody can look', async (_what, reconcile) => {
      outside.system.code = { run: lost, reconcile };
      const request = await approved();
      await execute(request);
      expect(await now(request)).toMatchObject({ state: 'executing', result: null });
      expect((await dueAgain(request)).seconds).toBeLessThan(15);
      outside.system.code = { reconcile: () => ({ kind: 'happened', outcome: DONE }) };
      await outside.executor.recover(NEVER);
      expect(await now(request)).toMatchObject({ state: 'succeeded', result: DONE.result });
      expect(outside.system.effects).toHaveLength(1);
    });

    test('is looked for less and less often, sent no second time though it has a key, and after minutes a person is asked', async () => {
      outside.system.idempotency = 'key';
      outside.system.code = { run: lost, reconcile: gone };
      const request = await approved();
      await execute(request);
      const pauses = [(await dueAgain(request)).seconds];
      let tookSeconds = 0;
      for (let look = 2; look <= 5; look += 1) {
        const beganMs = performance.now();
        await outside.executor.recover(NEVER);
        pauses.push((await dueAgain(request)).seconds);
        tookSeconds = (performance.now() - beganMs) / 1_000;
      }
      expect(pauses).toEqual(pauses.toSorted((one, other) => one - other));
      // What is left of its pause of 16 seconds once it was seen.
      expect(pauses.at(-1)).toBeLessThanOrEqual(16);
      expect(pauses.at(-1)).toBeGreaterThan(16 - tookSeconds);
      expect(outside.system.calls.map(({ call }) => call)).toEqual([
        'run',
        'run',
        ...Array(5).fill('reconcile'),
      ]);

      const longAgo = "clock_timestamp() - interval '11 minutes'";
      await database.owner.query(`update requests set looks_failing_since = ${longAgo} where id = $1`, [
        request.id,
      ]);
      await outside.executor.recover(NEVER);
      const after = await now(request);
      expect(after).toMatchObject({ state: 'unknown', result: { code: 'unknown_outcome' } });
      expect(after.result?.message).toContain('could not be looked for');
      expect(outside.system.finished).toHaveLength(1);
    });

    test('and it cannot be found once somebody can look, a person is asked at once', async () => {
      outside.system.code = { run: lost, reconcile: refusedWith(503) };
      const request = await approved();
      await execute(request);
      await dueAgain(request);
      outside.system.code = { reconcile: refusedWith(404) };
      await outside.executor.recover(NEVER);
      expect((await now(request)).state).toBe('unknown');
    });
  });

  test('that is found to go on elsewhere is followed', async () => {
    outside.system.code = {
      run: lost,
      reconcile: () => ({ kind: 'happened', outcome: { kind: 'running', handle: { run: 7 }, message: '' } }),
    };
    const request = await approved();
    await execute(request);
    expect(await now(request)).toMatchObject({ state: 'executing', handle: { run: 7 } });
    expect(outside.system.looks).toEqual([{ request: request.id, afterSeconds: 0 }]);
  });
});

describe('a stop in the middle', () => {
  test('leaves it executing, and whoever comes next goes by its intents', async () => {
    const stop = new AbortController();
    outside.system.code = {
      run: async ({ write }) => {
        await write('lost');
        stop.abort();
        throw new Crash();
      },
    };
    const request = await approved();
    await execute(request, stop.signal);
    expect((await now(request)).state).toBe('executing');
    expect(outside.system.finished).toEqual([]);
  });

  test('while it is looked for leaves it executing', async () => {
    const stop = new AbortController();
    outside.system.code = {
      run: async ({ write }) => {
        await write('lost');
        throw new Crash();
      },
      reconcile: () => {
        stop.abort();
        throw new Crash();
      },
    };
    const request = await approved();
    await execute(request, stop.signal);
    expect((await now(request)).state).toBe('executing');
  });
});

describe('what a dead process left behind', () => {
  async function left(withIntent: boolean, changes: Partial<StoredRequest> = {}) {
    const request = await approved(changes);
    const claim = (await database.db.transaction((tx) => claimApproved(tx, request, 'kernel-lite')))!;
    if (withIntent) {
      await commitIntent(database.db, claim, { method: 'POST', host: 'h', path: '/', bodySha256: 'ab' });
    }
    await database.db.query('update requests set lease_until = clock_timestamp() where id = $1', [
      request.id,
    ]);
    return { request, claim };
  }
  const recover = (signal = NEVER) => outside.executor.recover(signal);

  test('before any write runs again as the same execution, under the next fence', async () => {
    outside.system.code = { run: answering(DONE) };
    const { request, claim } = await left(false);
    expect(await recover()).toBe(1);
    expect(await now(request)).toMatchObject({ state: 'succeeded', fence: 2, execution: claim.execution });
    expect(outside.system.effects).toEqual([claim.execution]);
  });

  test('stays at the level that the log says of it, whatever the machine reaches by now', async () => {
    outside.system.code = { run: answering(DONE) };
    const { request } = await left(false);
    outside.system.level = 'kernel';
    await recover();
    expect(await now(request)).toMatchObject({ state: 'succeeded', level: 'kernel-lite' });
  });

  test('after a write of which certainly nothing has left begins again', async () => {
    outside.system.code = { run: answering(DONE) };
    const { request } = await left(true);
    await database.db.query('update intents set status = 0 where request = $1', [request.id]);
    await recover();
    expect(outside.system.calls.map(({ call }) => call)).toEqual(['run']);
    expect((await now(request)).state).toBe('succeeded');
  });

  test('is not taken over while its lease holds', async () => {
    const request = await approved();
    await database.db.transaction((tx) => claimApproved(tx, request, 'kernel'));
    expect(await recover()).toBe(0);
  });

  test.each([
    ['its code has changed', 'code_changed', { codeDigest: 'd0'.repeat(32) }],
    ['the machine isolates less', 'isolation_too_low', { level: 'none' }],
    ['its evidence is gone', 'a_code', { evidence: obstacle() }],
    ['policy denies it by now', 'a_code', { permitted: obstacle() }],
    ['its action is gone', 'action_gone', { isServed: false }],
  ] as const)('before any write does not run again when %s', async (_what, code, change) => {
    outside.system.code = { run: () => DONE };
    const { request } = await left(false);
    Object.assign(outside.system, change);
    await recover();
    expect(await now(request)).toMatchObject({ state: 'failed', result: { code } });
    expect(outside.system.calls).toEqual([]);
  });

  test('after a write, with a key, is sent again with the same', async () => {
    outside.system.idempotency = 'key';
    outside.system.code = { run: answering(DONE) };
    const { request, claim } = await left(true);
    await recover();
    expect((await now(request)).state).toBe('succeeded');
    expect(outside.system.effects).toEqual([claim.execution]);
  });

  test('after a write, with a key but by other code than was approved, is only looked for', async () => {
    outside.system.idempotency = 'key';
    outside.system.code = { run: () => DONE, reconcile: () => ({ kind: 'cannot_tell' }) };
    const { request } = await left(true);
    outside.system.codeDigest = 'd0'.repeat(32);
    await recover();
    expect(outside.system.calls.map((call) => call.call)).toEqual(['reconcile']);
    expect((await now(request)).state).toBe('unknown');
  });

  test('after a write, without a key, is looked for by its mark', async () => {
    outside.system.code = {
      reconcile: ({ job }) => ({
        kind: 'happened',
        outcome: { ...DONE, result: { code: 'found', message: job.mark } },
      }),
    };
    const { request, claim } = await left(true);
    await recover();
    expect(await now(request)).toMatchObject({
      state: 'succeeded',
      result: { code: 'found', message: `mark of ${claim.execution}` },
    });
  });

  test('after a write, by an action that is gone, asks a person', async () => {
    const { request } = await left(true);
    outside.system.isServed = false;
    await recover();
    expect((await now(request)).state).toBe('unknown');
  });

  test('while it was followed is followed on', async () => {
    const { request } = await left(true, { handle: { run: 1 } });
    await database.db.query(`update requests set handle = '{"run": 1}' where id = $1`, [request.id]);
    await recover();
    expect(outside.system.looks).toEqual([{ request: request.id, afterSeconds: 0 }]);
    expect(outside.system.calls).toEqual([]);
  });

  test('one that cannot be taken over does not keep the others from it', async () => {
    outside.system.code = { run: () => DONE };
    const [first, second] = [await left(false), await left(false)];
    outside.deps.permittedNow = async (_tx, request) => {
      if (request.id === first.request.id) throw new Error('broken');
      return { obstacle: null, evidence: null };
    };
    await expect(recover()).rejects.toThrow('broken');
    expect((await now(second.request)).state).toBe('succeeded');
    expect((await now(first.request)).state).toBe('executing');
  });

  test('of two that recover at once, one does', async () => {
    outside.system.code = { run: answering(DONE) };
    await left(false);
    await Promise.all([recover(), recover()]);
    expect(outside.system.effects).toHaveLength(1);
  });
});

describe('something that goes on elsewhere', () => {
  async function following() {
    outside.system.code = {
      run: () => ({ kind: 'running', handle: { at: 0 }, message: '' }),
      ...outside.system.code,
    };
    const request = await approved();
    await execute(request);
    return request;
  }
  const follow = (request: { id: RequestId }) => outside.executor.follow(request.id, NEVER);
  /** A run that has printed `text` and is over when `isOver` says so; a handle says how far a look had come. */
  const prints = (text: string, isOver: () => boolean) => {
    outside.system.code.follow = ({ job }) => {
      const from = Number(job.input.at);
      const seen = { output: text.slice(from), handle: { at: text.length } };
      return isOver()
        ? { kind: 'done', result: DONE.result, output: seen.output }
        : { kind: 'running', ...seen };
    };
  };

  test('is looked at until it has ended, and all of its output is shown once', async () => {
    let isOver = false;
    const request = await following();
    expect(outside.system.looks).toEqual([{ request: request.id, afterSeconds: 0 }]);
    prints('one two', () => isOver);
    await follow(request);
    await follow(request);
    expect(await now(request)).toMatchObject({ state: 'executing', output: 'one two', handle: { at: 7 } });
    isOver = true;
    prints('one two three', () => isOver);
    await follow(request);
    expect(await now(request)).toMatchObject({ state: 'succeeded', output: 'one two three' });
    expect(outside.system.phases).toEqual(['full', 'read-only', 'read-only', 'read-only']);
  });

  test('is held while a look at it takes longer than a claim holds by itself', async () => {
    const request = await following();
    const isLooking = Promise.withResolvers<void>();
    const answers = Promise.withResolvers<void>();
    outside.system.code.follow = async () => {
      isLooking.resolve();
      await answers.promise;
      return { kind: 'done', result: DONE.result, output: '' };
    };
    await database.db.query('update requests set lease_until = clock_timestamp() where id = $1', [
      request.id,
    ]);
    const looking = follow(request);
    await isLooking.promise;
    expect(await outside.executor.recover(NEVER)).toBe(0);
    answers.resolve();
    await looking;
    expect(await now(request)).toMatchObject({ state: 'succeeded', fence: 1 });
  });

  test('is looked at by nobody once another system serves its action', async () => {
    const request = await following();
    outside.system.code.follow = () => ({ kind: 'done', result: DONE.result, output: '' });
    await database.db.query(`update requests set connector = 'other' where id = $1`, [request.id]);
    await follow(request);
    expect(outside.system.calls.map(({ call }) => call)).toEqual(['run']);
    await database.db.query('update requests set lease_until = clock_timestamp() where id = $1', [
      request.id,
    ]);
    await outside.executor.recover(NEVER);
    expect((await now(request)).state).toBe('unknown');
  });

  test('looked at by two processes at once shows no output twice, running or ended', async () => {
    const other = outsideSystem(database.db, audit);
    for (const isOver of [false, true]) {
      const request = await following();
      prints('once', () => isOver);
      other.system.code = outside.system.code;
      await Promise.all([follow(request), other.executor.follow(request.id, NEVER)]);
      expect((await now(request)).output).toBe('once');
    }
    expect([...outside.system.finished, ...other.system.finished]).toHaveLength(1);
  });

  test('that ended between two looks is not shown twice by the slower one', async () => {
    const request = await following();
    const slow = Promise.withResolvers<void>();
    const isLooking = Promise.withResolvers<void>();
    const other = outsideSystem(database.db, audit);
    // This look began when nothing was printed yet, and answers with the end.
    other.system.code.follow = async () => {
      isLooking.resolve();
      await slow.promise;
      return { kind: 'done', result: DONE.result, output: 'one two' };
    };
    const slowLook = other.executor.follow(request.id, NEVER);
    await isLooking.promise;
    prints('one', () => false);
    await follow(request);
    slow.resolve();
    await slowLook;
    expect(await now(request)).toMatchObject({ state: 'executing', output: 'one' });
    expect(other.system.looks).toEqual([{ request: request.id, afterSeconds: 0 }]);
  });

  test.each([
    ['crashes', () => Promise.reject(new Crash())],
    ['answers in no agreed form', () => 'nonsense'],
  ])('is not believed to have ended by a look that %s', async (_what, look) => {
    const request = await following();
    outside.system.code.follow = look;
    await follow(request);
    expect((await now(request)).state).toBe('executing');
    expect(outside.system.looks).toHaveLength(2);
  });

  const couldNotLook = (code: string) => () => ({
    kind: 'failed',
    result: { code, message: 'Not now.' },
    output: '',
  });

  test.each(['rate_limited', 'upstream_unauthorized', 'circuit_open', 'paused', 'connection_failed'])(
    'is not believed to have failed by a look that ended with %s: that is about the way there',
    async (code) => {
      const request = await following();
      outside.system.code.follow = couldNotLook(code);
      await follow(request);
      expect((await now(request)).state).toBe('executing');
    },
  );

  test('is looked at less and less often while every look fails, and as before once one does not', async () => {
    const request = await following();
    outside.system.code.follow = couldNotLook('paused');
    for (let look = 0; look < 8; look++) await follow(request);
    const waits = () => outside.system.looks.slice(1).map((look) => look.afterSeconds);
    expect(waits()).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    const held = await database.db.one<{ held: boolean }>(
      `select lease_until > clock_timestamp() + interval '60 seconds' as held from requests where id = $1`,
      [request.id],
    );
    expect(held).toEqual({ held: true });
    prints('here', () => false);
    await follow(request);
    outside.system.code.follow = couldNotLook('paused');
    await follow(request);
    expect(waits().slice(-2)).toEqual([1, 1]);
  });

  /** Asked for, and last written to, so long ago. */
  const ago = (request: { id: RequestId }, seconds: number) =>
    database.db.transaction(async (tx) => {
      const since = `clock_timestamp() - make_interval(secs => $2)`;
      await tx.query(`update requests set created_at = ${since} where id = $1`, [request.id, seconds]);
      await tx.query(`update intents set created_at = ${since} where request = $1`, [request.id, seconds]);
    });
  const lastWait = () => outside.system.looks.at(-1)?.afterSeconds;

  test.each([
    [0, 1],
    // Some seconds pass until it is looked at.
    [45, 1],
    [61, 5],
    [9 * 60, 5],
    [11 * 60, 15],
    [59 * 60, 15],
    [61 * 60, 60],
    [24 * 60 * 60, 60],
  ])(
    'that began %i seconds ago is looked at again after %i, and is nobody else’s until then',
    async (age, pause) => {
      const request = await following();
      prints('here', () => false);
      await ago(request, age);
      await follow(request);
      expect(lastWait()).toBe(pause);
      const held = await database.db.one<{ held: boolean }>(
        `select lease_until > clock_timestamp() + make_interval(secs => $2) as held from requests where id = $1`,
        [request.id, pause],
      );
      expect(held).toEqual({ held: true });
    },
  );

  test('that is ours is looked at every second, however long it takes', async () => {
    outside.system.isBuiltIn = true;
    const request = await following();
    prints('here', () => false);
    await ago(request, 24 * 60 * 60);
    await follow(request);
    expect(lastWait()).toBe(1);
  });

  test('of which a look fails is not looked at sooner than if it had not', async () => {
    const request = await following();
    outside.system.code.follow = couldNotLook('paused');
    await ago(request, 11 * 60);
    for (let look = 0; look < 7; look++) await follow(request);
    expect(outside.system.looks.slice(1).map((look) => look.afterSeconds)).toEqual([
      15, 15, 15, 15, 16, 32, 60,
    ]);
  });

  test("is a person's to say after a day in which every look failed", async () => {
    const request = await following();
    outside.system.code.follow = couldNotLook('circuit_open');
    await follow(request);
    await database.db.query(
      `update requests set looks_failing_since = clock_timestamp() - interval '23 hours' where id = $1`,
      [request.id],
    );
    await follow(request);
    expect((await now(request)).state).toBe('executing');
    await database.db.query(
      `update requests set looks_failing_since = clock_timestamp() - interval '25 hours' where id = $1`,
      [request.id],
    );
    await follow(request);
    const ended = await now(request);
    expect(ended).toMatchObject({ state: 'unknown', result: { code: 'unknown_outcome' } });
    expect(ended.result?.message).toContain('look in ');
  });

  test('that failed has failed', async () => {
    const request = await following();
    outside.system.code.follow = () => ({
      kind: 'failed',
      result: { code: 'exit_1', message: 'No.', exitCode: 1 },
      output: 'boom',
    });
    await follow(request);
    expect(await now(request)).toMatchObject({ state: 'failed', output: 'boom', result: { exitCode: 1 } });
  });
});

describe('a preview', () => {
  const preview = () =>
    outside.executor.preview({
      governed: outside.deps.governed('ci.trigger')!,
      turn: '11111111-2222-4333-8444-555555555555' as never,
      request: '11111111-2222-4333-8444-555555555555' as never,
      args: {},
      requester: { id: alice, name: 'Alice' },
      least: 'kernel-lite',
      signal: NEVER,
    });

  test('resolves and pins, through a door for reads only', async () => {
    outside.system.code = { preview: () => PINNED };
    expect(await preview()).toEqual(PINNED);
    expect(outside.system.phases).toEqual(['read-only']);
  });

  test('refuses in the words of the author of the action', async () => {
    outside.system.code = { preview: () => ({ refused: 'There is no repository called wbe.' }) };
    await expect(preview()).rejects.toMatchObject({
      code: 'action_failed',
      message: 'There is no repository called wbe.',
    });
  });

  test.each([
    ['a crash', () => Promise.reject(new Crash())],
    ['another form', () => ({ ...PINNED, extra: 1 })],
    ['a refusal without words', () => ({ refused: '' })],
  ])('that cannot be is a failure in our words: %s', async (_what, code) => {
    outside.system.code = { preview: code };
    await expect(preview()).rejects.toMatchObject({ code: 'action_failed' });
  });
});
