/** The end of an execution, under its claim. */
import type { Result, StoredRequest } from '../model/request.ts';
import type { ExecutorDeps } from './executor-deps.ts';
import { type Claim, finish, type LastLook } from './lease.ts';
import { type Unknown, unknownOutcome } from './what-to-check.ts';

/** With all that belongs to it in one transaction; false where the claim was lost, or another look came first. */
export async function end(
  deps: ExecutorDeps,
  request: StoredRequest,
  claim: Claim,
  state: 'succeeded' | 'failed' | 'unknown',
  result: Result,
  look: LastLook | null = null,
): Promise<boolean> {
  return deps.db.transaction(async (tx) => {
    const isOurs = await finish(tx, claim, state, result, look);
    if (isOurs) await deps.finished(tx, request, state, result);
    return isOurs;
  });
}

/** The result of an execution of which nobody knows what became of it: where a person looks, and for which mark. */
export function toCheck(
  deps: ExecutorDeps,
  how: Unknown,
  request: StoredRequest,
  claim: Claim,
  link?: string,
): Result {
  const governed = deps.governed(request.action);
  const serves = governed?.connector.name === request.connector ? governed : null;
  return unknownOutcome(how, request, serves, deps.markOf(claim.execution), link);
}
