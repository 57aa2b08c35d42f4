import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { JobName, Name } from './ci-jobs.ts';
import {
  COMMON_ENVIRONMENT,
  checkEnvironments,
  DeployInput,
  environmentExamples,
  environmentFacts,
  ServiceName,
} from './deployment-settings.ts';
import { operations } from './runner-deployments.operations.ts';

const Settings = z
  .strictObject({
    services: z.record(
      ServiceName,
      z.strictObject({
        /** By its name in `repositories` of countersign.yaml. */
        repository: Name,
        /** The job that deploys, by its name in the jobs file. */
        job: JobName,
        /** The input of that job which says where to. */
        input: DeployInput,
        environments: z.array(z.strictObject(COMMON_ENVIRONMENT)).min(1),
      }),
    ),
  })
  .superRefine(checkEnvironments);

/** Deployments as runs of one job of the built-in runner. */
export const runnerDeployments: Connector = {
  name: 'runner-deployments',
  port: 'deployment',
  builtIn: true,
  title: () => 'the built-in runner',
  settings: Settings as unknown as z.ZodType<Json>,
  facts: (operation, args, settings) => environmentFacts(operation, args, Settings.parse(settings).services),
  operations,
  examples: (operation, settings) => environmentExamples(operation, Settings.parse(settings).services),
  module: 'actions/connectors/runner-deployments.operations.ts',
};
