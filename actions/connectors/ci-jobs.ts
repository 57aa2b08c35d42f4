/** What the settings of every CI connector say of a job, and how policy learns it. */
import { z } from 'zod';
import { type Json, Risk } from '../../src/model/request.ts';

type Described = { repositories: readonly string[]; environment: string; risk?: Risk | undefined };
type Jobs = Readonly<Record<string, Described>>;

export const Name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/);
export const JobName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/);

/** What the settings of a job say whatever the system is. */
export const COMMON_JOB = {
  title: z.string().min(1),
  /** Where it may run, by the names of `repositories`. */
  repositories: z.array(z.string()).min(1),
  environment: z.enum(['test', 'staging', 'production']),
  /** Default: high in production, medium elsewhere. */
  risk: Risk.optional(),
  /** What whoever asks may fill. */
  inputs: z.array(z.string().regex(/^[a-z][a-z0-9_]{0,39}$/)).default([]),
};

/** Says what is named and not there. */
export function checkRepositories(
  settings: { repositories: Readonly<Record<string, unknown>>; jobs: Jobs },
  check: z.RefinementCtx,
): void {
  for (const [job, { repositories }] of Object.entries(settings.jobs)) {
    for (const name of repositories) {
      if (Object.hasOwn(settings.repositories, name)) continue;
      const path = ['jobs', job, 'repositories'];
      check.addIssue({ code: 'custom', path, message: `there is no ${name}` });
    }
  }
}

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
