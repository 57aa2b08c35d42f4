/** Jobs on Buildbot: what the settings say of them, what is sent to start one, which commit is meant. Runs in the sandbox. */
import type { EgressValues, Operation, Refusal, Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, isFields, text } from './answer.ts';
import { COMMIT, commitRule, newestCommit } from './github-commit.ts';
import { listOf, read, readRule, type System } from './json-call.ts';

type Args = Readonly<Record<string, Json>>;
type About = Pick<EgressValues, 'mark' | 'requester' | 'pinned' | 'settings'>;

export const BUILDBOT: System = {
  name: 'Buildbot',
  host: 'buildbot',
  credential: 'buildbot',
  refusals: { 404: ['not_found', 'Buildbot knows nothing of that name or number.'] },
};

export type Job = {
  name: string;
  repository: string;
  scheduler: string;
  builder: string;
  codebase: string;
  environment: string;
  inputs: string[];
  github: { owner: string; repo: string } | null;
  url: string;
};

const child = (fields: Json | undefined, name: string): Fields => {
  const value = isFields(fields) && Object.hasOwn(fields, name) ? fields[name] : undefined;
  return isFields(value) ? value : {};
};
const texts = (value: Json | undefined): string[] =>
  Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];

/** The job as the operator described it; null where there is none of that name for that repository. */
export function jobOf(args: Args, settings: Json): Job | null {
  const repository = text(args, 'repo');
  const name = text(args, 'job');
  const job = child(child(settings, 'jobs'), name);
  if (!texts(job.repositories).includes(repository)) return null;
  const place = child(child(settings, 'repositories'), repository);
  const github = child(place, 'github');
  return {
    name,
    repository,
    scheduler: text(job, 'scheduler'),
    builder: text(job, 'builder'),
    codebase: text(job, 'codebase'),
    environment: text(job, 'environment'),
    inputs: texts(job.inputs),
    github:
      text(github, 'owner') === '' ? null : { owner: text(github, 'owner'), repo: text(github, 'repo') },
    url: text(place, 'url'),
  };
}

/** The jobs that run on a builder, by name, each with the repositories that it may be for. */
export function jobsOn(builder: string, settings: Json): { name: string; repositories: string[] }[] {
  return Object.entries(child(settings, 'jobs')).flatMap(([name, job]) =>
    isFields(job) && text(job, 'builder') === builder
      ? [{ name, repositories: texts(job.repositories) }]
      : [],
  );
}

/** The builders of all jobs: what is asked about any other is not ours to show. */
export function buildersOf(settings: Json): string[] {
  return Object.values(child(settings, 'jobs')).map((job) => (isFields(job) ? text(job, 'builder') : ''));
}

export const inputsOf = (args: Args): Fields => (isFields(args.inputs) ? args.inputs : {});

/** Parameters of a codebase carry its name in front. */
const parameter = (job: Job, name: string): string =>
  job.codebase === '' ? name : `${job.codebase}_${name}`;

/** Shown by Buildbot as the reason; keyed, so that it is found again and nobody else can have written it. */
export const OUR_REASON = /^For (.+) by Countersign \[countersign:/;
export const reasonOf = ({ requester, mark }: Pick<About, 'requester' | 'mark'>): string =>
  `For ${requester} by Countersign [countersign:${mark}]`;

/** The whole JSON-RPC call; null while no commit is pinned or the job is unknown, so that nothing can be sent. */
export function forceBody(args: Args, about: About): Fields | null {
  const job = jobOf(args, about.settings);
  const commit = about.pinned.commit ?? '';
  if (job === null || !COMMIT.test(commit)) return null;
  const given = Object.entries(inputsOf(args)).filter(([name]) => job.inputs.includes(name));
  return {
    id: 1,
    jsonrpc: '2.0',
    method: 'force',
    params: {
      ...Object.fromEntries(given),
      builderNames: [job.builder],
      reason: reasonOf(about),
      [parameter(job, 'revision')]: commit,
      ...(job.url === '' ? {} : { [parameter(job, 'repository')]: job.url }),
    },
  };
}

/** Every parameter of a force form by its full name, nested ones too. */
function parametersOf(fields: Fields[]): Map<string, Fields> {
  const found = new Map<string, Fields>();
  for (const field of fields) {
    if (typeof field.fullName === 'string') found.set(field.fullName, field);
    for (const [name, nested] of parametersOf(listOf(field, 'fields'))) found.set(name, nested);
  }
  return found;
}

/**
 * What is wrong with the scheduler for this job; null where nothing is. Buildbot ignores a parameter that it does not ask
 * for and one that is fixed: a commit sent there would be approved, and another one built.
 */
function unsuitable(scheduler: Fields, job: Job, args: Args): string | null {
  const name = `The force scheduler "${job.scheduler}" of Buildbot`;
  if (scheduler.enabled === false) return `${name} is disabled.`;
  if (!texts(scheduler.builder_names).includes(job.builder))
    return `${name} does not start the builder "${job.builder}".`;
  const parameters = parametersOf(listOf(scheduler, 'all_fields'));
  const wanted = ['reason', parameter(job, 'revision'), ...Object.keys(inputsOf(args))];
  if (job.url !== '') wanted.push(parameter(job, 'repository'));
  for (const each of wanted) {
    const type = parameters.get(each)?.type;
    if (type === undefined || type === 'fixed') return `${name} does not take "${each}".`;
  }
  return null;
}

/** A token to look a commit up with, where the operator's app makes tokens. */
export const commitScope: NonNullable<Operation['scope']> = ({ args, settings }) => {
  const repository = jobOf(args, settings)?.github ?? null;
  return repository === null ? null : { repository, permissions: { contents: 'read' } };
};
export const readCommitRule = commitRule(({ args, settings }) => jobOf(args, settings)?.github ?? null);

/** The commit that the words mean now. A Buildbot has no repository to ask: GitHub is asked, or a full commit is needed. */
export async function resolveCommit(
  job: Job,
  ref: string,
  tools: Tools,
): Promise<{ commit: string } | Refusal> {
  if (job.github === null) {
    if (COMMIT.test(ref)) return { commit: ref };
    return {
      refused: `Name a commit in full: where branches and tags of ${job.repository} could be looked up is not configured.`,
    };
  }
  return newestCommit(job.github, ref, tools);
}

export const readSchedulerRule = readRule(BUILDBOT, '/api/v2/forceschedulers/{scheduler}', {
  fill: ({ args, settings }) => ({ scheduler: jobOf(args, settings)?.scheduler ?? '' }),
});

/** Why the job cannot run by its scheduler. `among all`: read from the list, where its name is not known beforehand. */
export async function readScheduler(
  job: Job,
  args: Args,
  tools: Tools,
  how: 'by name' | 'among all' = 'by name',
): Promise<Refusal | null> {
  const path = ['api', 'v2', 'forceschedulers', ...(how === 'by name' ? [job.scheduler] : [])];
  const answer = await read(tools, BUILDBOT, path);
  if (!answer.ok) return { refused: answer.failure.result.message };
  const found = listOf(answer.value, 'forceschedulers');
  const scheduler = how === 'by name' ? found[0] : found.find((one) => text(one, 'name') === job.scheduler);
  const problem = scheduler ? unsuitable(scheduler, job, args) : 'Buildbot did not describe the scheduler.';
  return problem === null ? null : { refused: problem };
}
