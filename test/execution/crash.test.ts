/**
 * Two executors on one database, killed with -9 at every step of an execution, hundreds of times, while requests keep coming:
 * none runs twice, none is lost, and only where nobody can know does a request become `unknown`.
 */
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { deriveKeys, newMasterKey, newSigningKey } from '../../src/audit/keys.ts';
import { bundleOperations } from '../../src/execution/sandbox/bundle.ts';
import type { RequestState } from '../../src/model/request.ts';
import { createQueue, type Queue } from '../../src/store/queue.ts';
import { createSenders } from '../../src/workers.ts';
import { storeRequest } from '../support/core.ts';
import { useDatabase } from '../support/database.ts';
import { crashingExecutors } from './crash/executors.ts';
import { KINDS, type Kind } from './crash/kinds.ts';
import { startOutside } from './crash/outside.ts';

/** How many die. `CRASHES=2000 npx vitest run test/execution/crash.test.ts` goes on for longer. */
const CRASHES = Number(process.env.CRASHES ?? 200);
const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
/** Requests that can be begun at any moment, so that a step always has somebody who comes by; and all that have not ended. */
const WAITING = 8;
const IN_FLIGHT = 80;
/** Leases of 15 s that were taken over from one another, and the net under lost jobs of 60 s; only what is lost takes longer: in milliseconds. */
const DRAINS_WITHIN_MS = 300_000;
/** Of a hundred kills: a tenth is to be for no step; of the others nearly all come by one that is wanted. */
const ANYWHERE_AT_MOST_PERCENT = 30;
/** A crash takes a process start, several times longer on a machine with other work. In milliseconds. */
vi.setConfig({ testTimeout: 2 * DRAINS_WITHIN_MS + CRASHES * 10_000, hookTimeout: 120_000 });

const database = useDatabase();
const kinds = Object.keys(KINDS) as Kind[];
let queue: Queue;
let outside: Awaited<ReturnType<typeof startOutside>>;
let executors: ReturnType<typeof crashingExecutors>;

beforeAll(async () => {
  const module = fileURLToPath(new URL('./crash/kinds.ts', import.meta.url));
  const bundle = (await bundleOperations({ modules: [{ name: 'crash-kinds', module }] })).get('crash-kinds')!;
  const keys = deriveKeys(newMasterKey(), newSigningKey());
  outside = await startOutside(2);
  queue = await createQueue({ url: database.appUrl, onError: console.error, works: false });
  executors = crashingExecutors(
    {
      url: database.appUrl,
      macKey: keys.macKey.toString('base64'),
      wrapKey: keys.wrapKey.toString('base64'),
      bundle,
    },
    (slot) => `http://127.0.0.1:${outside.portOf(slot)}`,
    SEED,
  );
  outside.onMoment((slot, moment) => executors.dieAt(slot, moment));

  const send = createSenders(queue);
  ask = async () => {
    const kind = kinds[asked % kinds.length]!;
    asked += 1;
    const request = await storeRequest(database.db, {
      action: `crash.${kind}`,
      connector: 'outside',
      state: 'approved',
      risk: 'low',
      confirmedAt: new Date(),
      preview: null,
      codeDigest: bundle.sha256,
      expiresAt: new Date(Math.floor(Date.now() / 1000) * 1000 + 3_600_000),
    });
    await database.db.transaction((tx) => send.execute(tx, request.id));
  };
});
afterAll(async () => {
  await executors?.stop();
  await queue?.stop();
  await outside?.stop();
});

/** For what the database tells nobody: asked until it is so, and otherwise what is still open is told. */
async function waitUntil(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DRAINS_WITHIN_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline)
      throw new Error(
        `still open after ${DRAINS_WITHIN_MS} ms: ${JSON.stringify(await stillOpen(), null, 1)}`,
      );
    await setTimeout(50);
  }
}

let asked = 0;
let ask: () => Promise<void>;

const open = (): Promise<{ waiting: number; all: number }> =>
  database.db.one(
    `select (count(*) filter (where state = 'approved'))::int as waiting, count(*)::int as all
     from requests where state in ('approved', 'executing')`,
  );

const stillOpen = () =>
  database.owner.query(
    `select r.id, r.action, r.state, r.fence, r.handle, r.lease_until::text, clock_timestamp()::text as now, r.created_at::text,
       (select count(*)::int from intents i where i.request = r.id) as writes,
       (select json_agg(json_build_object('queue', j.name, 'state', j.state, 'tries', j.retry_count, 'after', j.start_after))
        from pgboss.job j where j.data->>'request' = r.id::text) as jobs
     from requests r where r.state in ('approved', 'executing') order by r.created_at`,
  );

type Ended = {
  id: string;
  kind: Kind;
  mark: string;
  state: RequestState;
  code: string;
  fence: number;
  finished: number;
  writes: number;
};
const ended = () =>
  database.owner.query<Ended>(
    `select r.id, split_part(r.action, '.', 2) as kind, r.execution as mark, r.state, r.result->>'code' as code, r.fence,
       (select count(*)::int from audit_entries e where e.request = r.id::text and e.type = 'execution.finished') as finished,
       (select count(*)::int from intents i where i.request = r.id) as writes
     from requests r order by r.created_at`,
  );

const effectsOf = ({ mark }: Ended): number[] =>
  ['keyed', 'second', 'natural', 'marked', 'blind'].flatMap(
    (path) => outside.effects.get(`${path} ${mark}`) ?? [],
  );

test(`${CRASHES} crashes of two executors: nothing runs twice, nothing is lost`, async () => {
  let isCrashing = true;
  const crashing = executors.run(CRASHES).finally(() => {
    isCrashing = false;
  });
  const feeding = (async () => {
    const missing = async (): Promise<number> => {
      const { waiting, all } = await open();
      return Math.min(WAITING - waiting, IN_FLIGHT - all);
    };
    while (isCrashing) {
      for (let more = await missing(); more > 0; more -= 1) await ask();
      await setTimeout(50);
    }
  })();
  await Promise.all([crashing, feeding]);
  await waitUntil(async () => (await open()).all === 0);

  const requests = await ended();
  const wrong: string[] = [];
  for (const request of requests) {
    const { effects, mayBeUnknown } = KINDS[request.kind];
    const happened = effectsOf(request);
    const times = happened.reduce((sum, count) => sum + count, 0);
    const says = (what: string): void =>
      void wrong.push(`${what}: ${JSON.stringify({ ...request, happened })}`);
    if (happened.some((count) => count > 1)) says('ran twice');
    if (request.finished !== 1) says('ended more or less than once in the log');
    if (request.state === 'succeeded' && times !== effects) says('succeeded without its effect');
    if (request.state === 'failed' && times !== 0) says('failed and had an effect');
    if (request.state === 'unknown' && !(mayBeUnknown && request.writes > 0)) says('unknown without need');
    if (request.state === 'unknown' && request.kind === 'marked' && times > 0)
      says('unknown though its mark is there');
  }
  report(requests);
  expect(wrong).toEqual([]);
  expect(executors.total()).toBeGreaterThanOrEqual(CRASHES);
  expect(executors.missed()).toEqual([]);
  expect(executors.anywhere()).toBeLessThanOrEqual((executors.total() * ANYWHERE_AT_MOST_PERCENT) / 100);
  expect(new Set(requests.map((request) => request.state))).toContain('unknown');
});

/** The count, for whoever reads the run. */
function report(requests: readonly Ended[]): void {
  const states = Object.entries(Object.groupBy(requests, ({ kind, state }) => `${kind} ${state}`)).sort();
  const again = requests.filter(({ fence }) => fence > 1).length;
  console.log(
    [
      `seed ${SEED}: ${executors.total()} kills -9 at ${executors.kills.size} steps, ${requests.length} requests, ${again} of them taken over`,
      ...states.map(([what, some]) => `  ${String(some?.length).padStart(5)} ${what}`),
      ...[...executors.kills]
        .sort()
        .map(([step, died]) => `  ${String(died).padStart(5)} killed at: ${step}`),
      `  ${String(executors.anywhere()).padStart(5)} killed wherever it was`,
    ].join('\n'),
  );
}
