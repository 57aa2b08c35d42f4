import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { Name } from './ci-jobs.ts';
import {
  COMMON_ENVIRONMENT,
  checkEnvironments,
  DeployInput,
  environmentExamples,
  environmentFacts,
  NameThere,
  ServiceName,
} from './deployment-settings.ts';
import { operations } from './github-deploy-workflow.operations.ts';

const Settings = z
  .strictObject({
    /** The account that starts runs, e.g. `countersign[bot]`: what somebody else started is not taken for ours. */
    account: z.string().min(1).max(100),
    /** False for servers of one's own that do not answer a start with its run. */
    run_details: z.boolean().default(true),
    /** True where runs of production may start on tags that no ruleset keeps from others. */
    unprotected_tags: z.boolean().default(false),
    services: z.record(
      ServiceName,
      z.strictObject({
        owner: Name,
        repo: Name,
        /** The file in `.github/workflows`; it must have `on: workflow_dispatch`, and a job with `environment`. */
        workflow: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.ya?ml$/),
        /** The input of that workflow which says where to. */
        input: DeployInput,
        environments: z
          .array(
            z.strictObject({
              ...COMMON_ENVIRONMENT,
              /** Its name on GitHub, where that is another; the input's value. */
              on_github: NameThere.optional(),
            }),
          )
          .min(1),
      }),
    ),
  })
  .superRefine(checkEnvironments);

/** Deployments as runs of a workflow of GitHub Actions, each on a tag made for it. */
export const githubDeployWorkflow: Connector = {
  name: 'github-deploy-workflow',
  port: 'deployment',
  title: () => 'GitHub Actions',
  settings: Settings as unknown as z.ZodType<Json>,
  facts: (operation, args, settings) => environmentFacts(operation, args, Settings.parse(settings).services),
  operations,
  examples: (operation, settings) => environmentExamples(operation, Settings.parse(settings).services),
  module: 'actions/connectors/github-deploy-workflow.operations.ts',
};
