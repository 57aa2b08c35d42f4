import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { MAX_REPOSITORIES } from './ci-described.ts';
import { COMMON_JOB, checkRepositories, JobName, jobExamples, jobFacts, Name } from './ci-jobs.ts';
import { operations } from './gitlab.operations.ts';

/** Names that we fill ourselves, and those that GitLab's own variables have. */
const OURS = /^(?:COUNTERSIGN_|INPUT_|CI_|GITLAB_)/;

/** The user name of the account that the token belongs to: only what it started is a run here. */
export const Account = z.string().min(1).max(255);
/** The project's number, as its page shows it. */
export const Project = z.int().positive();
/** Given to every pipeline of a job, so that the project's rules choose what runs. */
export const Variables = z
  .record(
    z
      .string()
      .regex(/^[A-Z][A-Z0-9_]{0,59}$/)
      .refine((name) => !OURS.test(name), 'is filled by the assistant itself, or by GitLab'),
    z.string().max(1_000),
  )
  .default({});

const Settings = z
  .strictObject({
    account: Account,
    repositories: z
      .record(Name, z.strictObject({ project: Project }))
      .refine((all) => Object.keys(all).length <= MAX_REPOSITORIES, `at most ${MAX_REPOSITORIES}`),
    jobs: z.record(
      JobName,
      z.strictObject({
        ...COMMON_JOB,
        variables: Variables,
      }),
    ),
  })
  .superRefine(checkRepositories);

/** CI on GitLab: pipelines started by its API. */
export const gitlab: Connector = {
  name: 'gitlab',
  port: 'ci',
  title: () => 'GitLab',
  settings: Settings as unknown as z.ZodType<Json>,
  facts: (operation, args, settings) => jobFacts(operation, args, Settings.parse(settings).jobs),
  operations,
  examples: (operation, settings) => jobExamples(operation, Settings.parse(settings).jobs),
  module: 'actions/connectors/gitlab.operations.ts',
};
