import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import { Risk } from '../../src/model/request.ts';
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
  title: () => 'the built-in runner',
  settings: Settings,
  /** Environment and risk of a job; an unknown one, or one of another repository, counts as the worst there could be. */
  facts: (operation, args, settings) => {
    if (operation !== 'trigger') return {};
    const { jobs } = Settings.parse(settings);
    const job = Object.hasOwn(jobs, String(args.job)) ? jobs[String(args.job)] : undefined;
    return job?.repositories.includes(String(args.repo))
      ? { environment: job.environment, risk: job.risk }
      : { environment: 'production', risk: 'high' };
  },
  operations,
  examples: (operation, settings) => {
    if (operation !== 'trigger') return [{ run: 'R-1' }];
    return Object.entries(Settings.parse(settings).jobs).flatMap(([job, { repositories }]) =>
      repositories.map((repo) => ({ repo, ref: 'main', job })),
    );
  },
  module: 'actions/connectors/runner.operations.ts',
};
