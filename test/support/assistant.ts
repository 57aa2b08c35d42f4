/**
 * The whole product for scenario tests: everything that `main.ts` composes, on a database of the test's own, with the
 * files that decide (people, policies, jobs) as copies that a test may change. Nothing in here is a stand-in.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import { makeSampleRepository } from '../../actions/systems/sample-repository.ts';
import { CHECKPOINT_FILE, readCheckpointFile } from '../../src/audit/checkpoint-file.ts';
import { verifyDatabase } from '../../src/audit/verify-database.ts';
import { type ComposeOptions, compose, type Running } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { type MessageId, newId, type PrincipalId, RequestId, ThreadId } from '../../src/model/ids.ts';
import type { DecisionOutcome } from '../../src/model/ports.ts';
import type { RequestState, RequestView } from '../../src/model/request.ts';
import type { Content, DecisionKind } from '../../src/model/turn.ts';
import { type TestDatabase, useDatabase } from './database.ts';
import { needs } from './needs.ts';

const at = (relative: string): string => fileURLToPath(new URL(`../../${relative}`, import.meta.url));

/** Both levels that isolate; `skip` where this machine lacks what the level needs. */
export const LEVELS = [
  { level: 'kernel' as const, skip: needs('bwrap').skip },
  { level: 'kernel-lite' as const, skip: false },
];
export type Level = (typeof LEVELS)[number]['level'];

/** Longest wait for anything that a test waits for, in milliseconds: a machine with two cores, and much else to do. */
const PATIENCE_MS = 120_000;
// A story has several waits, and a process that is started anew takes seconds by itself.
vi.setConfig({ testTimeout: 3 * PATIENCE_MS, hookTimeout: 3 * PATIENCE_MS });
/** How often the database is asked who waits for whom; there is no event for that. */
const LOOK_EVERY_MS = 20;

export type Entry = {
  type: string;
  turn?: string;
  request?: string;
  principal?: string;
  data?: Record<string, unknown>;
  sealed?: unknown;
};

export type Said = { turn: string; thread: ThreadId; reply: string; requests: RequestView[] };

/** A folder with copies of everything that a configuration names, and the configuration that names it. */
export function makeHome(options: { jobs?: string; files?: Record<string, string>; extra?: string } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-scenario-'));
  const file = (name: string): string => join(folder, name);
  cpSync(at('samples/people.yaml'), file('people.yaml'));
  cpSync(at('policies'), file('policies'), { recursive: true });
  if (options.jobs === undefined) cpSync(at('samples/jobs.yaml'), file('jobs.yaml'));
  else writeFileSync(file('jobs.yaml'), options.jobs);
  cpSync(at('samples/web'), file('web'), { recursive: true });
  for (const [name, content] of Object.entries(options.files ?? {}))
    writeFileSync(join(file('web'), name), content);
  writeFileSync(
    file('countersign.yaml'),
    [
      'people: people.yaml',
      'policies: policies',
      'jobs: jobs.yaml',
      'repositories: {web: web.git}',
      // A story is told faster than people type.
      'limits: {turns_per_minute: 10000, requests_per_action_per_hour: 10000}',
      options.extra ?? '',
    ].join('\n'),
  );
  return {
    folder,
    file,
    /** Changes one of the files that decide. */
    edit(name: string, change: (text: string) => string): void {
      const before = readFileSync(file(name), 'utf8');
      const after = change(before);
      expect(after, `${name} was changed`).not.toBe(before);
      writeFileSync(file(name), after);
    },
    repository: () => makeSampleRepository(file('web'), file('web.git')),
    environment: (database: { appUrl: string; ownerUrl: string } | null): Record<string, string> => ({
      COUNTERSIGN_CONFIG: file('countersign.yaml'),
      COUNTERSIGN_DATA: file('data'),
      LOG_LEVEL: 'fatal',
      ...(database === null ? {} : { DATABASE_URL: database.appUrl, DATABASE_OWNER_URL: database.ownerUrl }),
    }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
export type Home = ReturnType<typeof makeHome>;

export type Options = {
  level?: Level;
  jobs?: string;
  /** More files of the repository `web`. */
  files?: Record<string, string>;
  /** More lines of countersign.yaml. */
  extra?: string;
  environment?: Record<string, string>;
  /** Changes the files, or runs commands on them, before anything starts. */
  prepare?: (home: Home) => void | Promise<void>;
  /** How isolation is established, besides the level. */
  isolation?: Omit<ComposeOptions, 'strongest'>;
};

/** Composes and starts the product in this process, on a database that is there already. */
export async function startAssistant(database: TestDatabase, options: Options = {}) {
  const home = makeHome(options);
  await home.repository();
  await options.prepare?.(home);
  return startIn(home, database, options);
}

/** The same place and database again, after a stop. */
export async function startIn(home: Home, database: TestDatabase, options: Options = {}) {
  const config = readConfig({ ...home.environment(database), ...options.environment }, home.folder);
  const running = await compose(config, createLog(config.logLevel), () => null, {
    ...options.isolation,
    strongest: options.level ?? 'kernel-lite',
  });
  expect(running.isolation.level).toBe(options.level ?? 'kernel-lite');
  await running.start();
  return { ...conversation(running, database), home, running, database };
}

/** For a `describe`: a database and the product on it, stopped and removed at the end. */
export function useAssistant(options: Options = {}) {
  const database = useDatabase();
  let started: Awaited<ReturnType<typeof startAssistant>> | null = null;
  beforeAll(async () => {
    started = await startAssistant(database, options);
  });
  afterAll(async () => {
    await started?.running.stop();
    started?.home.remove();
  });
  return () => {
    if (started === null) throw new Error('useAssistant(): it is there inside tests and hooks only.');
    return started;
  };
}
export type TestAssistant = Awaited<ReturnType<typeof startAssistant>>;

/** What people do and see, in process. */
function conversation({ assistant, house }: Running, database: TestDatabase) {
  const account = (person: string) => ({ platform: 'web' as const, issuer: 'local', subject: person });
  const placeOf = (person: string, thread: string) => ({
    platform: 'web' as const,
    tenant: 'local',
    container: person,
    thread,
    direct: true,
  });

  const deliver = (person: string, content: Content, thread: string, key: string) =>
    assistant.receive({ key, account: account(person), place: placeOf(person, thread), content });

  const send = async (person: string, content: Content, thread: string, key: string): Promise<Said> => {
    const received = await deliver(person, content, thread, key);
    const outcome = await assistant.outcome(received.turn, PATIENCE_MS);
    expect(outcome.settled, `the turn of ${person} is answered`).toBe(true);
    const views = await Promise.all(outcome.requests.map((id) => assistant.request(id)));
    return { ...received, reply: outcome.reply, requests: views.filter((view) => view !== null) };
  };

  /** Runs `look` now and after every change until it answers something. */
  const eventually = <T>(look: () => Promise<T | null | undefined | false>, what: string): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const end = (finish: () => void): void => {
        clearTimeout(timer);
        stop();
        finish();
      };
      const check = (): void => {
        look().then(
          (found) => found !== null && found !== undefined && found !== false && end(() => resolve(found)),
          (error: unknown) => end(() => reject(error)),
        );
      };
      const stop = assistant.onChange(check);
      const timer = setTimeout(() => end(() => reject(new Error(`waited in vain: ${what}`))), PATIENCE_MS);
      check();
    });

  const view = async (id: string): Promise<RequestView> => {
    const found = await assistant.request(RequestId.parse(id));
    if (found === null) throw new Error('there is no such request');
    return found;
  };

  const decide = async (
    person: string,
    request: RequestView,
    decision: DecisionKind,
    more: { reason?: string; digest?: string } = {},
  ): Promise<DecisionOutcome> =>
    assistant.decide({
      key: crypto.randomUUID(),
      request: request.id,
      principal: person as PrincipalId,
      decision,
      digest: more.digest ?? request.digest,
      ...(more.reason === undefined ? {} : { reason: more.reason }),
    });

  /** The whole log once every entry has its place; it must verify, always. */
  const verifiedLog = async (): Promise<Entry[]> => {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const notes = await readCheckpointFile(join(house.config.dataFolder, CHECKPOINT_FILE));
      const found = await verifyDatabase({
        sql: database.db,
        keys: [house.keys.signer],
        notes,
        macKey: house.keys.macKey,
      });
      if (!found.ok) throw new Error(`the log does not verify: ${found.problems[0]?.message}`);
      if (found.pending === 0) break;
      expect(performance.now(), 'every entry gets its place').toBeLessThan(deadline);
      await later(LOOK_EVERY_MS);
    }
    const rows = await database.db.query<{ body: string }>(
      'select e.body from audit_leaves l join audit_entries e on e.id = l.entry_id order by l.index',
    );
    return rows.map((row) => JSON.parse(row.body) as Entry);
  };

  /** Everything the log says of a request and of the turn that led to it. */
  const entries = async (request: { id: string }): Promise<Entry[]> => {
    const all = await verifiedLog();
    const turn = all.find((entry) => entry.request === request.id)?.turn;
    return all.filter((entry) => entry.request === request.id || (turn !== undefined && entry.turn === turn));
  };

  return {
    assistant,
    deliver: (person: string, content: Content, thread: string = newId(ThreadId), key: string = fresh()) =>
      deliver(person, content, thread, key),
    say: (person: string, text: string, thread: string = newId(ThreadId), key: string = fresh()) =>
      send(person, { kind: 'message', text, fetched: [] }, thread, key),
    press: (
      person: string,
      content: Exclude<Content, { kind: 'message' | 'form' }>,
      thread: string = newId(ThreadId),
    ) => send(person, content, thread, fresh()),
    submit: (
      person: string,
      action: string,
      args: Record<string, unknown>,
      thread: string = newId(ThreadId),
      message?: MessageId,
    ) => {
      const content: Content = { kind: 'form', action, arguments: args, ...(message ? { message } : {}) };
      return send(person, content, thread, fresh());
    },
    /** One request out of a message; anything else fails the test. */
    async ask(person: string, text: string, thread?: string): Promise<RequestView> {
      const said = await send(
        person,
        { kind: 'message', text, fetched: [] },
        thread ?? newId(ThreadId),
        fresh(),
      );
      expect(said.requests, said.reply).toHaveLength(1);
      return said.requests[0]!;
    },
    decide,
    /** The decision counts; answers the request as it stands afterwards. */
    async done(
      person: string,
      request: RequestView,
      decision: DecisionKind,
      more: { reason?: string } = {},
    ): Promise<RequestView> {
      const outcome = await decide(person, request, decision, more);
      if (outcome.kind !== 'done')
        throw new Error(`${decision} by ${person} did not count: ${outcome.message}`);
      return outcome.request;
    },
    view,
    until: (request: { id: string }, ...states: RequestState[]): Promise<RequestView> =>
      eventually(
        async () => {
          const now = await view(request.id);
          if (states.includes(now.state)) return now;
          if (ENDED.has(now.state)) {
            throw new Error(`it ended as ${now.state}: ${now.result?.code} ${now.result?.message}`);
          }
          return null;
        },
        `${request.id} becomes ${states.join(' or ')}`,
      ),
    eventually,
    entries,
    /** The entries' types in order; what repeats at once (looks, pieces) is one. */
    async story(request: { id: string }): Promise<string[]> {
      const types = (await entries(request)).map((entry) => entry.type);
      return types.filter((type, index) => type !== types[index - 1]);
    },
    verifiedLog,
    tickets: () =>
      database.owner.query<{ number: number; title: string }>(
        'select number, title from desk_tickets order by number',
      ),
  };
}

const ENDED = new Set<RequestState>(['denied', 'expired', 'cancelled', 'succeeded', 'failed', 'unknown']);

export const fresh = (): string => `test:${crypto.randomUUID()}`;

export const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks until it is so; for what the database or another process tells nobody. */
export async function settles<T>(look: () => Promise<T | null | false>, what: string): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== null && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await later(LOOK_EVERY_MS);
  }
}

let holds = 0;

/**
 * A place at which every process stops: rows that are written so wait for a lock that the test holds. `when` is SQL
 * over `new`. Made by the owner of the schema, as nothing in the product knows of it.
 */
export async function holdAt(
  database: TestDatabase,
  what: { table: string; on: 'insert' | 'update'; when?: string },
) {
  holds += 1;
  const [name, key] = [`test_hold_${holds}`, 471_100 + holds];
  const holder = new pg.Client({ connectionString: database.ownerUrl });
  // The database goes with the test, and a failed test leaves it connected.
  holder.on('error', () => undefined);
  await holder.connect();
  await holder.query('select pg_advisory_lock($1)', [key]);
  await database.owner.query(
    `create function ${name}() returns trigger language plpgsql as
       $$ begin perform pg_advisory_xact_lock(${key}); return new; end $$`,
  );
  await database.owner.query(
    `create trigger ${name} before ${what.on} on ${what.table} for each row
       ${what.when === undefined ? '' : `when (${what.when})`} execute function ${name}()`,
  );
  return {
    /** Resolves once somebody stands there. */
    reached: () =>
      settles(
        async () =>
          (
            await database.owner.query(
              `select 1 from pg_locks where locktype = 'advisory' and objid = $1 and not granted`,
              [key],
            )
          ).length > 0,
        `somebody stops at ${what.on} of ${what.table}`,
      ),
    /** Whoever stands there goes on; later ones stop again until `remove`. */
    release: async (): Promise<void> => {
      await holder.query('select pg_advisory_unlock_all()');
    },
    /** The place is one like any other again. */
    async remove(): Promise<void> {
      await holder.end();
      await database.owner.query(`drop trigger ${name} on ${what.table}`);
      await database.owner.query(`drop function ${name}()`);
    },
  };
}

export type SpawnOptions = {
  /** Null: the embedded server, in the home's data folder. */
  database: { appUrl: string; ownerUrl: string } | null;
  environment?: Record<string, string>;
  program?: string;
  arguments?: readonly string[];
  /** The process of its own reaches this level and no more, as on a machine that has no more; the best by default. */
  level?: Level;
};

/** A program of ours as a process of its own, with nothing of this one's environment but the search path. */
export function runProcess(home: Home, options: SpawnOptions) {
  const child = spawn(
    process.execPath,
    [
      ...(options.level === 'kernel-lite' ? ['--import', at('test/support/without-bubblewrap.ts')] : []),
      at(options.program ?? 'src/main.ts'),
      ...(options.arguments ?? []),
    ],
    {
      cwd: home.folder,
      env: {
        PATH: process.env.PATH ?? '',
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '',
        PORT: '0',
        ...home.environment(options.database),
        ...options.environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    said.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said.err += chunk;
  });
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return {
    child,
    said,
    exited: (): Promise<number | null> =>
      Promise.race([
        exited,
        later(PATIENCE_MS).then(() => {
          throw new Error(`the process does not end: ${said.out}${said.err}`);
        }),
      ]),
    /** kill -9; whatever it stood on is left as it was. */
    async crash(): Promise<void> {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** The command line beside whatever runs; answers when it has ended. */
export async function runCommand(home: Home, database: SpawnOptions['database'], ...words: string[]) {
  const { said, exited } = runProcess(home, { database, program: 'src/cli.ts', arguments: words });
  const exit = await exited();
  return { exit, ...said };
}

/** `npm start` as a process of its own on a free port, asked through its HTTP API. */
export async function spawnAssistant(home: Home, options: SpawnOptions) {
  await home.repository();
  const running = runProcess(home, options);
  const address = await settles(async () => {
    if (running.child.exitCode !== null) throw new Error(`it did not start: ${running.said.err}`);
    return /is at (http:\/\/127\.0\.0\.1:\d+)/.exec(running.said.out)?.[1] ?? null;
  }, 'the start says where it is');

  /** `status` and what was answered. */
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${address}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  };
  const view = async (id: string): Promise<RequestView> => {
    const { status, body } = await call('GET', `/api/local/requests/${id}`);
    expect(status, JSON.stringify(body)).toBe(200);
    return body as RequestView;
  };
  return {
    ...running,
    address,
    call,
    say: (principal: string, text: string, thread?: string) =>
      call('POST', '/api/local/turns', { principal, text, ...(thread === undefined ? {} : { thread }) }),
    async decide(principal: string, request: RequestView, decision: DecisionKind): Promise<RequestView> {
      const { status, body } = await call('POST', `/api/local/requests/${request.id}/decisions`, {
        principal,
        decision,
        digest: request.digest,
      });
      expect(status, JSON.stringify(body)).toBe(200);
      return body as RequestView;
    },
    view,
    until: (request: { id: string }, ...states: RequestState[]): Promise<RequestView> =>
      settles(
        async () => {
          const now = await view(request.id);
          return states.includes(now.state) && now;
        },
        `${request.id} becomes ${states.join(' or ')}`,
      ),
    /** In order, as Ctrl-C does; answers the exit code. */
    async stop(): Promise<number | null> {
      running.child.kill('SIGTERM');
      return running.exited();
    },
  };
}

/** A way to the database that a test can close and open again, as if the server had stopped and come back. */
export async function openWay(database: { appUrl: string; ownerUrl: string }) {
  const target = new URL(database.appUrl);
  const open = new Set<Socket>();
  const server = createServer((inbound) => {
    const outbound = connect(Number(target.port), target.hostname);
    for (const [socket, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      open.add(socket);
      // Either end going takes the other with it; which error it was does not matter here.
      socket
        .on('error', () => undefined)
        .on('close', () => {
          open.delete(socket);
          other.destroy();
        });
      socket.pipe(other);
    }
  });
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const through = (url: string): string => {
    const way = new URL(url);
    way.host = `127.0.0.1:${port}`;
    return way.href;
  };
  return {
    appUrl: through(database.appUrl),
    ownerUrl: through(database.ownerUrl),
    /** Connections break and new ones are refused. */
    async close(): Promise<void> {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
    reopen: () => listen(port),
  };
}
