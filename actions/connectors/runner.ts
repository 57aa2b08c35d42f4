import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import { Risk } from '../../src/model/request.ts';
import { jobExamples, jobFacts } from './ci-jobs.ts';
import { operations } from './runner.operations.ts';

/** Made by `runnerSettings` from the jobs file. */
const Settings = z.strictObject({
  jobs: z.record(
    z.string(),
    z.strictObject({
      title: z.string(),
      repositories: z.array(z.string()),
      environment: z.string(),
      risk: Risk,
      inputs: z.array(z.string()),
    }),
  ),
});

/** The CI runner that comes with Countersign. */
export const runner: Connector = {
  name: 'runner',
  port: 'ci',
  builtIn: true,
  title: () => 'the built-in runner',
  settings: Settings,
  facts: (operation, args, settings) => jobFacts(operation, args, Settings.parse(settings).jobs),
  operations,
  examples: (operation, settings) => jobExamples(operation, Settings.parse(settings).jobs),
  module: 'actions/connectors/runner.operations.ts',
};
