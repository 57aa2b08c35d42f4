import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { Codebase, Identifier, OURS, Web } from './buildbot.ts';
import { operations } from './buildbot-deployments.operations.ts';
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

const Settings = z
  .strictObject({
    web: Web,
    /** Whom Buildbot takes the credential for: the owner it writes on what we force. */
    account: z.string().min(1).max(100),
    services: z.record(
      ServiceName,
      z.strictObject({
        scheduler: Identifier,
        /** The builder that deploys. */
        builder: Identifier,
        codebase: Codebase,
        /** Where branches and tags are looked up; without it only a full commit can be asked for. */
        github: GithubLookup.optional(),
        /** Given to the scheduler as the repository, where it asks for one. */
        url: z.string().min(1).max(500).optional(),
        /** The parameter of the scheduler which says where to. */
        input: DeployInput.refine((name) => !OURS.test(name), 'is filled by the assistant itself'),
        environments: z
          .array(
            z.strictObject({
              ...COMMON_ENVIRONMENT,
              /** The parameter's value, where that is another than its name. */
              on_buildbot: NameThere.optional(),
            }),
          )
          .min(1),
      }),
    ),
  })
  .superRefine(checkEnvironments);

/** Deployments as forced builds of one builder of Buildbot. */
export const buildbotDeployments: Connector = {
  name: 'buildbot-deployments',
  port: 'deployment',
  title: () => 'Buildbot',
  settings: Settings as unknown as z.ZodType<Json>,
  facts: (operation, args, settings) => environmentFacts(operation, args, Settings.parse(settings).services),
  operations,
  examples: (operation, settings) => environmentExamples(operation, Settings.parse(settings).services),
  module: 'actions/connectors/buildbot-deployments.operations.ts',
};
