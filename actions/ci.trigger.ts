import { z } from 'zod';
import { Risk } from '../src/model/request.ts';
import { defineAction } from './define.ts';

/** What the connector's `facts` say of a job. A job that nobody described counts as the worst that one could be. */
const JobFacts = z.object({
  environment: z.string().catch('production'),
  risk: Risk.catch('high'),
});
const UNKNOWN_JOB = { environment: 'production', risk: 'high' } as const;

function factsOf(settings: unknown): z.output<typeof JobFacts> {
  return JobFacts.catch(UNKNOWN_JOB).parse(settings);
}

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
    repo: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'A repository is one name, such as web.')
      .meta({ title: 'Repository', description: 'The name of the repository, e.g. web.' }),
    ref: z
      .string()
      .max(200)
      .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, 'A ref is a branch, a tag or a commit.')
      .meta({ title: 'Branch, tag or commit', description: 'What to run on, e.g. main.' }),
    job: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'A job is one name in small letters, such as checks.')
      .meta({ title: 'Job', description: 'The name of the job, e.g. checks.' }),
    inputs: z
      .record(z.string().regex(/^[a-z][a-z0-9_]{0,39}$/), z.string().max(1_000))
      .optional()
      .meta({ title: 'Inputs', description: "The job's own inputs by name, as text." }),
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
