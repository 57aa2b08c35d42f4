/** The systems that come with us: the desk and the CI runner, served behind the broker like any other system. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDesk, type Desk } from '../actions/systems/desk.ts';
import { type JobsConfig, parseJobs, runnerSettings } from '../actions/systems/jobs.ts';
import { RUN_CHANNEL } from '../actions/systems/run-store.ts';
import type { RunJob, RunWorkDeps } from '../actions/systems/run-work.ts';
import {
  parseRunbooks,
  type RunbooksConfig,
  runbookJobs,
  runbookSettings,
} from '../actions/systems/runbooks.ts';
import { createRunner, type Runner, type RunnerDeps } from '../actions/systems/runner.ts';
import { makeSampleRepository } from '../actions/systems/sample-repository.ts';
import type { BuiltInHost } from './action.ts';
import type { ChosenConnectors } from './catalogue.ts';
import type { Config } from './config.ts';
import type { ExecutionId } from './model/ids.ts';
import type { Database, Tx } from './store/database.ts';
import { readTrusted } from './trusted-file.ts';

const at = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const SAMPLE_JOBS = at('../samples/jobs.yaml');
const SAMPLE_WEB = at('../samples/web');

/**
 * The runner's jobs: the operator's file; in local mode without one, the samples. A job's description decides what runs, where
 * and at which risk, so its file is trusted as the policies are.
 */
export function jobsOf(config: Pick<Config, 'jobsFile' | 'local' | 'production'>): JobsConfig {
  const file = config.jobsFile ?? (config.local ? SAMPLE_JOBS : null);
  if (file === null) return {};
  return parseJobs(readTrusted(file, { production: config.production, code: 'config_invalid' }), file);
}

/** The runner's runbooks, trusted as its jobs are; none where no file is named. */
export function runbooksOf(config: Pick<Config, 'runbooksFile' | 'production'>): RunbooksConfig {
  const file = config.runbooksFile;
  if (file === null) return {};
  return parseRunbooks(readTrusted(file, { production: config.production, code: 'config_invalid' }), file);
}

/** Whether the runner has anything to run. */
export function servesJobs(config: Config): boolean {
  return Object.keys(jobsOf(config)).length + Object.keys(runbooksOf(config)).length > 0;
}

/** The connectors as chosen, those of the runner with settings made from its files. */
export function chosenConnectors(config: Config): ChosenConnectors {
  const { ci } = config.connectors;
  return {
    ...config.connectors,
    ...(ci.use === 'runner' ? { ci: { use: 'runner', settings: runnerSettings(jobsOf(config)) } } : {}),
    ...(config.runbooksFile === null
      ? {}
      : { runbook: { use: 'runbooks', settings: runbookSettings(runbooksOf(config)) } }),
  };
}

/** Name to path; the sample `web` is made in the data folder where local mode names none. */
export async function repositoriesOf(config: Config): Promise<Record<string, string>> {
  if (config.repositories !== null) return config.repositories;
  if (!config.local) return {};
  return { web: await makeSampleRepository(SAMPLE_WEB, join(config.dataFolder, 'repositories', 'web.git')) };
}

export type BuiltIns = {
  desk: Desk;
  runner: Runner;
  hosts: Record<string, BuiltInHost>;
  /** Hears of every execution whose run printed something or ended. */
  onNews(listener: (execution: ExecutionId) => void): Promise<() => Promise<void>>;
};

export function createBuiltIns(deps: {
  db: Database;
  jobs: JobsConfig;
  runbooks: RunbooksConfig;
  repositories: Readonly<Record<string, string>>;
  enqueueRun(tx: Tx, run: string): Promise<void>;
  runJob: RunJob;
  obstacle: RunWorkDeps['obstacle'];
  levelOf: RunnerDeps['levelOf'];
  failed(error: unknown): void;
}): BuiltIns {
  const { db } = deps;
  const desk = createDesk({ db });
  const runnerOf = (jobs: JobsConfig): Runner =>
    createRunner({
      db,
      send: deps.enqueueRun,
      jobs,
      repositories: deps.repositories,
      runJob: deps.runJob,
      obstacle: deps.obstacle,
      levelOf: deps.levelOf,
    });
  const runner = runnerOf(deps.jobs);
  return {
    desk,
    runner,
    hosts: {
      'desk.internal': desk.host,
      'runner.internal': runner.host,
      // The same runs and workers; but nobody can ask CI for a runbook, nor the other way round.
      'runbook.internal': runnerOf(runbookJobs(deps.runbooks)).host,
    },
    onNews: (listener) =>
      db.listen(RUN_CHANNEL, (run) => {
        if (run === '') return;
        db.maybe<{ execution: ExecutionId }>(
          'select idempotency_key as execution from ci_runs where id = $1',
          [run],
        ).then((row) => row && listener(row.execution), deps.failed);
      }),
  };
}
