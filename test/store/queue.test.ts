import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { createQueue, type Payload, type Queue } from '../../src/store/queue.ts';
import { QUEUE_CHANNEL } from '../../src/store/queue-schema.ts';
import { useDatabase as ownDatabase } from '../support/database.ts';

const t = ownDatabase();
const open: Queue[] = [];

async function queue(onError: (error: unknown) => void = console.error): Promise<Queue> {
  const made = await createQueue({ url: t.appUrl, onError });
  open.push(made);
  return made;
}

afterEach(async () => {
  for (const made of open.splice(0)) await made.stop({ timeoutMs: 0 });
});

/** A handler that keeps what it was given, and a promise of the first `count` payloads. */
function collector(count: number): {
  handler: (payload: Payload) => Promise<void>;
  done: Promise<Payload[]>;
} {
  const got: Payload[] = [];
  const { promise, resolve } = Promise.withResolvers<Payload[]>();
  return {
    done: promise,
    handler: async (payload) => {
      got.push(payload);
      if (got.length === count) resolve(got);
    },
  };
}

describe('a job', () => {
  test('of a committed transaction runs, of an undone one never does', async () => {
    const q = await queue();
    const { handler, done } = collector(1);
    await q.work('execute', { concurrency: 1 }, handler);
    const undone = t.db.transaction(async (tx) => {
      await q.send(tx, 'execute', { request: 'undone' });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    await t.db.transaction((tx) => q.send(tx, 'execute', { request: 'kept' }));
    expect(await done).toEqual([{ request: 'kept' }]);
    expect(
      await t.db.one(`SELECT count(*) AS jobs FROM pgboss.job WHERE data->>'request' = 'undone'`),
    ).toEqual({ jobs: 0 });
  });

  test('is not seen by a worker before its transaction commits', async () => {
    const q = await queue();
    const order: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    await q.work('follow', { concurrency: 1 }, async () => {
      order.push('ran');
      resolve();
    });
    await t.db.transaction(async (tx) => {
      await q.send(tx, 'follow', { request: 'r' });
      // A whole job of another transaction passes while this one is open.
      const other = collector(1);
      await q.work('deliver', { concurrency: 1 }, other.handler);
      await t.db.transaction((inner) => q.send(inner, 'deliver', { id: 'd' }));
      await other.done;
      order.push('committed');
    });
    await promise;
    expect(order).toEqual(['committed', 'ran']);
  });

  test('that fails is tried again and told which try it is; only a code of the failure is stored', async () => {
    const problems: unknown[] = [];
    const q = await queue((error) => problems.push(error));
    const tries: number[] = [];
    const { promise, resolve } = Promise.withResolvers<unknown>();
    await q.work('run', { concurrency: 1 }, async (_payload, _signal, attempt) => {
      tries.push(attempt.count);
      if (attempt.count === 1) throw new AppError('upstream_failed', 'the words of a person');
      // What the first try left stands there for as long as the second one runs.
      resolve(await t.db.maybe(`SELECT output::text AS stored FROM pgboss.job WHERE name = 'run'`));
    });
    await t.db.transaction((tx) => q.send(tx, 'run', { job: 'j' }));
    const row = await promise;
    expect(row).toEqual({ stored: expect.stringContaining('upstream_failed') });
    expect(JSON.stringify(row)).not.toContain('person');
    expect(tries).toEqual([1, 2]);
    expect(problems).toEqual([expect.objectContaining({ code: 'upstream_failed' })]);
  });

  test('whose payload carries more than names is a defect', async () => {
    const q = await queue();
    const sending = t.db.transaction((tx) => q.send(tx, 'turn', { text: 'x'.repeat(2_000) }));
    await expect(sending).rejects.toThrow('payload');
  });

  test('with the key of one that still waits is dropped; without a key none is', async () => {
    const q = await queue();
    await t.db.transaction(async (tx) => {
      for (const n of [1, 2])
        await q.send(tx, 'expire', { n }, { singletonKey: 'same', startAfterSeconds: 3_600 });
      for (const n of [3, 4]) await q.send(tx, 'expire', { n }, { startAfterSeconds: 3_600 });
    });
    const rows = await t.db.query(`SELECT data->'n' AS n FROM pgboss.job WHERE name = 'expire' ORDER BY 1`);
    expect(rows).toEqual([{ n: 1 }, { n: 3 }, { n: 4 }]);
  });
});

test('a backlog drains without waiting for the next poll', async () => {
  const q = await queue();
  // One a poll, which comes every second, would not be done when the test must be.
  const JOBS = 120;
  await t.db.transaction(async (tx) => {
    for (let n = 0; n < JOBS; n += 1) await q.send(tx, 'deliver', { n });
  });
  const { handler, done } = collector(JOBS);
  await q.work('deliver', { concurrency: 1 }, handler);
  expect(new Set((await done).map((payload) => payload.n)).size).toBe(JOBS);
});

test('a job that stands aside leaves its place to another, and takes one again before it goes on', async () => {
  const q = await queue();
  const answer = Promise.withResolvers<void>();
  const order: string[] = [];
  const { promise: all, resolve } = Promise.withResolvers<void>();
  await q.work('deliver', { concurrency: 1 }, async ({ n }, _signal, attempt) => {
    if (n === 'slow') {
      order.push('slow waits');
      await attempt.aside(() => answer.promise);
      order.push('slow goes on');
      resolve();
      return;
    }
    order.push(`${n} begins`);
    // The slow one may go on by now, and has to wait for this one's end.
    if (n === 'last') answer.resolve();
    await t.db.query('select 1');
    order.push(`${n} ends`);
  });
  for (const n of ['slow', 'other', 'last']) {
    await t.db.transaction((tx) => q.send(tx, 'deliver', { n }));
    await expect.poll(() => order.join()).toContain(n);
  }
  await all;
  expect(order).toEqual([
    'slow waits',
    'other begins',
    'other ends',
    'last begins',
    'last ends',
    'slow goes on',
  ]);
});

test('jobs are taken only once what is more urgent has gone first', async () => {
  const q = await queue();
  const urgent = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const ran: Payload[] = [];
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const giveWay = () => {
    asked.resolve();
    return urgent.promise;
  };
  await q.work('expire', { concurrency: 1, giveWay }, async (payload) => {
    ran.push(payload);
    resolve();
  });
  await t.db.transaction((tx) => q.send(tx, 'expire', { n: 1 }));
  await asked.promise;
  expect(ran).toEqual([]);
  urgent.resolve();
  await done;
  expect(ran).toEqual([{ n: 1 }]);
});

test('a new job is announced where we listen, with the name of its queue', async () => {
  const q = await queue();
  const heard = Promise.withResolvers<string>();
  const unlisten = await t.db.listen(QUEUE_CHANNEL, heard.resolve);
  await t.db.transaction((tx) => q.send(tx, 'remind', { n: 1 }));
  expect(await heard.promise).toBe('remind');
  await unlisten();
});

test('a stop waits for what runs, aborts what does not end, and that job runs again elsewhere', async () => {
  const first = await queue(() => undefined);
  const started = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  await first.work('execute', { concurrency: 1 }, async (_payload, signal) => {
    started.resolve();
    await once(signal, 'abort');
    aborted.resolve();
    throw new Error('stopped');
  });
  await t.db.transaction((tx) => first.send(tx, 'execute', { request: 'moved' }));
  await started.promise;
  await first.stop({ timeoutMs: 0 });
  await aborted.promise;
  const { handler, done } = collector(1);
  const second = await queue();
  await second.work('execute', { concurrency: 1 }, handler);
  expect(await done).toEqual([{ request: 'moved' }]);
});

test('a stop ends though others go on sending: news is no reason to wait in a circle', async () => {
  const q = await queue();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: free, resolve: release } = Promise.withResolvers<void>();
  await q.work('execute', { concurrency: 1 }, async () => {
    begin();
    await free;
  });
  await t.db.transaction((tx) => q.send(tx, 'execute', { request: 'slow' }));
  await begun;
  const other = await createQueue({ url: t.appUrl, onError: console.error, works: false });
  open.push(other);
  const stopped = q.stop({ timeoutMs: 20_000 });
  for (let more = 0; more < 5; more += 1) {
    await t.db.transaction((tx) => other.send(tx, 'execute', { request: `later ${more}` }));
    // A turn of the event loop, in which the news arrives: where there is none, nothing of this process runs any more.
    await new Promise((turn) => setTimeout(turn, 20));
  }
  release();
  await stopped;
  open.splice(open.indexOf(q), 1);
});

test('a job that ends while the stop waits is done, and does not run again', async () => {
  const q = await queue();
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  await q.work('deliver', { concurrency: 1 }, async () => {
    started.resolve();
    await finish.promise;
  });
  await t.db.transaction((tx) => q.send(tx, 'deliver', { id: 'last' }));
  await started.promise;
  const stopped = q.stop({ timeoutMs: 20_000 });
  finish.resolve();
  await stopped;
  expect(await t.db.one(`SELECT state::text FROM pgboss.job WHERE data->>'id' = 'last'`)).toEqual({
    state: 'completed',
  });
});

test('a job whose handler does not heed the abort is given back by the stop', async () => {
  const q = await queue(() => undefined);
  const started = Promise.withResolvers<void>();
  await q.work('deliver', { concurrency: 1 }, async () => {
    started.resolve();
    await new Promise<never>(() => undefined);
  });
  await t.db.transaction((tx) => q.send(tx, 'deliver', { id: 'stuck' }));
  await started.promise;
  await q.stop({ timeoutMs: 0 });
  expect(await t.db.one(`SELECT state::text FROM pgboss.job WHERE data->>'id' = 'stuck'`)).toEqual({
    state: 'retry',
  });
});

test('a worker that is killed in the middle of a job: another one runs the job again', async () => {
  const script = fileURLToPath(new URL('./queue-worker.ts', import.meta.url));
  const child = spawn(process.execPath, [script, t.appUrl], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const said: string[] = [];
  lines.on('line', (line) => said.push(line));
  const q = await queue();
  await t.db.transaction((tx) => q.send(tx, 'turn', { turn: 'killed' }));
  await expect.poll(() => said).toContain('{"turn":"killed"}');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const { handler, done } = collector(1);
  await q.work('turn', { concurrency: 1 }, handler);
  expect(await done).toEqual([{ turn: 'killed' }]);
});
