/** Runbooks: jobs of the built-in runner whose source the operator chose, described in a file of their own. */
import { z } from 'zod';
import type { Json } from '../../src/model/request.ts';
import { parseTrustedYaml } from '../../src/trusted-file.ts';
import { Job, JobName, type JobsConfig, riskOf } from './jobs.ts';

/** No job of CI can have such a name: a runbook is run as what it is, or not at all. */
const PREFIX = 'runbook.';

const Runbook = z.strictObject({
  ...Job.omit({ repositories: true }).shape,
  /** Where its files are, and which state of them: pinned to a commit in the preview. */
  repository: z.string().min(1),
  ref: z
    .string()
    .max(200)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, 'is a branch, a tag or a commit'),
});
const Runbooks = z.strictObject({ runbooks: z.record(JobName, Runbook) });
export type RunbooksConfig = Readonly<Record<string, z.output<typeof Runbook>>>;

/** Reads runbooks. Throws `config_invalid` naming file, line and what is wrong. */
export const parseRunbooks = (yaml: string, file: string): RunbooksConfig =>
  parseTrustedYaml(yaml, file, Runbooks, 'config_invalid').value.runbooks;

/** The runbooks as the runner knows its jobs. */
export function runbookJobs(runbooks: RunbooksConfig): JobsConfig {
  return Object.fromEntries(
    Object.entries(runbooks).map(([name, { repository, ref: _ref, ...job }]) => [
      `${PREFIX}${name}`,
      { ...job, repositories: [repository] },
    ]),
  );
}

/** What the connector and policy know of the runbooks: settings of the connector `runbooks`. */
export function runbookSettings(runbooks: RunbooksConfig): Json {
  const jobs = runbookJobs(runbooks);
  const entries = Object.entries(runbooks).map(([name, { title, repository, ref, environment, inputs }]) => {
    const job = `${PREFIX}${name}`;
    const risk = riskOf(jobs[job]!);
    return [name, { title, job, repository, ref, environment, risk, inputs: Object.keys(inputs) }] as const;
  });
  return { runbooks: Object.fromEntries(entries) };
}
