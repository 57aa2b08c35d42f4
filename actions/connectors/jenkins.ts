import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { MAX_REPOSITORIES } from './ci-described.ts';
import { COMMON_JOB, checkRepositories, JobName, jobExamples, jobFacts, Name } from './ci-jobs.ts';
import { operations } from './jenkins.operations.ts';
import { inputParameter, MAX_DEPTH, MAX_JOBS } from './jenkins-jobs.ts';

const Parameter = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,59}$/);
/** Folders and the job as people see them, with spaces where they have some; no part is dots alone. */
export const Path = z
  .string()
  .max(300)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9 ._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9 ._-]*)*$/)
  .refine((path) => path.split('/').length <= MAX_DEPTH, `at most ${MAX_DEPTH} deep`);

/** Parameters that every job here declares. */
export const Parameters = z.strictObject({
  /** Takes the commit; the job must build it. */
  commit: Parameter,
  /** Takes the mark of the execution; without it a run whose answer was lost is asked of a person. */
  mark: Parameter.optional(),
  /** Takes on whose behalf it is started. */
  requester: Parameter.optional(),
});

/** Says where an input would be a parameter that we fill ourselves. */
export function checkParameters(
  parameters: z.output<typeof Parameters>,
  inputs: readonly string[],
  path: string[],
  check: z.RefinementCtx,
): void {
  const ours = Object.values(parameters).flatMap((name) => name?.toUpperCase() ?? []);
  if (!inputs.some((name) => ours.includes(inputParameter(name)))) return;
  check.addIssue({ code: 'custom', path, message: 'is filled by the assistant itself' });
}

const Settings = z
  .strictObject({
    /** Whom Jenkins takes the credential for: the user id of what we start. */
    account: z.string().min(1).max(100),
    parameters: Parameters,
    repositories: z
      .record(
        Name,
        z.strictObject({
          /** Where branches and tags are looked up; without it only a full commit can be asked for. */
          github: z.strictObject({ owner: Name, repo: Name }).optional(),
        }),
      )
      .refine((all) => Object.keys(all).length <= MAX_REPOSITORIES, `at most ${MAX_REPOSITORIES}`),
    jobs: z
      .record(JobName, z.strictObject({ ...COMMON_JOB, path: Path }))
      .refine((all) => Object.keys(all).length <= MAX_JOBS, `at most ${MAX_JOBS}`),
  })
  .superRefine(checkRepositories)
  .superRefine(({ parameters, jobs }, check) => {
    for (const [job, { inputs }] of Object.entries(jobs))
      checkParameters(parameters, inputs, ['jobs', job, 'inputs'], check);
  });

/** CI on Jenkins, by its remote access API. */
export const jenkins: Connector = {
  name: 'jenkins',
  port: 'ci',
  title: () => 'Jenkins',
  settings: Settings as unknown as z.ZodType<Json>,
  facts: (operation, args, settings) => jobFacts(operation, args, Settings.parse(settings).jobs),
  operations,
  examples: (operation, settings) => jobExamples(operation, Settings.parse(settings).jobs),
  module: 'actions/connectors/jenkins.operations.ts',
};
