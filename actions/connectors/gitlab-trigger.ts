/**
 * Starting a pipeline of the pinned commit. GitLab starts one on a branch or a tag, never on a commit: that it still stands for the
 * pinned one is read right before, and what GitLab says it took is compared afterwards. Runs in the sandbox.
 */
import type {
  EgressRule,
  EgressValues,
  Look,
  Operation,
  Reconciliation,
  RunResult,
  Tools,
} from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, failed, isFields, text, unclear } from './answer.ts';
import { askedJob, describedJob, givenInputs, jobFactsShown } from './ci-described.ts';
import { STOPS, stopOther, stopRule } from './ci-other-commit.ts';
import { type Args, notSeen } from './ci-runs.ts';
import { COMMIT } from './github-commit.ts';
import { GITLAB } from './gitlab-errors.ts';
import {
  filledProject,
  hasEnded,
  hasFailed,
  inputVariable,
  JOB,
  jobHasEnded,
  jobLine,
  MARK,
  pathIn,
  pipelineRules,
  projectFor,
  projectRule,
  REQUESTER,
  readJobs,
  readPipeline,
  readTrace,
  resultOf,
  TRACES,
} from './gitlab-pipelines.ts';
import { readList, write, writeRule } from './json-call.ts';

/** Our own pipelines of one commit that are looked at: there is one with a mark, or something is wrong. */
const FOUND_AT_MOST = '20';
/** Jobs whose output stands in the result. */
const SHOWN_AT_THE_END = 3;

type About = Pick<EgressValues, 'mark' | 'requester' | 'pinned' | 'settings'>;

const commitQuery = (ref: string) => ({ ref_name: ref, per_page: '1' });
const foundQuery = ({ pinned, settings }: Pick<About, 'pinned' | 'settings'>) => ({
  sha: pinned.commit ?? '',
  username: isFields(settings) ? text(settings, 'account') : '',
  order_by: 'id',
  sort: 'desc',
  per_page: FOUND_AT_MOST,
});

/** The whole body; null while no commit is pinned or the job is unknown, so that nothing can be sent. */
export function pipelineBody(args: Args, { mark, requester, pinned, settings }: About): Fields | null {
  const job = describedJob(args, settings);
  if (job === null || !COMMIT.test(pinned.commit ?? '')) return null;
  const fixed = Object.entries(isFields(job.job.variables) ? job.job.variables : {});
  const given = Object.entries(givenInputs(args)).filter(([name]) => job.inputs.includes(name));
  const all: (readonly [string, Json])[] = [
    ...fixed,
    ...given.map(([name, value]) => [inputVariable(name), value] as const),
    [JOB, job.name],
    [MARK, mark],
    [REQUESTER, requester],
  ];
  return { ref: text(args, 'ref'), variables: all.map(([key, value]) => ({ key, value })) };
}

/** What a start needs, from these arguments: its own, or those of a run that is run again. */
export function startRules(argsOf: (values: EgressValues) => Args): EgressRule[] {
  const where = (values: EgressValues) => projectFor(argsOf(values), values.settings);
  return [
    projectRule(where, '/repository/commits', (values) => commitQuery(text(argsOf(values), 'ref'))),
    writeRule(GITLAB, '/api/v4/projects/{project}/pipeline', {
      fill: filledProject((values) => (pipelineBody(argsOf(values), values) === null ? '' : where(values))),
      body: (values) => pipelineBody(argsOf(values), values),
    }),
    stopRule(GITLAB, '/api/v4/projects/{project}/pipelines/{pipeline}/cancel', {
      fill: filledProject(where, { pipeline: ({ handle }) => text(handle, 'pipeline') }),
    }),
    projectRule(where, '/pipelines', foundQuery),
    ...pipelineRules(
      where,
      ({ handle }) => text(handle, 'pipeline'),
      ({ handle }) => idsIn(handle),
    ),
  ];
}
const idsIn = (handle: Args): string[] =>
  text(handle, 'traces')
    .split(',')
    .filter((id) => id !== '');

/** The commit that a branch or a tag stands for now, or why it cannot be started on. */
export async function newestCommit(
  args: Args,
  tools: Tools,
): Promise<{ commit: string } | { refused: string }> {
  const ref = text(args, 'ref');
  if (/^[0-9a-f]{7,64}$/.test(ref))
    return { refused: 'GitLab starts pipelines on a branch or a tag: name one, not a commit.' };
  const project = projectFor(args, tools.settings);
  const answer = await readList(tools, GITLAB, pathIn(project, 'repository', 'commits'), commitQuery(ref));
  if (!answer.ok) return { refused: answer.failure.result.message };
  const [newest] = Array.isArray(answer.value) ? answer.value : [];
  const commit = isFields(newest) ? text(newest, 'id') : '';
  if (!COMMIT.test(commit)) return { refused: `GitLab names no commit for ${ref} of ${text(args, 'repo')}.` };
  return { commit };
}

export function started(args: Args, pipeline: string): RunResult {
  const [repo, job] = [text(args, 'repo'), text(args, 'job')];
  return {
    kind: 'running',
    handle: { pipeline, repo, job, seen: [], traces: '' },
    message: `Run R-${pipeline} is queued.`,
  };
}

export async function start(args: Args, tools: Tools): Promise<RunResult> {
  const body = pipelineBody(args, tools);
  if (body === null) return failed('not_pinned', 'No commit is pinned for this run.');
  const now = await newestCommit(args, tools);
  if ('refused' in now) return failed('not_found', now.refused);
  if (now.commit !== tools.pinned.commit)
    return failed('ref_moved', `${text(args, 'ref')} has moved since it was approved; nothing was started.`);
  const made = await write(tools, GITLAB, pathIn(projectFor(args, tools.settings), 'pipeline'), body);
  if (!made.ok) return made.failure;
  const id = isFields(made.value) ? made.value.id : null;
  if (typeof id !== 'number') throw unclear(GITLAB.name, 'no pipeline');
  return started(args, String(id));
}

/**
 * Finds what `start` did: by a name that holds the mark, which the project's `workflow: name` gives; of the pinned commit, by our
 * own account. A project without such a name says nothing that could tell one pipeline from another.
 */
export async function reconcileStart(args: Args, tools: Tools): Promise<Reconciliation> {
  const path = pathIn(projectFor(args, tools.settings), 'pipelines');
  const answer = await readList(tools, GITLAB, path, foundQuery(tools));
  const all = answer.ok && Array.isArray(answer.value) ? answer.value.filter(isFields) : [];
  const found = all.find(
    (one) => text(one, 'sha') === tools.pinned.commit && text(one, 'name').includes(tools.mark),
  );
  return found === undefined
    ? { kind: 'cannot_tell' }
    : { kind: 'happened', outcome: started(args, String(found.id)) };
}

/** Jobs that have ended since the last look; once all have, the output of those that matter, and the end. */
export async function follow(handle: Args, tools: Tools): Promise<Look> {
  const id = text(handle, 'pipeline');
  const project = projectFor(handle, tools.settings);
  const answer = await readPipeline(tools, project, id);
  const name = `${text(handle, 'job')} of ${text(handle, 'repo')}`;
  if (!answer.ok) return notSeen(GITLAB.name, `${name} (R-${id})`, answer.failure);
  const pipeline = answer.value;
  const commit = tools.pinned.commit ?? '';
  if (text(pipeline, 'sha') !== commit && !hasEnded(pipeline)) {
    const other = {
      name: `${name} (R-${id})`,
      built: text(pipeline, 'sha'),
      link: text(pipeline, 'web_url'),
    };
    const path = pathIn(project, 'pipelines', id, 'cancel');
    return stopOther(handle, other, '', async () => (await write(tools, GITLAB, path, null)).ok);
  }
  const jobs = await readJobs(tools, project, id);
  const known = Array.isArray(handle.seen) ? handle.seen : [];
  const fresh = jobs.filter((job) => jobHasEnded(job) && !known.includes(String(job.id)));
  const output = fresh.map((job) => `${jobLine(job)}\n`).join('');
  const seen = [...known, ...fresh.map((job) => String(job.id))];
  if (!hasEnded(pipeline)) return { kind: 'running', handle: { ...handle, seen }, output };
  const traces = tracesOf(jobs, 'matters', SHOWN_AT_THE_END).join(',');
  // Which output is read must stand in the handle before it is read.
  if (text(handle, 'traces') === '' && traces !== '')
    return { kind: 'running', handle: { ...handle, seen, traces }, output };
  const printed = await readTraces(tools, project, jobs, idsIn(handle));
  const { passed, result } = resultOf({ name, run: `R-${id}`, commit, handle }, pipeline, printed);
  return { kind: passed ? 'done' : 'failed', result, output: `${output}${printed}` };
}

/** The jobs whose output is read: those that failed, or all; where it `matters`, the failed ones if there are any. */
export function tracesOf(
  jobs: readonly Fields[],
  which: 'all' | 'failed' | 'matters',
  most = TRACES,
): string[] {
  const failing = jobs.filter(hasFailed);
  const begun = jobs.filter((job) => text(job, 'status') !== 'skipped');
  const chosen = which === 'failed' || (which === 'matters' && failing.length > 0) ? failing : begun;
  return chosen.slice(-most).map((job) => String(job.id));
}

/** What these jobs printed, each under its name. */
export async function readTraces(
  tools: Tools,
  project: string,
  jobs: readonly Fields[],
  ids: readonly string[],
): Promise<string> {
  const parts: string[] = [];
  for (const id of ids) {
    const job = jobs.find((one) => String(one.id) === id);
    if (job !== undefined) parts.push(`== ${text(job, 'name')}\n${await readTrace(tools, project, id)}\n`);
  }
  return parts.join('');
}

export const trigger: Operation = {
  egress: startRules(({ args }) => args),
  writes: 1,
  followWrites: STOPS,
  idempotency: 'none',
  preview: async (args, tools) => {
    const asked = askedJob(args, tools.settings, GITLAB.name);
    if ('refused' in asked) return asked;
    const resolved = await newestCommit(args, tools);
    if ('refused' in resolved) return resolved;
    const { commit } = resolved;
    return {
      summary: `Run ${asked.name} of ${asked.repository} on commit ${commit.slice(0, 12)}, on GitLab.`,
      facts: [
        ...jobFactsShown(asked, args, commit),
        { label: 'Through', value: `${text(args, 'ref')}, if it still stands for that commit` },
      ],
      pinned: { commit },
    };
  },
  run: start,
  reconcile: reconcileStart,
  follow,
};
