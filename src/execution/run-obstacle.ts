/** Whether what an approved request set going on the built-in runner may begin or go on. */
import type { ExecutionId } from '../model/ids.ts';
import type { IsolationLevel, Obligations, Risk } from '../model/request.ts';
import type { Sql } from '../store/database.ts';
import { isEnough, leastLevel } from './levels.ts';

/**
 * Asked of this moment: a kill switch that covers the request, or isolation below what it needs or the log says of it. Null where
 * nothing stands against it, also where no request is known by this execution. Throws where it cannot be read: stop then.
 */
export async function runObstacle(
  sql: Sql,
  execution: ExecutionId,
  isolation: { level: IsolationLevel; acceptProcess: boolean },
): Promise<'kill_switch' | 'isolation_too_low' | null> {
  const row = await sql.maybe<{
    killed: boolean;
    risk: Risk;
    obligations: Obligations;
    level: IsolationLevel | null;
  }>(
    'select is_killed(action, requester, connector) as killed, risk, obligations, level from requests where execution = $1',
    [execution],
  );
  if (row === null) return null;
  if (row.killed) return 'kill_switch';
  const least = leastLevel(row.risk, row.obligations, { process: isolation.acceptProcess });
  return isEnough(isolation.level, least) && isEnough(isolation.level, row.level ?? 'none')
    ? null
    : 'isolation_too_low';
}
