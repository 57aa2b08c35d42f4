/** What became of a turn, for whoever waits for it. */
import { requestsOfTurn } from './approval/requests.ts';
import type { Changes } from './changes.ts';
import { findTurn } from './intake/turns.ts';
import type { ThreadId, TurnId } from './model/ids.ts';
import type { StoredRequest } from './model/request.ts';
import type { TurnOutcome } from './model/turn.ts';
import type { Database } from './store/database.ts';

/** The net under NOTIFY while somebody waits for a turn. */
const OUTCOME_POLL_MS = 1_000;
/** While a request is in one of these, its turn is still at work. */
const AT_WORK = new Set<StoredRequest['state']>(['approved', 'executing']);

/** Answers once the turn is settled, or when the time is over with what is known then. `nextChange`: wakes it in between. */
export async function outcomeOf(
  db: Database,
  turn: TurnId,
  nextChange: Changes['next'],
  timeoutMs: number,
): Promise<TurnOutcome> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const changed = nextChange(Math.min(OUTCOME_POLL_MS, Math.max(0, deadline - performance.now())));
    const now = await outcomeNow(db, turn);
    if (now?.settled || performance.now() >= deadline) {
      changed.cancel();
      return now ?? { turn, thread: '' as ThreadId, settled: false, reply: '', requests: [] };
    }
    await changed.promise;
  }
}

async function outcomeNow(db: Database, turn: TurnId): Promise<TurnOutcome | null> {
  const found = await findTurn(db, turn);
  if (!found) return null;
  const requests = await requestsOfTurn(db, turn);
  const isSettled = found.state === 'settled' && !requests.some((request) => AT_WORK.has(request.state));
  const said = isSettled ? await wordsOf(db, turn) : '';
  return {
    turn,
    thread: found.thread,
    settled: isSettled,
    reply: said || found.reply,
    requests: requests.map((request) => request.id),
  };
}

/** What was said in answer to a turn, in order. */
async function wordsOf(db: Database, turn: TurnId): Promise<string> {
  const rows = await db.query<{ text: string }>(
    `select text from messages where turn = $1 and authorship <> 'person' order by serial`,
    [turn],
  );
  return rows.map((row) => row.text).join('\n');
}
