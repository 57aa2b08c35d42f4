/**
 * Pipelines of GitLab: where they are, how they stand, what their jobs printed (docs.gitlab.com, "Pipelines API", "Jobs API",
 * "Commits API"). Runs in the sandbox.
 */
import { stripVTControlCharacters } from 'node:util';
import type { EgressRule, EgressValues, Refusal, Tools } from '../../src/action.ts';
import type { Json, Result } from '../../src/model/request.ts';
import { type Fields, isFields, text, unclear } from './answer.ts';
import { describedJob, forEachRepository, lookedThrough, placeOf } from './ci-described.ts';
import { endedOther } from './ci-other-commit.ts';
import { type Args, numberOf, type PastRun } from './ci-runs.ts';
import { GITLAB } from './gitlab-errors.ts';
import { type Answer, read, readList, readPage, readRule, readText } from './json-call.ts';

/** What every pipeline that we start carries: which job of the settings it is, of which execution, for whom. */
export const JOB = 'COUNTERSIGN_JOB';
export const MARK = 'COUNTERSIGN_MARK';
export const REQUESTER = 'COUNTERSIGN_REQUESTER';
/** Inputs as in the built-in runner: `channel` as `INPUT_CHANNEL`. */
export const inputVariable = (name: string): string => `INPUT_${name.toUpperCase()}`;

const PER_PAGE = '100';
const JOB_PAGES = 3;
/** Jobs whose output one reading takes. */
export const TRACES = 10;
/** Of each of them, from its end. */
const TRACE_CHARACTERS = 8_000;
/** Four bytes a character at most, and the marks around them. */
const TRACE_BYTES = 8 * TRACE_CHARACTERS;
/** Of the end that stands in the result. */
const TAIL_CHARACTERS = 4_000;

/** Statuses in which a pipeline stays. `manual` waits for somebody, and goes on then. */
const ENDINGS: Readonly<Record<string, readonly [code: string, words: string]>> = {
  success: ['done', 'passed'],
  failed: ['pipeline_failed', 'failed'],
  canceled: ['pipeline_cancelled', 'was cancelled on GitLab'],
  skipped: ['pipeline_skipped', 'was skipped'],
};
const JOB_ENDED: ReadonlySet<string> = new Set(['success', 'failed', 'canceled', 'skipped']);

export const hasEnded = (pipeline: Fields): boolean => Object.hasOwn(ENDINGS, text(pipeline, 'status'));
export const endingOf = (pipeline: Fields): readonly [code: string, words: string] =>
  ENDINGS[text(pipeline, 'status')] ?? ['pipeline_failed', 'ended in a way of its own'];
export const stateOf = (pipeline: Fields): string =>
  hasEnded(pipeline) ? endingOf(pipeline)[1] : text(pipeline, 'status').replaceAll('_', ' ');

/** By its number: a path such as `group/web` would need a slash inside of one segment, which no call of ours may have. */
export const projectOf = (place: Fields | null): string =>
  place !== null && typeof place.project === 'number' ? String(place.project) : '';
export const projectFor = (args: Args, settings: Json): string =>
  projectOf(placeOf(text(args, 'repo'), settings));

const API = ['api', 'v4', 'projects'] as const;
const PROJECT = '/api/v4/projects/{project}';
export const pathIn = (project: string, ...rest: string[]): string[] => [...API, project, ...rest];

type Where = (values: EgressValues) => string;
const filled =
  (where: Where, more: Record<string, Where>) =>
  (values: EgressValues): Record<string, string> =>
    where(values) === ''
      ? {}
      : {
          project: where(values),
          ...Object.fromEntries(Object.entries(more).map(([name, of]) => [name, of(values)])),
        };

const JOBS = { per_page: PER_PAGE };
const anyText = () => ({ accept: '*/*' });

/** Reads of one pipeline, its jobs, and the output of those jobs that are known by number. */
export function pipelineRules(
  where: Where,
  pipeline: Where,
  traces: (values: EgressValues) => readonly string[],
): EgressRule[] {
  const slots = Array.from({ length: TRACES }, (_, index) =>
    readRule(GITLAB, `${PROJECT}/jobs/{job}/trace`, {
      fill: filled(where, { job: (values) => traces(values)[index] ?? '' }),
      headers: anyText,
      endBytes: TRACE_BYTES,
    }),
  );
  const one = { pipeline };
  return [
    readRule(GITLAB, `${PROJECT}/pipelines/{pipeline}`, { fill: filled(where, one) }),
    readRule(GITLAB, `${PROJECT}/pipelines/{pipeline}/jobs`, {
      fill: filled(where, one),
      query: () => ({ ...JOBS, page: null }),
    }),
    ...slots,
  ];
}

export const projectRule = (where: Where, rest: string, query: EgressRule['query']): EgressRule =>
  readRule(GITLAB, `${PROJECT}${rest}`, { fill: filled(where, {}), query });
export const filledProject = (where: Where, more: Record<string, Where> = {}) => filled(where, more);

/** Finding a pipeline by its number alone, in whichever project of the settings it is; numbers are GitLab's own for all. */
export const anywhereRules: EgressRule[] = forEachRepository((place) => {
  const where: Where = (values) => projectOf(place(values));
  const pipeline: Where = ({ args }) => numberOf(args);
  return [
    ...pipelineRules(where, pipeline, () => []),
    readRule(GITLAB, `${PROJECT}/pipelines/{pipeline}/variables`, { fill: filled(where, { pipeline }) }),
  ];
}).flat();

export async function readPipeline(tools: Tools, project: string, id: string): Promise<Answer<Fields>> {
  return read(tools, GITLAB, pathIn(project, 'pipelines', id));
}

/** The jobs of a pipeline, as GitLab counts them: the first that began first. */
export async function readJobs(tools: Tools, project: string, id: string): Promise<Fields[]> {
  const jobs: Fields[] = [];
  let page: string | null = '1';
  for (let reads = 0; page !== null && reads < JOB_PAGES; reads += 1) {
    const path = pathIn(project, 'pipelines', id, 'jobs');
    const query: Record<string, string> = { ...JOBS, page };
    const answer: Answer<{ value: Json; next: string | null }> = await readPage(tools, GITLAB, path, query);
    if (!answer.ok) throw unclear(GITLAB.name, answer.failure.result.code);
    jobs.push(...(Array.isArray(answer.value.value) ? answer.value.value.filter(isFields) : []));
    page = answer.value.next;
  }
  return jobs.toSorted((a, b) => Number(a.id) - Number(b.id));
}

export const jobHasEnded = (job: Fields): boolean => JOB_ENDED.has(text(job, 'status'));
/** Failed in a way that counts: one that may fail does not make its pipeline fail. */
export const hasFailed = (job: Fields): boolean => job.status === 'failed';
export const jobLine = (job: Fields): string => {
  const reason = text(job, 'failure_reason').replaceAll('_', ' ');
  return `${text(job, 'stage')} / ${text(job, 'name')}: ${text(job, 'status')}${reason === '' ? '' : ` (${reason})`}`;
};

/** Marks of foldable sections, which GitLab's own pages hide (docs.gitlab.com, "Job logs"). */
const SECTION = /section_(?:start|end):\d+:[A-Za-z0-9_.-]+(?:\[[^\]\r\n]*\])?\r/g;

/** The end of what a job printed. */
export async function readTrace(tools: Tools, project: string, job: string): Promise<string> {
  const answer = await readText(tools, GITLAB, pathIn(project, 'jobs', job, 'trace'));
  if (!answer.ok) return '(The output cannot be shown here.)';
  const clean = stripVTControlCharacters(answer.value.replaceAll(SECTION, ''))
    .replaceAll('\r\n', '\n')
    .trimEnd();
  return clean.slice(-TRACE_CHARACTERS);
}

export function resultOf(
  about: { name: string; run: string; commit: string; handle?: Args },
  pipeline: Fields,
  output: string,
): { passed: boolean; result: Result } {
  const built = text(pipeline, 'sha');
  const isOther = about.commit !== '' && built !== about.commit;
  const [code, words] = endingOf(pipeline);
  const name = `${about.name} (${about.run})`;
  const ended = { wasCancelled: text(pipeline, 'status') === 'canceled', words };
  return {
    passed: code === 'done' && !isOther,
    result: {
      code: isOther ? 'other_commit' : code,
      message: isOther ? endedOther(about.handle ?? {}, { name, built }, ended) : `${name} ${words}.`,
      link: text(pipeline, 'web_url'),
      output: output.slice(-TAIL_CHARACTERS),
      data: { run: about.run, commit: built },
    },
  };
}

export type Past = PastRun & { project: string; ref: string; inputs: Record<string, string>; fields: Fields };

/** Finds a run by its number, and its job. Only what our own account has started is a run here: it alone says of which job it is. */
export async function readPast(args: Args, tools: Tools): Promise<Past | Refusal> {
  const unknown = { refused: `${text(args, 'run')} is no run that the assistant has started on GitLab.` };
  for (const repository of lookedThrough(args, tools.settings)) {
    const project = projectOf(placeOf(repository, tools.settings));
    const answer = await readPipeline(tools, project, numberOf(args));
    if (answer.ok) return (await pastOf(args, tools, repository, project, answer.value)) ?? unknown;
    const { code, message } = answer.failure.result;
    if (code !== 'not_found') return { refused: message };
  }
  return unknown;
}

async function pastOf(
  args: Args,
  tools: Tools,
  repository: string,
  project: string,
  pipeline: Fields,
): Promise<Past | null> {
  const user = isFields(pipeline.user) ? text(pipeline.user, 'username') : '';
  if (!isFields(tools.settings) || user !== text(tools.settings, 'account')) return null;
  const listed = await readList(tools, GITLAB, pathIn(project, 'pipelines', numberOf(args), 'variables'));
  if (!listed.ok) return null;
  const all = Array.isArray(listed.value) ? listed.value.filter(isFields) : [];
  const variables = Object.fromEntries(all.map((one) => [text(one, 'key'), text(one, 'value')]));
  const job = describedJob({ repo: repository, job: variables[JOB] ?? '' }, tools.settings);
  if (job === null) return null;
  const inputs = job.inputs.map((name) => [name, variables[inputVariable(name)] ?? ''] as const);
  return {
    run: text(args, 'run'),
    job: job.name,
    repository,
    environment: job.environment,
    commit: text(pipeline, 'sha'),
    startedBy: variables[REQUESTER] ?? user,
    state: stateOf(pipeline),
    hasEnded: hasEnded(pipeline),
    project,
    ref: text(pipeline, 'ref'),
    inputs: Object.fromEntries(inputs.filter(([, value]) => value !== '')),
    fields: pipeline,
  };
}
