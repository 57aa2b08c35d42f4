import { z } from 'zod';
import { factsOf, jobOfRun } from './ci-job.ts';
import { defineAction } from './define.ts';
import { jobField, repoField, runField } from './fields.ts';

export const ciCancel = defineAction({
  name: 'ci.cancel',
  title: 'Stop a CI run',
  description: 'Stops one run of the CI system that waits or is going on. It starts nothing.',
  examples: [
    'cancel run {run} of {job} of {repo}',
    'stop run {run} of {job} of {repo}',
    'cancel run {run}',
    'stop run {run}',
    'abort run {run}',
  ],
  input: z.strictObject({
    run: runField,
    repo: repoField.optional().meta({
      title: 'Repository',
      description: 'Of which repository the run is; named together with the job.',
    }),
    job: jobField.optional().meta({
      title: 'Job',
      description: 'Of which job the run is. A run whose job is not named is judged as one of production.',
    }),
  }),
  effect: 'write',
  // Half a release can be worse than none; outside production nothing is lost that cannot be run again.
  risk: (_args, { settings }) => (factsOf(settings).environment === 'production' ? 'medium' : 'low'),
  resourceType: 'Job',
  resource: jobOfRun,
  port: 'ci',
  operation: 'cancel',
});
