import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { Name } from './ci-jobs.ts';
import {
  COMMON_ENVIRONMENT,
  checkEnvironments,
  environmentExamples,
  environmentFacts,
  NameThere,
  ServiceName,
} from './deployment-settings.ts';
import { operations } from './github-deployments.operations.ts';

const Settings = z
  .strictObject({
    /** The account that deploys, e.g. `countersign[bot]`: what somebody else deployed is not taken for ours. */
    account: z.string().min(1).max(100),
    /** As people know it; `github.com`. */
    host: z
      .string()
      .regex(/^[a-z0-9.-]{1,253}$/)
      .default('github.com'),
    /** After that long without an end a person is asked what became of it. */
    timeout_minutes: z.int().min(1).max(1_440).default(60),
    services: z.record(
      ServiceName,
      z.strictObject({
        owner: Name,
        repo: Name,
        environments: z
          .array(
            z.strictObject({
              ...COMMON_ENVIRONMENT,
              /** Its name on GitHub, where that is another. */
              on_github: NameThere.optional(),
              /** Checks that must have passed on the commit; none where none is named. */
              required_contexts: z.array(z.string().min(1).max(200)).max(20).default([]),
            }),
          )
          .min(1),
      }),
    ),
  })
  .superRefine(checkEnvironments);

/** Deployments on GitHub, made real by a workflow or a service that listens to them. */
export const githubDeployments: Connector = {
  name: 'github-deployments',
  port: 'deployment',
  title: () => 'GitHub deployments',
  settings: Settings as unknown as z.ZodType<Json>,
  facts: (operation, args, settings) => environmentFacts(operation, args, Settings.parse(settings).services),
  operations,
  examples: (operation, settings) => environmentExamples(operation, Settings.parse(settings).services),
  module: 'actions/connectors/github-deployments.operations.ts',
};
