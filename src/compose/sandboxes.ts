/** What is launched, and how well isolated: action code by its bundle, jobs, and the level that each really reaches. */
import type { RunJob } from '../../actions/systems/run-work.ts';
import type { GovernedAction } from '../action.ts';
import { servesJobs } from '../built-ins.ts';
import type { Catalogue } from '../catalogue.ts';
import type { Config } from '../config.ts';
import { createIsolation, foundAtStart, type Isolation, sandboxInForce } from '../execution/isolation.ts';
import { weakerOf } from '../execution/levels.ts';
import { type Bundle, bundleOperations } from '../execution/sandbox/bundle.ts';
import { runJob } from '../execution/sandbox/job.ts';
import {
  type Established,
  establishJobLevel,
  establishLevel,
  type ProbeOptions,
} from '../execution/sandbox/probe.ts';
import { createSandbox } from '../execution/sandbox/sandbox.ts';
import type { PreparedOutside } from '../foreign/outside.ts';
import { runsJobs } from '../isolation-needed.ts';
import type { IsolationLevel } from '../model/request.ts';

/** The level in force, and whether `process` is accepted. */
export type IsolationNow = { level: IsolationLevel; acceptProcess: boolean };

export type Sandboxes = {
  /** As it was at the start. */
  established: Established;
  isolation: Isolation;
  /** Jobs are launched in another way, which is attacked by itself; null where none can be asked for. */
  jobIsolation: Isolation | null;
  sandbox: ReturnType<typeof sandboxInForce>;
  /** The code of a connector, or of an action from outside. */
  bundleOf(connector: string): Bundle;
  runJob: RunJob;
  /** At which all that an action starts is launched: its own code, and the job that the built-in runner runs for it. */
  isolationNow(governed: GovernedAction): IsolationNow;
  jobIsolationNow(): IsolationNow;
};

/** Attacks the machine and bundles the code of every action that is served. `options` begin the self-attack. */
export async function createSandboxes(
  config: Config,
  catalogue: Catalogue,
  outside: PreparedOutside,
  options: Pick<ProbeOptions, 'strongest' | 'bubblewrap'>,
): Promise<Sandboxes> {
  const connectors = new Map(catalogue.all().map(({ connector }) => [connector.name, connector]));
  const [established, establishedForJobs, bundles] = await Promise.all([
    foundAtStart(() => establishLevel(options), 'process'),
    servesJobs(config) ? foundAtStart(() => establishJobLevel(options), 'kernel-lite') : null,
    bundleOperations({
      modules: [...connectors].flatMap(([name, { module }]) =>
        outside.bundles.has(name) ? [] : [{ name, module }],
      ),
    }),
  ]);
  const isolation = createIsolation(established.level, (signal) => establishLevel({ ...options, signal }));
  const jobIsolation =
    establishedForJobs &&
    createIsolation(establishedForJobs.level, (signal) => establishJobLevel({ ...options, signal }));
  const ofJobs = jobIsolation ?? isolation;
  const means = options.bubblewrap === undefined ? {} : { bubblewrap: options.bubblewrap };
  const { acceptProcess } = config;
  return {
    established,
    isolation,
    jobIsolation,
    sandbox: sandboxInForce(isolation, (level) => createSandbox({ level, ...means })),
    bundleOf: (connector) => (outside.bundles.get(connector) ?? bundles.get(connector))!,
    runJob: (job) => runJob({ ...job, ...means, level: ofJobs.now() }),
    isolationNow: (governed) => ({
      level: runsJobs(governed) ? weakerOf(isolation.now(), ofJobs.now()) : isolation.now(),
      acceptProcess,
    }),
    jobIsolationNow: () => ({ level: ofJobs.now(), acceptProcess }),
  };
}
