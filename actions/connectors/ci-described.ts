/** The jobs and repositories of a CI connector's settings, as its operations read them. Runs in the sandbox. */
import type { EgressValues, Refusal } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, isFields, text } from './answer.ts';
import type { Args } from './ci-runs.ts';

/** Repositories that one connector serves: a run whose repository is not named is looked for in each. */
export const MAX_REPOSITORIES = 10;

export type DescribedJob = {
  name: string;
  repository: string;
  environment: string;
  inputs: string[];
  /** As the settings have them. */
  job: Fields;
  place: Fields;
};

const part = (fields: Json | undefined, name: string): Fields => {
  const value = isFields(fields) && Object.hasOwn(fields, name) ? fields[name] : undefined;
  return isFields(value) ? value : {};
};
export const texts = (value: Json | undefined): string[] =>
  Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];

/** Every job in every repository where it may run. */
export function describedJobs(settings: Json): DescribedJob[] {
  return Object.entries(part(settings, 'jobs')).flatMap(([name, job]) =>
    texts(isFields(job) ? job.repositories : undefined).flatMap(
      (repository) => describedJob({ repo: repository, job: name }, settings) ?? [],
    ),
  );
}

/** The job as the operator described it; null where there is none of that name for that repository. */
export function describedJob(args: Args, settings: Json): DescribedJob | null {
  const [repository, name] = [text(args, 'repo'), text(args, 'job')];
  const job = part(part(settings, 'jobs'), name);
  if (!texts(job.repositories).includes(repository)) return null;
  return {
    name,
    repository,
    environment: text(job, 'environment'),
    inputs: texts(job.inputs),
    job,
    place: part(part(settings, 'repositories'), repository),
  };
}

export const repositoryNames = (settings: Json): string[] => Object.keys(part(settings, 'repositories'));
/** Where a run is looked for, one after another: first where whoever asks says that it is. */
export const lookedThrough = (args: Args, settings: Json): string[] =>
  repositoryNames(settings).toSorted(
    (a, b) => Number(b === text(args, 'repo')) - Number(a === text(args, 'repo')),
  );
export const placeOf = (repository: string, settings: Json): Fields =>
  part(part(settings, 'repositories'), repository);

/** The inputs given, by name; the settings say which there are. */
export const givenInputs = (args: Args): Record<string, string> =>
  Object.fromEntries(
    Object.entries(isFields(args.inputs) ? args.inputs : {}).map(([name, value]) => [name, String(value)]),
  );

/** The job that is asked for, or why it cannot be. */
export function askedJob(args: Args, settings: Json, system: string): DescribedJob | Refusal {
  const job = describedJob(args, settings);
  if (job === null)
    return { refused: `There is no job ${text(args, 'job')} of ${text(args, 'repo')} on ${system}.` };
  const unknown = Object.keys(givenInputs(args)).filter((name) => !job.inputs.includes(name));
  if (unknown.length > 0) return { refused: `The job ${job.name} has no input ${unknown.join(', ')}.` };
  return job;
}

/**
 * Which of the jobs that a run could be of it is. Where they are of different environments nobody can say, and nothing is
 * done with it; where one of them is named, it is that one.
 */
export function pickJob(
  candidates: readonly DescribedJob[],
  args: Args,
  what: string,
): DescribedJob | Refusal {
  const [first] = candidates;
  if (first === undefined)
    return { refused: `${text(args, 'run')} is no run of a job that the assistant knows.` };
  if (new Set(candidates.map(({ environment }) => environment)).size > 1)
    return { refused: `Jobs of different environments share ${what}: which one this is of cannot be told.` };
  const [repo, job] = [text(args, 'repo'), text(args, 'job')];
  const fitting = candidates.filter(
    (one) => [one.repository, ''].includes(repo) && [one.name, ''].includes(job),
  );
  if (fitting.length > 1) return { refused: `Name repo and job: several of them share ${what}.` };
  return fitting[0] ?? first;
}

/** What is shown of a job that will run. */
export function jobFactsShown(
  { name, repository, environment }: DescribedJob,
  args: Args,
  commit: string,
): { label: string; value: string }[] {
  const ref = text(args, 'ref');
  return [
    { label: 'Job', value: name },
    { label: 'Repository', value: repository },
    { label: 'Commit', value: ref === commit ? commit : `${commit} (${ref} now)` },
    { label: 'Environment', value: environment },
    ...Object.entries(givenInputs(args)).map(([input, value]) => ({ label: `Input ${input}`, value })),
  ];
}

/**
 * One rule for each repository that the settings may name: where a run is, is not known before it was found. Those beyond the
 * settings' own cannot be filled, and open nothing.
 */
export function forEachRepository<T>(make: (place: (values: EgressValues) => Fields | null) => T): T[] {
  return Array.from({ length: MAX_REPOSITORIES }, (_, index) =>
    make(({ settings }) => {
      const name = repositoryNames(settings)[index];
      return name === undefined ? null : placeOf(name, settings);
    }),
  );
}
