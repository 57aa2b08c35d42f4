import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import {
  COMMON_ENVIRONMENT,
  checkEnvironments,
  DeployInput,
  environmentExamples,
  environmentFacts,
  GithubLookup,
  NameThere,
  ServiceName,
} from './deployment-settings.ts';
import { checkParameters, Parameters, Path } from './jenkins.ts';
import { operations } from './jenkins-deployments.operations.ts';

const Settings = z
  .strictObject({
    /** Whom Jenkins takes the credential for: the user id of what we start. */
    account: z.string().min(1).max(100),
    parameters: Parameters,
    services: z.record(
      ServiceName,
      z.strictObject({
        /** The job that deploys, with the folders that it is in. */
        path: Path,
        /** Where branches and tags are looked up; without it only a full commit can be asked for. */
        github: GithubLookup.optional(),
        /** The parameter of that job which says where to, in small letters. */
        input: DeployInput,
        environments: z
          .array(
            z.strictObject({
              ...COMMON_ENVIRONMENT,
              /** The parameter's value, where that is another than its name. */
              on_jenkins: NameThere.optional(),
            }),
          )
          .min(1),
      }),
    ),
  })
  .superRefine(checkEnvironments)
  .superRefine(({ parameters, services }, check) => {
    for (const [service, { input }] of Object.entries(services))
      checkParameters(parameters, [input], ['services', service, 'input'], check);
  });

/** Deployments as builds of one job of Jenkins. */
export const jenkinsDeployments: Connector = {
  name: 'jenkins-deployments',
  port: 'deployment',
  title: () => 'Jenkins',
  settings: Settings as unknown as z.ZodType<Json>,
  facts: (operation, args, settings) => environmentFacts(operation, args, Settings.parse(settings).services),
  operations,
  examples: (operation, settings) => environmentExamples(operation, Settings.parse(settings).services),
  module: 'actions/connectors/jenkins-deployments.operations.ts',
};
