/**
 * From a person's click to the effect begun, in the composed assistant: what comes between is the durable queue, a
 * signed checkpoint over the approval, every check once more, and a fresh sandbox.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compose, type Running } from '../src/compose.ts';
import { createLog } from '../src/log.ts';
import type { PrincipalId, RequestId } from '../src/model/ids.ts';
import type { RequestView } from '../src/model/request.ts';
import type { DecisionKind } from '../src/model/turn.ts';
import { openDatabase } from '../src/store/postgres.ts';
import type { Bench, Context } from './bench.ts';
import { localConfig, stopWhenStarted, temporaryFolder } from './installation.ts';
import { tableOf, takeTurns, timed } from './measure.ts';
import { alice, ask, bob, decide, succeeded } from './requests.ts';

const ROUNDS = { rounds: 60, withinMs: 60_000, warmUp: 2 };
const HAND_OVER = 'bare hand-over: INSERT, NOTIFY, heard';
const TICKET = 'ticket.create';
const CHECKS = 'ci.trigger';

/** The sample job takes its time for show; what is asked here is how soon a job begins. */
function instantJob(context: Context): string {
  const file = join(temporaryFolder(context), 'jobs.yaml');
  const checks = { title: 'Checks', repositories: ['web'], environment: 'test', command: ['true'] };
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ jobs: { checks } }), { mode: 0o600 });
  return file;
}

/** A decision on stored rows and somebody woken by it: the least that any durable hand-over takes here. */
async function bareHandOver(context: Context, running: Running): Promise<() => Promise<number>> {
  const { access, db } = running.house.storage;
  const owner = openDatabase({ url: access.ownerUrl!, max: 1, onError: () => undefined });
  await owner.query('create table bench_decisions (id uuid primary key)');
  await owner.query('grant insert on bench_decisions to countersign_app');
  await owner.close();
  let heard = Promise.withResolvers<void>();
  const stop = await db.listen('bench', () => heard.resolve());
  context.defer(stop);
  return () =>
    timed(async () => {
      heard = Promise.withResolvers();
      await db.transaction(async (tx) => {
        await tx.query('insert into bench_decisions values ($1)', [crypto.randomUUID()]);
        await tx.query(`select pg_notify('bench', 'x')`);
      });
      await heard.promise;
    });
}

/** When the executor committed its start, and the intent of its first write, by this machine's clock. */
async function begun(running: Running, id: RequestId): Promise<{ startedAt: number; writingAt: number }> {
  const { db } = running.house.storage;
  const entry = await db.one<{ body: string }>(
    `select body from audit_entries where request = $1 and type = 'execution.started'`,
    [id],
  );
  const intent = await db.one<{ at: number }>(
    'select (extract(epoch from min(created_at)) * 1000)::float8 as at from intents where request = $1',
    [id],
  );
  return { startedAt: Date.parse((JSON.parse(entry.body) as { time: string }).time), writingAt: intent.at };
}

export const click: Bench = {
  name: 'click',
  about: 'the click that approves to the effect begun, beside a bare hand-over in the same database',
  async run(context) {
    const config = { ...localConfig(context), jobsFile: instantJob(context) };
    const composing = compose(config, createLog('error'), () => null);
    stopWhenStarted(context, composing, (started) => started.stop());
    const running = await composing;
    await running.start();
    const nothingYet = () => new Map<string, number[]>([HAND_OVER, TICKET, CHECKS].map((what) => [what, []]));
    const [deciding, starting] = [nothingYet(), nothingYet()];
    const clicked = async (
      what: string,
      round: number,
      view: RequestView,
      by: PrincipalId,
      as: DecisionKind,
    ) => {
      const clickedAt = performance.timeOrigin + performance.now();
      await decide(running, view, by, as);
      const decidedMs = performance.timeOrigin + performance.now() - clickedAt;
      await succeeded(running, view.id);
      const { startedAt, writingAt } = await begun(running, view.id);
      if (round >= 0) {
        deciding.get(what)!.push(decidedMs);
        starting.get(what)!.push(startedAt - clickedAt);
      }
      return writingAt - clickedAt;
    };
    const handOver = await bareHandOver(context, running);
    const writing = await takeTurns(
      [
        {
          what: HAND_OVER,
          async once(round) {
            const ms = await handOver();
            for (const into of round < 0 ? [] : [deciding, starting]) into.get(HAND_OVER)!.push(ms);
            return ms;
          },
        },
        {
          what: TICKET,
          async once(round) {
            const view = await ask(running, 'the VPN is down for the Berlin office, please open a ticket');
            return clicked(TICKET, round, view, alice, 'confirm');
          },
        },
        {
          what: CHECKS,
          async once(round) {
            const view = await ask(running, 'ci trigger repo=web ref=main job=checks');
            return clicked(CHECKS, round, view, bob, 'approve');
          },
        },
      ],
      ROUNDS,
    );
    return [
      tableOf('Click to decided', 'ms', HAND_OVER, deciding),
      tableOf('Click to execution.started', 'ms', HAND_OVER, starting, [
        'For ci.trigger the pinned commit is looked up again in between, in a sandbox of its own.',
      ]),
      tableOf('Click to first write', 'ms', HAND_OVER, writing, [
        `The write's intent is committed; sandboxes at level ${running.isolation.level}. ticket.create needs its requester's click only, ci.trigger that of somebody on call.`,
      ]),
    ];
  },
};
