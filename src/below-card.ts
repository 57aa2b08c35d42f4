/** Where a few words about a card stand: below it, so that whoever reads them has it before their eyes. */
import type { Delivered } from './model/card.ts';
import type { RequestId, ThreadId } from './model/ids.ts';
import type { Surface } from './model/ports.ts';
import type { Place } from './model/turn.ts';
import { threadAt } from './reply/messages.ts';
import type { Tx } from './store/database.ts';

/**
 * In a channel, the thread that the card there begins, where the platform has such. In a direct message, and below what is not
 * shown yet, the conversation itself: there it calls the one who reads it, and comes after the card. Null where no card stands.
 */
export async function threadBelowCard(
  tx: Tx,
  surfaces: readonly Surface[],
  thread: ThreadId,
  request: RequestId,
): Promise<ThreadId | null> {
  const card = await tx.maybe<Place & { delivered: Delivered | null }>(
    `select t.platform, t.tenant, t.container, t.thread, t.direct, m.delivered
     from messages m join threads t on t.id = m.thread where m.thread = $1 and m.request = $2 and m.turn is null`,
    [thread, request],
  );
  if (card === null) return null;
  const { delivered, ...place } = card;
  const surface = surfaces.find(({ platform }) => platform === place.platform);
  if (place.direct || delivered === null || !surface) return thread;
  return threadAt(tx, { ...place, thread: surface.threadOf(delivered) });
}
