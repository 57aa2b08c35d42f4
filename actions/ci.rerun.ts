import { z } from 'zod';
import { factsOf, jobOfRun } from './ci-job.ts';
import { defineAction } from './define.ts';
import { jobField, repoField, runField } from './fields.ts';

export const ciRerun = defineAction({
  name: 'ci.rerun',
  title: 'Run a CI run again',
  description: 'Runs the job of an earlier run again, on the same commit and with the same inputs.',
  examples: [
    'run {run} of {job} of {repo} again',
    'rerun {run} of {job} of {repo}',
    'run {run} again',
    'rerun {run}',
    'rerun run {run}',
    'repeat run {run}',
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
  risk: (_args, { settings }) => factsOf(settings).risk,
  resourceType: 'Job',
  resource: jobOfRun,
  port: 'ci',
  operation: 'rerun',
});
