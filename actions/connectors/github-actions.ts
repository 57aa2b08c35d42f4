import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { MAX_REPOSITORIES } from './ci-described.ts';
import { COMMON_JOB, checkRepositories, JobName, jobExamples, jobFacts, Name } from './ci-jobs.ts';
import { operations } from './github-actions.operations.ts';

const Settings = z
  .strictObject({
    /** The account that starts runs, e.g. `countersign[bot]`: what somebody else started is not taken for ours. */
    account: z.string().min(1).max(100),
    /** False for servers of one's own that do not answer a start with its run. */
    run_details: z.boolean().default(true),
    /** True where runs of production may start on tags that no ruleset keeps from others. */
    unprotected_tags: z.boolean().default(false),
    repositories: z
      .record(Name, z.strictObject({ owner: Name, repo: Name }))
      .refine((all) => Object.keys(all).length <= MAX_REPOSITORIES, `at most ${MAX_REPOSITORIES}`),
    jobs: z.record(
      JobName,
      z.strictObject({
        ...COMMON_JOB,
        /** The file in `.github/workflows`; it must have `on: workflow_dispatch`. */
        workflow: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.ya?ml$/),
      }),
    ),
  })
  .superRefine(checkRepositories);

/** CI on GitHub Actions: workflows with a manual start, each run on a tag made for it. */
export const githubActions: Connector = {
  name: 'github-actions',
  port: 'ci',
  title: () => 'GitHub Actions',
  settings: Settings as unknown as z.ZodType<Json>,
  facts: (operation, args, settings) => jobFacts(operation, args, Settings.parse(settings).jobs),
  operations,
  examples: (operation, settings) => jobExamples(operation, Settings.parse(settings).jobs),
  module: 'actions/connectors/github-actions.operations.ts',
};
