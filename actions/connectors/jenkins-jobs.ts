/**
 * Jobs on Jenkins: where they are, what they are started with, on which commit (jenkins.io, "Remote Access API"; each object's own
 * `/api/`). Runs in the sandbox.
 */
import type { EgressRule, EgressValues, Refusal, Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, isFields, text } from './answer.ts';
import { type DescribedJob, describedJob, describedJobs, givenInputs } from './ci-described.ts';
import type { Args } from './ci-runs.ts';
import { COMMIT, type GithubPlace, newestCommit } from './github-commit.ts';
import { listOf, read, readRule, type System, type WriteMethod, writeRule } from './json-call.ts';

export const JENKINS: System = {
  name: 'Jenkins',
  host: 'jenkins',
  credential: 'jenkins',
  refusals: {
    400: ['upstream_rejected', 'Jenkins does not take these parameters: its job declares none, or others.'],
    404: ['not_found', 'Jenkins knows nothing of that name or number, or hides it from the assistant.'],
    409: ['upstream_rejected', 'That job is disabled on Jenkins.'],
  },
};

/** Folders a job may be in, itself included; each is two segments of a path. */
export const MAX_DEPTH = 4;
/** Jobs of Jenkins that a run is looked for in, once it has left the queue's memory. */
export const MAX_JOBS = 20;
const LETTERS = ['a', 'b', 'c', 'd'] as const;

/** `team/web/checks`, as people see it; Jenkins puts `job` before each. */
const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '');
export const segmentsOf = (path: string): string[] => partsOf(path).flatMap((part) => ['job', part]);
export const pathOf = ({ job }: DescribedJob): string => text(job, 'path');

/** The Jenkins job that an action's arguments, or what a preview has pinned, are about. */
export function jobPath(args: Args, settings: Json): string {
  const job = describedJob(args, settings);
  return job === null ? '' : pathOf(job);
}

type Shape = {
  query?: EgressRule['query'];
  more?: (values: EgressValues) => Record<string, string>;
  headers?: NonNullable<EgressRule['headers']>;
  endBytes?: number;
};

/** One rule for each depth of folders: a rule's path has a fixed number of segments. */
function atEachDepth<T>(
  where: (values: EgressValues) => string,
  rest: string,
  more: Shape['more'],
  make: (path: string, fill: (values: EgressValues) => Record<string, string>) => T,
): T[] {
  return LETTERS.map((_, index) => {
    const names = LETTERS.slice(0, index + 1);
    const fill = (values: EgressValues): Record<string, string> => {
      const parts = partsOf(where(values));
      if (parts.length !== names.length) return {};
      return { ...Object.fromEntries(names.map((name, at) => [name, parts[at] ?? ''])), ...more?.(values) };
    };
    return make(`${names.map((name) => `/job/{${name}}`).join('')}${rest}`, fill);
  });
}

export const readsOf = (
  where: (values: EgressValues) => string,
  rest: string,
  shape: Shape = {},
): EgressRule[] =>
  atEachDepth(where, rest, shape.more, (path, fill) =>
    readRule(JENKINS, path, {
      fill,
      ...(shape.query === undefined ? {} : { query: shape.query }),
      ...(shape.headers === undefined ? {} : { headers: shape.headers }),
      ...(shape.endBytes === undefined ? {} : { endBytes: shape.endBytes }),
    }),
  );

/** Jenkins takes everything in the query; no body is sent. */
export const writesOf = (
  where: (values: EgressValues) => string,
  rest: string,
  shape: Shape & { method?: WriteMethod } = {},
): EgressRule[] =>
  atEachDepth(where, rest, shape.more, (path, fill) =>
    writeRule(JENKINS, path, {
      fill,
      body: () => null,
      ...(shape.query === undefined ? {} : { query: shape.query }),
    }),
  );

/** Every Jenkins job of the settings once. */
export const knownPaths = (settings: Json): string[] => [...new Set(describedJobs(settings).map(pathOf))];

/** One set of rules for each of them: of which a run is, is not known before it was found. */
export function readsOfEach(rest: string, shape: Shape): EgressRule[] {
  return Array.from({ length: MAX_JOBS }, (_, index) =>
    readsOf(({ settings }) => knownPaths(settings)[index] ?? '', rest, shape),
  ).flat();
}

const named = (settings: Json, what: string): string => {
  const parameters = isFields(settings) && isFields(settings.parameters) ? settings.parameters : {};
  return text(parameters, what);
};
export const commitParameter = (settings: Json): string => named(settings, 'commit');
export const markParameter = (settings: Json): string => named(settings, 'mark');
export const requesterParameter = (settings: Json): string => named(settings, 'requester');
/** Parameters of Jenkins are by custom in capitals. */
export const inputParameter = (input: string): string => input.toUpperCase();

type About = Pick<EgressValues, 'mark' | 'requester' | 'pinned' | 'settings'>;

/** The parameters of one run; null while no commit is pinned or the job is unknown, so that nothing can be sent. */
export function parametersOf(
  args: Args,
  { mark, requester, pinned, settings }: About,
): Record<string, string> | null {
  const job = describedJob(args, settings);
  const commit = pinned.commit ?? '';
  if (job === null || !COMMIT.test(commit)) return null;
  const given = Object.entries(givenInputs(args)).filter(([name]) => job.inputs.includes(name));
  const ours = [
    [commitParameter(settings), commit],
    [markParameter(settings), mark],
    [requesterParameter(settings), requester],
  ] as const;
  return Object.fromEntries([
    ...given.map(([name, value]) => [inputParameter(name), value] as const),
    ...ours.filter(([name]) => name !== ''),
  ]);
}

export const JOB_TREE = { tree: 'buildable,property[parameterDefinitions[name]]' };

/**
 * Why a job cannot be started like this; null where it can. Jenkins leaves out a parameter that its job does not declare, without
 * a word: the commit would be approved, and another one built.
 */
export async function unsuitable(job: DescribedJob, args: Args, tools: Tools): Promise<Refusal | null> {
  const answer = await read(tools, JENKINS, [...segmentsOf(pathOf(job)), 'api', 'json'], JOB_TREE);
  if (!answer.ok) return { refused: answer.failure.result.message };
  if (answer.value.buildable === false) return { refused: `The job ${pathOf(job)} is disabled on Jenkins.` };
  const declared = listOf(answer.value, 'property')
    .flatMap((property) => listOf(property, 'parameterDefinitions'))
    .map((definition) => text(definition, 'name'));
  const about = { mark: 'm', requester: 'r', pinned: { commit: '0'.repeat(40) }, settings: tools.settings };
  const missing = Object.keys(parametersOf(args, about) ?? {}).filter((name) => !declared.includes(name));
  if (missing.length === 0) return null;
  return {
    refused: `The job ${pathOf(job)} of Jenkins does not declare the parameter ${missing.join(', ')}.`,
  };
}

export function githubOf(job: DescribedJob | null): GithubPlace | null {
  const github = job !== null && isFields(job.place.github) ? job.place.github : {};
  return text(github, 'owner') === '' ? null : { owner: text(github, 'owner'), repo: text(github, 'repo') };
}

/** A Jenkins has no repository to ask what a branch stands for: GitHub is asked, or a full commit is needed. */
export async function resolveCommit(
  job: DescribedJob,
  ref: string,
  tools: Tools,
): Promise<{ commit: string } | Refusal> {
  const github = githubOf(job);
  if (github !== null) return newestCommit(github, ref, tools);
  if (COMMIT.test(ref)) return { commit: ref };
  return {
    refused: `Name a commit in full: where branches and tags of ${job.repository} could be looked up is not configured.`,
  };
}

/** All parameters of a build or a queue item, by name. */
export function parametersIn(item: Fields): Record<string, string> {
  const all = listOf(item, 'actions').flatMap((action) => listOf(action, 'parameters'));
  return Object.fromEntries(all.map((one) => [text(one, 'name'), String(one.value ?? '')]));
}

/** Whom Jenkins says started it. */
export function startedBy(item: Fields): string {
  const causes = listOf(item, 'actions').flatMap((action) => listOf(action, 'causes'));
  return causes.map((cause) => text(cause, 'userId')).find((id) => id !== '') ?? '';
}
