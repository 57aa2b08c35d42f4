/**
 * Runs of GitHub Actions: where they are, how they stand, what their steps came to (docs.github.com, "REST API endpoints for
 * workflow runs" and "for workflow jobs"). Runs in the sandbox.
 */
import type { CredentialScope, EgressRule, EgressValues, Refusal, Tools } from '../../src/action.ts';
import type { Json, Result } from '../../src/model/request.ts';
import { type Fields, isFields, text, unclear } from './answer.ts';
import {
  type DescribedJob,
  describedJobs,
  forEachRepository,
  lookedThrough,
  pickJob,
  placeOf,
  repositoryNames,
} from './ci-described.ts';
import { endedOther, stopRule } from './ci-other-commit.ts';
import { type Args, numberOf, type PastRun } from './ci-runs.ts';
import { GITHUB as COMMITS, type GithubPlace } from './github-commit.ts';
import { type Answer, listOf, read, readPage, readRule, type System, write } from './json-call.ts';

export const GITHUB: System = {
  ...COMMITS,
  refusals: {
    404: ['not_found', 'GitHub knows no such run, workflow or repository, or hides it from the assistant.'],
    409: ['upstream_rejected', 'GitHub says that this run is not in a state for that.'],
    422: [
      'upstream_rejected',
      'GitHub does not take this: the workflow has no manual start with these inputs.',
    ],
  },
  // The primary limit comes as 403, and without a time to come back (docs.github.com, "Rate limits for the REST API").
  explain: (status, body) =>
    status === 403 && /rate limit/i.test(text(body, 'message'))
      ? ['rate_limited', 'GitHub takes no more calls from the assistant for now; try again in a few minutes.']
      : null,
};

const PER_PAGE = '100';
/** Jobs of one run that are looked at, in pages: a matrix has at most 256. */
const JOB_PAGES = 3;
/** Of runs of one workflow on one tag: there is one, or something is wrong. */
export const FOUND = { event: 'workflow_dispatch', per_page: '10' };

/** Conclusions of GitHub in our words. */
const ENDINGS: Readonly<Record<string, readonly [code: string, words: string]>> = {
  success: ['done', 'passed'],
  neutral: ['done', 'ended without a verdict'],
  failure: ['run_failed', 'failed'],
  cancelled: ['run_cancelled', 'was cancelled on GitHub'],
  timed_out: ['run_timed_out', 'ran longer than GitHub allows'],
  skipped: ['run_skipped', 'was skipped'],
  action_required: ['run_held', 'waits for somebody on GitHub'],
  startup_failure: ['run_failed', 'could not be started: its workflow has a mistake'],
  stale: ['run_stale', 'was given up by GitHub'],
};

export function githubPlace(fields: Fields): GithubPlace | null {
  const [owner, repo] = [text(fields, 'owner'), text(fields, 'repo')];
  return owner === '' || repo === '' ? null : { owner, repo };
}
const filled = (fields: Fields | null): Record<string, string> =>
  (fields === null ? null : githubPlace(fields)) ?? {};

/** The repository that the preview has pinned, or that the request names. */
export function pinnedPlace({ pinned, args, settings }: EgressValues): Fields {
  return placeOf(pinned.repository ?? text(args, 'repo'), settings);
}

/** A token for the one repository that is meant: named, pinned, or the only one. */
export const scopeFor =
  (permissions: CredentialScope['permissions']) =>
  (values: EgressValues): CredentialScope | null => {
    const [only, ...more] = repositoryNames(values.settings);
    const named = githubPlace(pinnedPlace(values));
    const repository =
      named ?? (only !== undefined && more.length === 0 ? githubPlace(placeOf(only, values.settings)) : null);
    return repository === null ? null : { repository, permissions };
  };

const RUN = '/repos/{owner}/{repo}/actions/runs/{run}';
const JOBS = { filter: 'latest', per_page: PER_PAGE };

/** Reads of one run in the place that is known. */
export function runRules(
  placeOfRun: (values: EgressValues) => Fields | null,
  runOf: (values: EgressValues) => string,
): EgressRule[] {
  const fill = (values: EgressValues) => ({ ...filled(placeOfRun(values)), run: runOf(values) });
  return [
    readRule(GITHUB, RUN, { fill }),
    readRule(GITHUB, `${RUN}/jobs`, { fill, query: () => ({ ...JOBS, page: null }) }),
  ];
}

/** The stop of a run that is followed. */
export const stopRunRule = (placeOfRun: (values: EgressValues) => Fields | null): EgressRule =>
  stopRule(GITHUB, `${RUN}/cancel`, {
    fill: (values) => ({ ...filled(placeOfRun(values)), run: text(values.handle, 'run') }),
  });

/** Reads of a run by its number alone, in whichever repository of the settings it is. */
export const anywhereRules: EgressRule[] = forEachRepository((place) =>
  runRules(place, ({ args }) => numberOf(args)),
).flat();

const pathOf = ({ owner, repo }: GithubPlace, run: string) => ['repos', owner, repo, 'actions', 'runs', run];

export const readRun = (tools: Tools, place: GithubPlace, run: string): Promise<Answer<Fields>> =>
  read(tools, GITHUB, pathOf(place, run));

/** Asks GitHub to stop a run; whether it has is looked at. */
export const sendCancel = (tools: Tools, place: GithubPlace, run: string): Promise<Answer<Json>> =>
  write(tools, GITHUB, [...pathOf(place, run), 'cancel'], null);

/** The jobs of the run's newest attempt. */
export async function readJobs(tools: Tools, place: GithubPlace, run: string): Promise<Fields[]> {
  const jobs: Fields[] = [];
  let page: string | null = '1';
  for (let reads = 0; page !== null && reads < JOB_PAGES; reads += 1) {
    const query: Record<string, string> = { ...JOBS, page };
    const answer: Answer<{ value: Json; next: string | null }> = await readPage(
      tools,
      GITHUB,
      [...pathOf(place, run), 'jobs'],
      query,
    );
    if (!answer.ok) throw unclear(GITHUB.name, answer.failure.result.code);
    if (!isFields(answer.value.value)) throw unclear(GITHUB.name, 'another shape');
    jobs.push(...listOf(answer.value.value, 'jobs'));
    page = answer.value.next;
  }
  return jobs;
}

export const hasEnded = (run: Fields): boolean => run.status === 'completed';
export const conclusion = (run: Fields): readonly [code: string, words: string] =>
  ENDINGS[text(run, 'conclusion')] ?? ['run_failed', 'ended in a way of its own'];
export const stateOf = (run: Fields): string =>
  hasEnded(run) ? conclusion(run)[1] : text(run, 'status').replaceAll('_', ' ');

/** Each step that has ended, as `job / step: success`; a job without steps as itself. */
export function stepLines(job: Fields): string[] {
  const name = text(job, 'name');
  const steps = listOf(job, 'steps').filter((step) => step.status === 'completed');
  if (listOf(job, 'steps').length > 0)
    return steps.map((step) => `${name} / ${text(step, 'name')}: ${text(step, 'conclusion')}`);
  return job.status === 'completed' ? [`${name}: ${text(job, 'conclusion')}`] : [];
}

/** The file that a run's workflow is; GitHub adds the ref where it is another repository's. */
const workflowOf = (run: Fields): string =>
  text(run, 'path')
    .replace(/@.*$/, '')
    .replace(/^\.github\/workflows\//, '');

export type Past = PastRun & { place: GithubPlace; fields: Fields; attempt: number };

/** Finds a run by its number, and the job of the settings that it is of. */
export async function readPast(args: Args, tools: Tools): Promise<Past | Refusal> {
  for (const repository of lookedThrough(args, tools.settings)) {
    const place = githubPlace(placeOf(repository, tools.settings));
    if (place === null) continue;
    const answer = await readRun(tools, place, numberOf(args));
    if (answer.ok) return pastOf(args, tools, repository, place, answer.value);
    if (answer.failure.result.code !== 'not_found') return { refused: answer.failure.result.message };
  }
  return { refused: `${text(args, 'run')} is no run of a repository that the assistant knows on GitHub.` };
}

function pastOf(
  args: Args,
  tools: Tools,
  repository: string,
  place: GithubPlace,
  run: Fields,
): Past | Refusal {
  const workflow = workflowOf(run);
  const candidates: DescribedJob[] = describedJobs(tools.settings).filter(
    (one) => one.repository === repository && text(one.job, 'workflow') === workflow,
  );
  const job = pickJob(candidates, args, `the workflow ${workflow}`);
  if ('refused' in job) return job;
  const actor = isFields(run.triggering_actor) ? run.triggering_actor : {};
  return {
    run: text(args, 'run'),
    job: job.name,
    repository,
    environment: job.environment,
    commit: text(run, 'head_sha'),
    startedBy: text(actor, 'login'),
    state: stateOf(run),
    hasEnded: hasEnded(run),
    place,
    fields: run,
    attempt: Number(run.run_attempt),
  };
}

/** How a run ended, in our words. `commit`: the approved one, where there is one; `handle`: of the look, where it is one. */
export function endOf(
  name: string,
  run: Fields,
  jobs: readonly Fields[],
  commit: string,
  handle: Args = {},
): { passed: boolean; result: Result } {
  const built = text(run, 'head_sha');
  const isOther = commit !== '' && built !== commit;
  const [code, words] = conclusion(run);
  const failing = jobs.filter((job) => !['success', 'skipped', 'neutral'].includes(text(job, 'conclusion')));
  const output = (failing.length > 0 ? failing : jobs).flatMap(stepLines).join('\n');
  const ended = { wasCancelled: text(run, 'conclusion') === 'cancelled', words };
  return {
    passed: code === 'done' && !isOther,
    result: {
      code: isOther ? 'other_commit' : code,
      message: isOther ? endedOther(handle, { name, built }, ended) : `${name} ${words}.`,
      link: text(run, 'html_url'),
      output,
      data: { run: `R-${run.id}`, commit: built },
    },
  };
}
