/** Whether what an approved request set going on the built-in runner may begin or go on. */
import type { ExecutionId } from '../model/ids.ts';
import type { IsolationLevel, Obligations, Risk } from '../model/request.ts';
import type { Sql } from '../store/database.ts';
import { isEnough, leastLevel } from './levels.ts';

/** What the log says that the request of this execution is isolated at, at least; null where none is known by it. */
export async function levelOfRun(sql: Sql, execution: ExecutionId): Promise<IsolationLevel | null> {
  const row = await sql.maybe<{ level: IsolationLevel | null }>(
    'select level from requests where execution = $1',
    [execution],
  );
  return row?.level ?? null;
}

/**
 * Asked of this moment: a kill switch that covers the request, or isolation below what it needs, or below `said`, what the log says of
 * it; null where that was of the action's own code only, as before jobs were held to it. Null where nothing stands against it, also where no request is known by this execution. Throws where it cannot be read: stop then.
 */
export async function runObstacle(
  sql: Sql,
  execution: ExecutionId,
  said: IsolationLevel | null,
  isolation: { level: IsolationLevel; acceptProcess: boolean },
): Promise<'kill_switch' | 'isolation_too_low' | null> {
  const row = await sql.maybe<{
    killed: boolean;
    risk: Risk;
    obligations: Obligations;
  }>(
    'select is_killed(action, requester, connector) as killed, risk, obligations from requests where execution = $1',
    [execution],
  );
  if (row === null) return null;
  if (row.killed) return 'kill_switch';
  const least = leastLevel(row.risk, row.obligations, { process: isolation.acceptProcess });
  return isEnough(isolation.level, least) && isEnough(isolation.level, said ?? 'none')
    ? null
    : 'isolation_too_low';
}
