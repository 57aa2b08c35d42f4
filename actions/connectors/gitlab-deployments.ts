import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import {
  COMMON_ENVIRONMENT,
  checkEnvironments,
  DeployInput,
  environmentExamples,
  environmentFacts,
  NameThere,
  ServiceName,
} from './deployment-settings.ts';
import { Account, Project, Variables } from './gitlab.ts';
import { operations } from './gitlab-deployments.operations.ts';

const Settings = z
  .strictObject({
    account: Account,
    services: z.record(
      ServiceName,
      z.strictObject({
        project: Project,
        /** The variable that says where to, as inputs are named: `environment` is `INPUT_ENVIRONMENT`. */
        input: DeployInput,
        variables: Variables,
        environments: z
          .array(
            z.strictObject({
              ...COMMON_ENVIRONMENT,
              /** Its name on GitLab, where that is another; the variable's value. */
              on_gitlab: NameThere.optional(),
            }),
          )
          .min(1),
      }),
    ),
  })
  .superRefine(checkEnvironments);

/** Deployments as pipelines of GitLab, each on a tag made for it. */
export const gitlabDeployments: Connector = {
  name: 'gitlab-deployments',
  port: 'deployment',
  title: () => 'GitLab',
  settings: Settings as unknown as z.ZodType<Json>,
  facts: (operation, args, settings) => environmentFacts(operation, args, Settings.parse(settings).services),
  operations,
  examples: (operation, settings) => environmentExamples(operation, Settings.parse(settings).services),
  module: 'actions/connectors/gitlab-deployments.operations.ts',
};
