/** What the settings of every CI connector say of a job, and how policy learns it. */
import type { Json, Risk } from '../../src/model/request.ts';

type Described = { repositories: readonly string[]; environment: string; risk?: Risk | undefined };
type Jobs = Readonly<Record<string, Described>>;

/** Operations that are about a job; the others only read a run. */
const ABOUT_A_JOB: ReadonlySet<string> = new Set(['trigger', 'cancel', 'rerun']);
const WORST = { environment: 'production', risk: 'high' } as const;

/**
 * Environment and risk of the job that is named; an unknown one, one of another repository, or one that is not named counts as
 * the worst there could be.
 */
export function jobFacts(operation: string, args: Readonly<Record<string, Json>>, jobs: Jobs): Json {
  if (!ABOUT_A_JOB.has(operation)) return {};
  const { repo, job: name } = args;
  if (typeof repo !== 'string' || typeof name !== 'string' || !Object.hasOwn(jobs, name)) return { ...WORST };
  const job = jobs[name];
  if (!job?.repositories.includes(repo)) return { ...WORST };
  const risk = job.risk ?? (job.environment === 'production' ? 'high' : 'medium');
  return { environment: job.environment, risk };
}

/** One set of arguments for each case that policy may tell apart. */
export function jobExamples(operation: string, jobs: Jobs): Record<string, Json>[] {
  if (!ABOUT_A_JOB.has(operation)) return [{ run: 'R-1' }];
  const named = Object.entries(jobs).flatMap(([job, { repositories }]) =>
    repositories.map((repo) => ({ repo, job })),
  );
  if (operation === 'trigger') return named.map((which) => ({ ...which, ref: 'main' }));
  return [{ run: 'R-1' }, ...named.map((which) => ({ ...which, run: 'R-1' }))];
}
