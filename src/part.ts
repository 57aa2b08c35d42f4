/** Which part somebody has in a request: it decides what they see of it, and what they mean by the beginning of an id. */
import type { Judging } from './judging.ts';
import type { PrincipalId } from './model/ids.ts';
import type { Principal } from './model/principal.ts';
import { FINAL_STATES, type StoredRequest } from './model/request.ts';
import type { Viewer } from './reply/card.ts';
import type { Sql } from './store/database.ts';

export type PartDeps = { judging: Judging; personById(id: PrincipalId): Promise<Principal | null> };

export async function partIn(
  sql: Sql,
  deps: PartDeps,
  request: StoredRequest,
  viewer: PrincipalId,
): Promise<Viewer> {
  if (request.requester === viewer) return 'requester';
  if (request.coRequesters.includes(viewer)) return 'co-requester';
  const person = await deps.personById(viewer);
  if (!person) return 'other';
  const { mayApprove, mightHaveApproved } = deps.judging;
  const may = FINAL_STATES.has(request.state)
    ? await mightHaveApproved(sql, person, request)
    : (await mayApprove(sql, person, request)).allowed;
  return may ? 'approver' : 'other';
}
