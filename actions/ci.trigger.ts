import { z } from 'zod';
import { factsOf } from './ci-job.ts';
import { defineAction } from './define.ts';
import { inputsField, jobField, refField, repoField } from './fields.ts';

export const ciTrigger = defineAction({
  name: 'ci.trigger',
  title: 'Run a CI job',
  description:
    'Runs a job of the CI system on one commit of a repository, such as its checks or its release.',
  examples: [
    'run the {job} of {repo} on {ref}',
    'run {job} of {repo} on {ref}',
    'run the {job} pipeline for {repo} on {ref}',
    'run the {job} for {repo} on {ref}',
    'run the {job} job of {repo} on {ref}',
    'trigger {job} for {repo} on {ref}',
    'trigger the {job} of {repo} on {ref}',
    'start the {job} of {repo} on {ref}',
    'run the {job} of {repo}',
    'run the {job}',
  ],
  input: z.strictObject({
    repo: repoField,
    ref: refField,
    job: jobField,
    inputs: inputsField,
  }),
  effect: 'write',
  risk: (_args, { settings }) => factsOf(settings).risk,
  resourceType: 'Job',
  resource: ({ repo, job }, { connector, settings }) => ({
    type: 'Job',
    id: `${connector}/${repo}/${job}`,
    attributes: { connector, repository: repo, environment: factsOf(settings).environment, job },
  }),
  port: 'ci',
  operation: 'trigger',
});
