/**
 * The built-in CI runner, served behind the broker as `runner.internal`: jobs described in YAML, run on the files of one
 * pinned commit. A run is accepted once per key; its job is queued in the transaction that accepts it.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { BuiltInHost } from '../../src/action.ts';
import type { IsolationLevel } from '../../src/model/request.ts';
import type { Database, Tx } from '../../src/store/database.ts';
import { commitsBetween, resolveRef } from './git.ts';
import { answer, parseBody, problem } from './http.ts';
import { checkInputs, type JobDescription, type JobsConfig, limitsOf, riskOf } from './jobs.ts';
import {
  askToCancel,
  endLost,
  insertRun,
  queuedRuns,
  RUN_CHANNEL,
  type Run,
  readOutput,
  runByKey,
  runByMark,
  runByNumber,
  runsWithInput,
  tailOutput,
} from './run-store.ts';
import { type RunJob, type RunWorkDeps, workOnRun } from './run-work.ts';

export type Runner = {
  host: BuiltInHost;
  /** Works on one run to its end; call it for each job of the queue. */
  work(run: string, signal: AbortSignal): Promise<void>;
  /** Ends runs whose worker died and queues again what waits; call it at start and now and then. */
  recover(): Promise<{ lost: number; queued: number }>;
  /** Hears the id of a run that printed something or ended; stop by calling the answer. */
  onOutput(listener: (run: string) => void): Promise<() => Promise<void>>;
};

export type RunnerDeps = {
  db: Database;
  /** Queues the work on a run, in the transaction that accepts it. */
  send: (tx: Tx, run: string) => Promise<void>;
  jobs: JobsConfig;
  /** Name to path of a bare or ordinary git repository on this machine. */
  repositories: Readonly<Record<string, string>>;
  runJob: RunJob;
  obstacle: RunWorkDeps['obstacle'];
  /** What the log says that the request of this execution is isolated at, at least. */
  levelOf: (key: string) => Promise<IsolationLevel | null>;
};

/** The end of the output that goes into a request's result. */
const TAIL_CHARACTERS = 4_000;
/** The end of the output for whoever reads it on purpose; the connector bounds it further. */
const END_CHARACTERS = 20_000;
/** What one look takes, at most 512,000 characters; the next look takes the rest. */
const PIECES_PER_LOOK = 32;
/** Of the runs that deployed to one environment: as many as whoever rolls back looks at. */
const DEPLOYMENTS_SHOWN = 30;
/** Of the commits between two: as many as a card shows. */
const TITLES_SHOWN = 10;
const NUMBER = /^R-([1-9][0-9]{0,14})$/;

const Inputs = z.record(z.string(), z.string());
const NewRunBody = z.strictObject({
  repository: z.string(),
  ref: z.string(),
  commit: z.string().regex(/^[0-9a-f]{40}$/),
  definition: z.string(),
  job: z.string(),
  inputs: Inputs,
  requester: z.string().min(1).max(200),
  mark: z.string().min(1).max(200),
});
const DeploymentsQuery = z.strictObject({
  repository: z.string(),
  job: z.string(),
  input: z.string(),
  value: z.string(),
});
const CancelBody = z.strictObject({ requester: z.string().min(1).max(200) });

/** Digest of everything that a job's description says: a changed description is another job. */
function definitionOf(job: JobDescription): string {
  return createHash('sha256').update(JSON.stringify(job)).digest('hex');
}

function view(run: Run) {
  const { ref, commit, job, repository, environment, state, code, exitCode, requester, cancelAskedBy } = run;
  return {
    run: `R-${run.number}`,
    id: run.id,
    repository,
    ref,
    commit,
    job,
    environment,
    state,
    code,
    exitCode,
    requester,
    cancelAskedBy,
  };
}

export function createRunner(deps: RunnerDeps): Runner {
  const { db } = deps;
  const path = (name: string) =>
    Object.hasOwn(deps.repositories, name) ? deps.repositories[name] : undefined;

  function find(repository: string, name: string): { path: string; job: JobDescription } | Response {
    const found = path(repository);
    if (found === undefined) return problem(404, 'not_found', `There is no repository called ${repository}.`);
    const job = Object.hasOwn(deps.jobs, name) ? deps.jobs[name] : undefined;
    if (job?.repositories.includes(repository)) return { path: found, job };
    const known = Object.keys(deps.jobs).filter((other) =>
      deps.jobs[other]?.repositories.includes(repository),
    );
    return problem(
      404,
      'not_found',
      `${repository} has no job called ${name}; it has ${known.join(', ') || 'none'}.`,
    );
  }

  /** What a run would be now: the ref pinned to a commit, the job to its description. */
  async function describe(repository: string, name: string, query: URLSearchParams): Promise<Response> {
    const found = find(repository, name);
    if (found instanceof Response) return found;
    const inputs = Inputs.safeParse(JSON.parse(query.get('inputs') ?? '{}'));
    if (!inputs.success) return problem(422, 'inputs_invalid', 'Inputs are texts by name.');
    return describeRun(repository, name, found, query.get('ref') ?? '', inputs.data);
  }

  async function describeRun(
    repository: string,
    name: string,
    found: { path: string; job: JobDescription },
    ref: string,
    given: Record<string, string>,
  ): Promise<Response> {
    const commit = await resolveRef(found.path, ref);
    if (commit === null) {
      return problem(404, 'not_found', `${repository} has no branch, tag or commit called ${ref}.`);
    }
    const inputs = checkInputs(found.job, given);
    if (!inputs.ok) return problem(422, 'inputs_invalid', inputs.message);
    const { title, environment, command, limits } = found.job;
    return answer({
      ...{ repository, ref, commit, job: name, title, environment, command, limits },
      risk: riskOf(found.job),
      inputs: inputs.inputs,
      definition: definitionOf(found.job),
    });
  }

  async function start(key: string, request: Request): Promise<Response> {
    const body = await parseBody(request, NewRunBody);
    if (body === null) return problem(400, 'malformed', 'The runner does not understand this run.');
    const found = find(body.repository, body.job);
    if (found instanceof Response) return found;
    if (definitionOf(found.job) !== body.definition) {
      return problem(
        409,
        'job_changed',
        `The description of ${body.job} has changed since it was previewed.`,
      );
    }
    if ((await resolveRef(found.path, body.commit)) === null) {
      return problem(404, 'not_found', 'The pinned commit is not in the repository.');
    }
    const inputs = checkInputs(found.job, body.inputs);
    if (!inputs.ok) return problem(422, 'inputs_invalid', inputs.message);
    return accept(key, body, found.job, inputs.inputs);
  }

  async function accept(
    key: string,
    body: z.output<typeof NewRunBody>,
    job: JobDescription,
    inputs: Record<string, string>,
  ): Promise<Response> {
    const { repository, ref, commit, requester, mark } = body;
    const level = await deps.levelOf(key);
    const run = await db.transaction(async (tx) => {
      const made = await insertRun(tx, {
        ...{ id: crypto.randomUUID(), repository, ref, commit, job: body.job, requester, mark, key, inputs },
        ...{ environment: job.environment, command: job.command, limits: limitsOf(job), level },
      });
      if (made !== null) await deps.send(tx, made.id);
      return made;
    });
    if (run !== null) return answer(view(run), 201);
    const known = await runByKey(db, key);
    const same =
      known?.repository === repository &&
      known.commit === commit &&
      known.job === body.job &&
      known.requester === requester &&
      JSON.stringify(Object.entries(known.inputs).sort()) === JSON.stringify(Object.entries(inputs).sort());
    return known !== null && same
      ? answer(view(known), 200, { 'idempotency-replayed': 'true' })
      : problem(422, 'key_reused', 'This key was used for something else.');
  }

  async function show(reference: string, query: URLSearchParams): Promise<Response> {
    // Whoever looks finds out about a dead worker, also where nobody else is there to notice.
    await endLost(db);
    const run = await runOf(reference);
    if (run instanceof Response) return run;
    const asked = Number(query.get('from') ?? '0');
    const from = Number.isSafeInteger(asked) && asked >= 0 ? asked : 0;
    const { output, next } = await readOutput(db, run.id, from, PIECES_PER_LOOK);
    const more = next - from === PIECES_PER_LOOK;
    const end = await tailOutput(db, run.id, END_CHARACTERS);
    return answer({ ...view(run), output, next, more, tail: end.slice(-TAIL_CHARACTERS), end });
  }

  async function runOf(reference: string): Promise<Run | Response> {
    const number = NUMBER.exec(reference)?.[1];
    const run = number === undefined ? null : await runByNumber(db, number);
    return run ?? problem(404, 'not_found', `There is no run ${reference}.`);
  }

  /** What the same would be now: its job as it is described today, on its commit, with its inputs. */
  async function describeAgain(reference: string): Promise<Response> {
    const run = await runOf(reference);
    if (run instanceof Response) return run;
    const found = find(run.repository, run.job);
    if (found instanceof Response) return found;
    return describeRun(run.repository, run.job, found, run.commit, run.inputs);
  }

  /** Which runs of a job were told to deploy to one environment. */
  async function deployments(query: URLSearchParams): Promise<Response> {
    await endLost(db);
    const asked = DeploymentsQuery.safeParse(Object.fromEntries(query));
    if (!asked.success) return problem(400, 'malformed', 'The runner does not understand this.');
    const found = find(asked.data.repository, asked.data.job);
    if (found instanceof Response) return found;
    const runs = await runsWithInput(db, asked.data, DEPLOYMENTS_SHOWN);
    return answer({ deployments: runs.map(view) });
  }

  async function compare(repository: string, query: URLSearchParams): Promise<Response> {
    const found = path(repository);
    if (found === undefined) return problem(404, 'not_found', `There is no repository called ${repository}.`);
    const [from, to] = [query.get('from') ?? '', query.get('to') ?? ''];
    const between = await commitsBetween(found, from, to, TITLES_SHOWN);
    return between === null
      ? problem(404, 'not_found', `${repository} does not have both of these commits.`)
      : answer(between);
  }

  async function cancel(reference: string, request: Request): Promise<Response> {
    const body = await parseBody(request, CancelBody);
    if (body === null) return problem(400, 'malformed', 'The runner does not understand this.');
    const run = await runOf(reference);
    if (run instanceof Response) return run;
    const asked = await askToCancel(db, run.number, body.requester);
    return answer(view(asked ?? run), 202);
  }

  async function byMark(mark: string): Promise<Response> {
    const run = await runByMark(db, mark);
    return run === null ? problem(404, 'not_found', 'Nothing carries this mark.') : answer(view(run));
  }

  return {
    async host(request) {
      const url = new URL(request.url);
      const [first, second = '', third, fourth = '', ...rest] = url.pathname
        .slice(1)
        .split('/')
        .map(decodeURIComponent);
      if (rest.length === 0 && request.method === 'GET') {
        if (first === 'repositories' && third === 'jobs') return describe(second, fourth, url.searchParams);
        if (first === 'repositories' && third === 'commits' && fourth === '')
          return compare(second, url.searchParams);
        if (url.pathname === '/deployments') return deployments(url.searchParams);
        if (first === 'runs' && third === undefined) return show(second, url.searchParams);
        if (first === 'runs' && third === 'again' && fourth === '') return describeAgain(second);
        if (first === 'marks' && third === undefined) return byMark(second);
      }
      const isCancel = first === 'runs' && third === 'cancel' && fourth === '' && rest.length === 0;
      if (request.method === 'POST' && isCancel) return cancel(second, request);
      if (request.method === 'POST' && url.pathname === '/runs') {
        const key = request.headers.get('idempotency-key');
        return key ? start(key, request) : problem(400, 'malformed', 'A write needs its key.');
      }
      return problem(404, 'not_found', 'The runner has nothing at this address.');
    },
    work: (run, signal) => workOnRun({ db, runJob: deps.runJob, path, obstacle: deps.obstacle }, run, signal),
    async recover() {
      const lost = await endLost(db);
      const waiting = await queuedRuns(db);
      // Queued twice does no harm: whoever claims it first works on it.
      for (const run of waiting) await db.transaction((tx) => deps.send(tx, run));
      return { lost, queued: waiting.length };
    },
    onOutput: (listener) => db.listen(RUN_CHANNEL, listener),
  };
}
