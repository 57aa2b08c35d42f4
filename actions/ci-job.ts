/** Jobs and runs of CI as policy sees them: what acts on a run is judged as the job that the run is of. */
import { z } from 'zod';
import type { ResourceFacts } from '../src/action.ts';
import { type Json, type Resource, Risk } from '../src/model/request.ts';

/** What the connector's `facts` say of a job. A job that nobody described counts as the worst that one could be. */
const JobFacts = z.object({
  environment: z.string().catch('production'),
  risk: Risk.catch('high'),
});
const UNKNOWN_JOB = { environment: 'production', risk: 'high' } as const;

export function factsOf(settings: Json): z.output<typeof JobFacts> {
  return JobFacts.catch(UNKNOWN_JOB).parse(settings);
}

/** A run, and of which job it is in the words of whoever asks; the preview refuses where the CI system says otherwise. */
export type NamedRun = { run: string; repo?: string | undefined; job?: string | undefined };

/**
 * The job that a run is of, as far as it is known before anything is looked up: only the CI system knows what R-12 is. A
 * run whose job is not named is judged as one of production.
 */
export function jobOfRun({ run, repo, job }: NamedRun, { connector, settings }: ResourceFacts): Resource {
  const isNamed = repo !== undefined && job !== undefined;
  return {
    type: 'Job',
    id: isNamed ? `${connector}/${repo}/${job}` : `${connector}/${run}`,
    attributes: {
      connector,
      repository: repo ?? '',
      environment: isNamed ? factsOf(settings).environment : UNKNOWN_JOB.environment,
      job: job ?? '',
    },
  };
}
