/** A person stops a conversation: their unanswered turns, and what waits for a yes or has not begun. */
import type { Announcing } from './announcing.ts';
import { decideInTransaction } from './approval/decisions.ts';
import { openRequestsIn } from './approval/requests.ts';
import type { AuditLog } from './audit/log.ts';
import { announceRuling, type JudgeDeps, judgeOf } from './deciding.ts';
import { openTurns, settleTurn } from './intake/turns.ts';
import type { PrincipalId, ThreadId, TurnId } from './model/ids.ts';
import type { DecisionInput, Stopping } from './model/ports.ts';
import { type Deliverer, notify, reply } from './reply/messages.ts';
import { begunAmong, completeBegun } from './reply/streaming.ts';
import type { Database } from './store/database.ts';

export type StoppingDeps = JudgeDeps & Deliverer & { db: Database; audit: AuditLog; announcing: Announcing };

const STOPPED = 'Stopped, as you asked.';
const NOTHING_LEFT = 'There was nothing left to stop.';

/** What became of everything that was there to stop: `turns` dropped, requests `cancelled`, and those `running` already. */
function wordsOf(turns: number, cancelled: number, running: number): string {
  const first = turns + cancelled === 0 ? NOTHING_LEFT : STOPPED;
  const requests =
    cancelled === 1
      ? ' One request that had not begun is cancelled.'
      : ` ${cancelled} requests that had not begun are cancelled.`;
  const things = running === 1 ? 'One thing has' : `${running} things have`;
  const begun = ` ${things} begun and cannot be stopped; the card shows how it ends.`;
  return `${first}${cancelled === 0 ? '' : requests}${running === 0 ? '' : begun}`;
}

/**
 * The person wants no more of this conversation: what is being planned is dropped, by every process, as a settled
 * turn can store nothing; what waits or is approved is cancelled. What runs already cannot be taken back.
 * Answers which turns were dropped.
 */
export async function stop(
  deps: StoppingDeps,
  thread: ThreadId,
  person: PrincipalId,
  what: Stopping,
): Promise<TurnId[]> {
  return deps.db.transaction(async (tx) => {
    const turns = await openTurns(tx, thread, person);
    const ended: TurnId[] = [];
    for (const turn of turns) if (await settleTurn(tx, turn, STOPPED)) ended.push(turn);
    let cancelled = 0;
    let running = 0;
    // Stopped where nothing was left: it has just been answered, and nobody asked for more than that.
    if (what === 'answers' && ended.length === 0) return ended;
    const open = what === 'answers' ? [] : await openRequestsIn(tx, thread, person);
    for (const request of open) {
      const { id, digest, turn } = request;
      const input: DecisionInput = {
        key: turn,
        request: id,
        principal: person,
        decision: 'cancel',
        digest,
      };
      const ruling = await decideInTransaction(tx, { audit: deps.audit, judge: judgeOf(deps) }, input);
      await announceRuling(tx, deps, ruling, person);
      if (ruling.kind === 'cancelled') cancelled += 1;
      if (ruling.kind === 'ignored' && ruling.request.state === 'executing') running += 1;
    }
    const text = wordsOf(ended.length, cancelled, running);
    const said = { thread, principal: person, authorship: 'system' as const };
    const [first = null, ...others] = ended;
    const answered = await reply(tx, deps, { ...said, turn: first, text });
    if (first) await completeBegun(tx, first, answered);
    // Each half answer that stands there says so itself.
    for (const turn of await begunAmong(tx, others)) {
      await completeBegun(tx, turn, await reply(tx, deps, { ...said, turn, text: STOPPED }));
    }
    await notify(tx, { kind: 'thread', thread });
    return ended;
  });
}
