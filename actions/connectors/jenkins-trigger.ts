/** Starting a parameterised build of a pinned commit on Jenkins, and finding it again. Runs in the sandbox. */
import type {
  EgressRule,
  EgressValues,
  Operation,
  Reconciliation,
  RunResult,
  Tools,
} from '../../src/action.ts';
import { type Fields, failed, isFields, text, unclear } from './answer.ts';
import { askedJob, describedJob, jobFactsShown } from './ci-described.ts';
import { STOPS } from './ci-other-commit.ts';
import type { Args } from './ci-runs.ts';
import { commitRule } from './github-commit.ts';
import { buildRules, follow, listWaiting, queueRule, readBuilds } from './jenkins-builds.ts';
import {
  githubOf,
  JENKINS,
  JOB_TREE,
  jobPath,
  markParameter,
  parametersIn,
  parametersOf,
  pathOf,
  readsOf,
  resolveCommit,
  segmentsOf,
  startedBy,
  unsuitable,
  writesOf,
} from './jenkins-jobs.ts';
import { stopRules } from './jenkins-stop.ts';
import { writeForLocation } from './json-call.ts';

const ITEM = /^\/queue\/item\/([1-9][0-9]{0,14})\/?$/;

/** What a start needs, from these arguments: its own, or those of a run that is run again. */
export function startRules(argsOf: (values: EgressValues) => Args): EgressRule[] {
  const where = (values: EgressValues) => jobPath(argsOf(values), values.settings);
  const startable = (values: EgressValues) =>
    parametersOf(argsOf(values), values) === null ? '' : where(values);
  return [
    ...writesOf(startable, '/buildWithParameters', {
      query: (values) => parametersOf(argsOf(values), values) ?? {},
    }),
    ...stopRules(where),
    queueRule,
    ...buildRules(
      where,
      ({ handle }) => text(handle, 'item'),
      ({ handle }) => text(handle, 'build'),
    ),
  ];
}

function started(args: Args, item: string): RunResult {
  const [repo, job] = [text(args, 'repo'), text(args, 'job')];
  return {
    kind: 'running',
    handle: { item, repo, job, build: '' },
    message: `Run R-${item} is queued.`,
  };
}

export async function start(args: Args, tools: Tools): Promise<RunResult> {
  const parameters = parametersOf(args, tools);
  if (parameters === null) return failed('not_pinned', 'No commit is pinned for this run.');
  const path = [...segmentsOf(jobPath(args, tools.settings)), 'buildWithParameters'];
  const made = await writeForLocation(tools, JENKINS, path, null, 'POST', parameters);
  if (!made.ok) return made.failure;
  const item = ITEM.exec(made.value.location ?? '')?.[1];
  if (item === undefined) throw unclear(JENKINS.name, 'no queue item');
  return started(args, item);
}

/**
 * Finds what `start` did, in the queue or among the builds: by its mark, started by our own account with the same parameters, the
 * pinned commit among them; without a mark nobody can say.
 */
export async function reconcileStart(args: Args, tools: Tools): Promise<Reconciliation> {
  const parameters = parametersOf(args, tools);
  const account = isFields(tools.settings) ? text(tools.settings, 'account') : '';
  if (markParameter(tools.settings) === '' || parameters === null) return { kind: 'cannot_tell' };
  const isOurs = (item: Fields): boolean => {
    const has = parametersIn(item);
    const isEqual = Object.entries(parameters).every(([name, value]) => has[name] === value);
    return isEqual && startedBy(item) === account;
  };
  const path = jobPath(args, tools.settings);
  const waiting = await listWaiting(tools, path);
  const queued = waiting.ok ? waiting.value.find(isOurs) : undefined;
  if (queued !== undefined) return { kind: 'happened', outcome: started(args, String(queued.id)) };
  const build = (await readBuilds(tools, path)).find(isOurs);
  if (build !== undefined) return { kind: 'happened', outcome: started(args, String(build.queueId)) };
  // It may wait where nobody could look.
  if (!waiting.ok) throw unclear(JENKINS.name, waiting.failure.result.code);
  return { kind: 'cannot_tell' };
}

export const trigger: Operation = {
  egress: [
    commitRule(({ args, settings }) => githubOf(describedJob(args, settings))),
    ...readsOf(({ args, settings }) => jobPath(args, settings), '/api/json', { query: () => JOB_TREE }),
    ...startRules(({ args }) => args),
  ],
  scope: ({ args, settings }) => {
    const repository = githubOf(describedJob(args, settings));
    return repository === null ? null : { repository, permissions: { contents: 'read' } };
  },
  writes: 1,
  followWrites: STOPS,
  idempotency: 'none',
  preview: async (args, tools) => {
    const asked = askedJob(args, tools.settings, JENKINS.name);
    if ('refused' in asked) return asked;
    const problem = await unsuitable(asked, args, tools);
    if (problem !== null) return problem;
    const resolved = await resolveCommit(asked, text(args, 'ref'), tools);
    if ('refused' in resolved) return resolved;
    const { commit } = resolved;
    return {
      summary: `Run ${asked.name} of ${asked.repository} on commit ${commit.slice(0, 12)}, on Jenkins.`,
      facts: [...jobFactsShown(asked, args, commit), { label: 'Job on Jenkins', value: pathOf(asked) }],
      pinned: { commit },
    };
  },
  run: start,
  reconcile: reconcileStart,
  follow,
};
