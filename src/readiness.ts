/** Whether the process can do its work: the checks behind `/readyz`, which the workspace and the metrics show too. */
import type { GovernedAction } from './action.ts';
import type { Sequencer } from './audit/sequencer.ts';
import type { Catalogue } from './catalogue.ts';
import type { Broker } from './execution/broker/broker.ts';
import type { Isolation } from './execution/isolation.ts';
import { isEnough } from './execution/levels.ts';
import type { PreparedOutside } from './foreign/outside.ts';
import type { Rules } from './house.ts';
import { neededLevel, runsJobs } from './isolation-needed.ts';
import type { ToolWatch } from './mcp/watch.ts';
import type { Check } from './server.ts';
import type { Database } from './store/database.ts';
import { pendingMigrations } from './store/migrate.ts';

export type ReadinessDeps = {
  db: Database;
  sequencer: Pick<Sequencer, 'health'>;
  /** Null where no tools of MCP servers are configured. */
  toolWatch: Pick<ToolWatch, 'code'> | null;
  broker: Pick<Broker, 'upstreams'>;
  catalogue: Pick<Catalogue, 'all'>;
  policy: Rules['policy'];
  isolation: Isolation;
  /** Null where no jobs can be asked for. */
  jobIsolation: Isolation | null;
  acceptProcess: boolean;
  /** Reviewed actions from outside that are not served. */
  notServed: PreparedOutside['statuses'];
  /** One check for each platform that is to be connected. */
  platforms(): Check[];
};

/** Each check with a code and no detail; those that do not decide are shown, and leave the process ready. */
export function createReadiness(deps: ReadinessDeps): () => Promise<Check[]> {
  /** An outside system that is not asked now; a house with one that fails goes on with the others. */
  const waitingFor = (): string | null => {
    const health = deps.broker.upstreams();
    if (health.some(({ circuit }) => circuit !== 'closed')) return 'circuit_open';
    return health.some(({ pausedSeconds }) => pausedSeconds > 0) ? 'paused' : null;
  };

  return async () => {
    const tools = await deps.toolWatch?.code();
    const migrations = await pendingMigrations(deps.db).then(
      (pending) => ({ database: true, code: pending.length === 0 ? 'ok' : 'migrations_pending' }),
      () => ({ database: false, code: 'database_unavailable' }),
    );
    const sequencing = deps.sequencer.health();
    const policies = [...deps.policy().loaded.policies.values()];
    const isolationCheck = (
      name: string,
      { now, isAtItsBest }: Isolation,
      actions: GovernedAction[],
    ): Check => {
      const needed = neededLevel(actions, policies, { process: deps.acceptProcess });
      return { name, ok: isEnough(now(), needed) && isAtItsBest(), code: now(), decides: false };
    };
    const served = deps.catalogue.all();
    return [
      {
        name: 'database',
        ok: migrations.database,
        code: migrations.database ? 'ok' : migrations.code,
        decides: true,
      },
      { name: 'migrations', ok: migrations.code === 'ok', code: migrations.code, decides: true },
      { name: 'audit', ok: sequencing.ok, code: sequencing.code, decides: true },
      isolationCheck('isolation', deps.isolation, [...served]),
      ...(deps.jobIsolation
        ? [isolationCheck('job_isolation', deps.jobIsolation, served.filter(runsJobs))]
        : []),
      { name: 'upstreams', ok: waitingFor() === null, code: waitingFor() ?? 'ok', decides: false },
      {
        name: 'actions',
        ok: deps.notServed.length === 0,
        code: deps.notServed[0]?.state ?? 'ok',
        decides: false,
      },
      ...(tools === undefined ? [] : [{ name: 'mcp', ok: tools === 'ok', code: tools, decides: false }]),
      ...deps.platforms(),
    ];
  };
}
