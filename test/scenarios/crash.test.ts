import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RequestView } from '../../src/model/request.ts';
import {
  type Home,
  holdAt,
  LEVELS,
  makeHome,
  runCommand,
  settles,
  spawnAssistant,
} from '../support/assistant.ts';
import { useDatabase } from '../support/database.ts';

/** In the job's command line, so that what is left of it would be found; one a level. */
const markOf = (level: string) => `countersign-crash-${level}-${process.pid}`;
const jobsOf = (mark: string) => `
jobs:
  patient:
    title: A job that takes its time
    repositories: [web]
    environment: test
    command: [sh, patient, ${mark}]
    limits: {seconds: 120, memoryMb: 128, outputKb: 256, processes: 16, scratchMb: 32}
`;
const PATIENT = 'echo "begun"\nsleep 100\n';

type Assistant = Awaited<ReturnType<typeof spawnAssistant>>;

describe.each(LEVELS)('killed with -9, at level $level', ({ level, skip }) => {
  if (skip) return it.skip('needs bubblewrap');
  const mark = markOf(level);
  const database = useDatabase();
  let home: Home;
  let assistant!: Assistant;
  let letGo: () => Promise<void> = async () => undefined;

  beforeAll(async () => {
    home = makeHome({ jobs: jobsOf(mark), files: { patient: PATIENT } });
    assistant = await spawnAssistant(home, { database, level });
  });
  afterEach(() => letGo());
  afterAll(async () => {
    // Absent where the start failed, which is then what is told.
    await assistant?.stop();
    home.remove();
  });

  async function hold(what: Parameters<typeof holdAt>[1]) {
    const held = await holdAt(database, what);
    letGo = async () => {
      letGo = async () => undefined;
      await held.release();
      await held.remove();
    };
    return held;
  }

  const tickets = async (title: string) =>
    (await database.owner.query('select 1 from desk_tickets where title = $1', [title])).length;
  const types = async (request: RequestView): Promise<string[]> => {
    const rows = await database.db.query<{ type: string }>(
      `select e.type from audit_leaves l join audit_entries e on e.id = l.entry_id where e.request = $1 order by l.index`,
      [request.id],
    );
    return rows.map((row) => row.type);
  };

  /** Said through HTTP; what is asked for is known from the database, as nobody answers any more. */
  async function asked(text: string): Promise<RequestView> {
    assistant.say('alice', text).catch(() => undefined);
    const id = await settles(async () => {
      const row = await database.db.maybe<{ id: string }>(
        "select id from requests where state = 'executing' and arguments::text like $1",
        [`%${text.match(/title="(.*)"/)![1]}%`],
      );
      return row?.id ?? null;
    }, 'the request is claimed');
    return assistant.view(id);
  }

  /** The dead process, then another one that finds the lease over. */
  async function crashAndBegin(): Promise<void> {
    await assistant.crash();
    await letGo();
    await database.owner.query(
      "update requests set lease_until = clock_timestamp() - interval '1 second' where state = 'executing'",
    );
    await database.owner.query(
      "update ci_runs set lease_until = clock_timestamp() - interval '1 second' where state = 'running'",
    );
    assistant = await spawnAssistant(home, { database, level });
  }

  /** Says at which level it ran, besides. */
  async function logVerifies(): Promise<void> {
    const started = await database.db.query<{ body: string }>(
      "select body from audit_entries where type = 'execution.started'",
    );
    const levels = started.map(({ body }) => (JSON.parse(body) as { data: { level: string } }).data.level);
    expect(new Set(levels)).toEqual(new Set([level]));
    expect(await runCommand(home, database, 'audit', 'verify')).toMatchObject({ exit: 0 });
  }

  it('before the effect left, it runs again and happens once', async () => {
    const held = await hold({ table: 'intents', on: 'insert' });
    const request = await asked('ticket create title="Killed before"');
    await held.reached();
    expect(await tickets('Killed before')).toBe(0);

    await crashAndBegin();

    expect((await assistant.until(request, 'succeeded')).result).toMatchObject({ code: 'done' });
    expect(await tickets('Killed before')).toBe(1);
    await settles(async () => (await types(request)).includes('execution.finished'), 'the end has its place');
    expect((await types(request)).filter((type) => type.startsWith('execution.'))).toEqual([
      'execution.started',
      'execution.finished',
    ]);
    await logVerifies();
  });

  it('after the effect and before it was recorded, it is sent again with its key and happens once', async () => {
    const held = await hold({ table: 'intents', on: 'update' });
    const request = await asked('ticket create title="Killed after"');
    await held.reached();
    expect(await tickets('Killed after'), 'it has happened').toBe(1);
    expect(await types(request)).not.toContain('egress.called');

    await crashAndBegin();

    expect((await assistant.until(request, 'succeeded')).result?.message).toMatch(/T-\d+/);
    expect(await tickets('Killed after')).toBe(1);
    const intents = await database.owner.query('select status from intents where request = $1', [request.id]);
    expect(intents.map((intent) => intent.status).sort()).toEqual([200, null]);
    await logVerifies();
  });

  it('before a claim, and before an answer, what was acknowledged goes on by itself', async () => {
    const claim = await holdAt(database, {
      table: 'requests',
      on: 'update',
      when: "new.state = 'executing'",
    });
    assistant.say('alice', 'ticket create title="Killed before the claim"').catch(() => undefined);
    await claim.reached();
    const answer = await holdAt(database, { table: 'requests', on: 'insert' });
    assistant.say('alice', 'ticket create title="Killed before the answer"').catch(() => undefined);
    await answer.reached();

    await assistant.crash();
    for (const held of [claim, answer]) {
      await held.release();
      await held.remove();
    }
    expect(await database.db.query("select 1 from turns where state = 'received'")).toHaveLength(1);
    expect(await database.db.query("select 1 from requests where state = 'approved'")).toHaveLength(1);
    expect(await tickets('Killed before the claim')).toBe(0);

    // Nothing is helped along: the dead process's jobs are handed out again when they are missed.
    assistant = await spawnAssistant(home, { database, level });
    await settles(async () => (await tickets('Killed before the claim')) === 1, 'the first ticket is there');
    await settles(
      async () => (await tickets('Killed before the answer')) === 1,
      'the second ticket is there',
    );
    expect(await database.db.query("select 1 from turns where state = 'received'")).toEqual([]);
    await logVerifies();
  });

  it('while a CI job runs, the job dies with it and has failed', async () => {
    const said = await assistant.say('alice', 'ci trigger repo=web ref=main job=patient');
    const [request] = said.body.requests as [RequestView];
    await assistant.decide('bob', request, 'approve');
    await settles(
      async () =>
        (await database.db.query("select 1 from ci_run_output where content like '%begun%'")).length > 0,
      'the job prints',
    );
    expect(processesWith(mark)).not.toEqual([]);

    await crashAndBegin();

    await settles(async () => processesWith(mark).length === 0, 'nothing of the job is left');
    const ended = await assistant.until(request, 'failed');
    expect(ended.result).toMatchObject({ code: 'runner_interrupted' });
    await logVerifies();
  });
});

/** Process ids whose command line holds this. */
function processesWith(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((id) => {
      try {
        return readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(text);
      } catch {
        // It has ended while we looked.
        return false;
      }
    });
}
