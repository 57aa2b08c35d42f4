/** Saying something where nobody asked: to approvers who are needed, and to operators who should know. */
import { findRequest } from './approval/requests.ts';
import type { Judging } from './judging.ts';
import type { RequestId } from './model/ids.ts';
import type { Surface } from './model/ports.ts';
import { type Deliverer, say, threadAt } from './reply/messages.ts';
import type { Database } from './store/database.ts';

export type OutreachDeps = { db: Database; surfaces(): readonly Surface[]; deliverer: Deliverer };

/** Tells the operators' place of every platform; without one, the log is where operators read. */
export async function tellOperators(deps: OutreachDeps, text: string): Promise<void> {
  for (const surface of deps.surfaces()) {
    const place = await surface.operatorsPlace();
    if (!place) continue;
    await deps.db.transaction(async (tx) => {
      await say(tx, deps.deliverer, {
        thread: await threadAt(tx, place),
        turn: null,
        text,
        authorship: 'system',
      });
    });
  }
}

/**
 * Puts a request's card where those are who may approve it. Safe to repeat: a place is asked once. The web needs no
 * message; there it stands under "waiting for you".
 */
export async function askApprovers(
  deps: OutreachDeps & { judging: Judging; titleOf(action: string): string },
  id: RequestId,
): Promise<void> {
  const request = await findRequest(deps.db, id);
  if (request?.state !== 'pending' && request?.state !== 'unknown') return;
  const approvers = await deps.judging.approversOf(deps.db, request);
  const text =
    request.state === 'unknown'
      ? `The outcome of "${deps.titleOf(request.action)}" is not known. Please look, then write: resolve ${id} succeeded|failed`
      : `"${deps.titleOf(request.action)}" needs your decision.`;
  for (const surface of deps.surfaces()) {
    for (const place of await surface.approvalPlaces(approvers)) {
      await deps.db.transaction(async (tx) => {
        const thread = await threadAt(tx, place);
        const asked = await tx.maybe(
          'select 1 from messages where thread = $1 and request = $2 and turn is null',
          [thread, id],
        );
        if (!asked)
          await say(tx, deps.deliverer, { thread, turn: null, text, authorship: 'system', request: id });
      });
    }
  }
}
