/**
 * Showing stored messages on their platform. A thread is shown in the order in which things were said, whatever
 * failed in between; a card ends as its request stands, whatever moved while it was on its way.
 */
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../errors.ts';
import type { Message } from '../model/card.ts';
import type { MessageId, RequestId, ThreadId } from '../model/ids.ts';
import type { Surface } from '../model/ports.ts';
import type { Platform } from '../model/principal.ts';
import type { Place } from '../model/turn.ts';
import type { Database } from '../store/database.ts';
import {
  deliveredCards,
  findMessage,
  markDelivered,
  markUndeliverable,
  placeOf,
  type StoredMessage,
  undeliveredUpTo,
} from './messages.ts';
import { begunFor } from './streaming.ts';

export type DeliveryDeps = {
  db: Database;
  surface(platform: Platform): Surface | null;
  /** The message with its card as it stands now, for the readers of that place. */
  render(message: StoredMessage, place: Place): Promise<Message>;
  /** What a platform will never accept; an operator must know. */
  gaveUp(problem: { message: MessageId; code: string; cause: unknown }): void;
};

/** A card that has changed this often while it was being shown is left to another try. */
const REWRITES_MAX = 10;

export type Deliver = (what: { message: MessageId } | { request: RequestId }) => Promise<void>;

/**
 * Delivers a new message, or rewrites every card of a request as it stands now. Throws what is worth another try
 * (`platform_unavailable`), so that the durable job comes again. At least once: a crash between the platform's yes
 * and our note of it shows a message twice.
 */
export function createDelivery(deps: DeliveryDeps): Deliver {
  const inLine = createLines();
  return async (what) => {
    if ('message' in what) {
      const message = await findMessage(deps.db, what.message);
      if (message) await inLine(message.thread, () => catchUp(deps, message));
      return;
    }
    const cards = await deliveredCards(deps.db, what.request);
    // One place that is slow or down must not keep an outcome from the others.
    const shown = await Promise.allSettled(cards.map((card) => show(deps, card)));
    for (const result of shown) if (result.status === 'rejected') throw result.reason;
  };
}

/** Everything of ours in the thread up to this message that is not shown yet, oldest first. */
async function catchUp(deps: DeliveryDeps, until: StoredMessage): Promise<void> {
  for (const message of await undeliveredUpTo(deps.db, until)) await show(deps, message);
}

async function show(deps: DeliveryDeps, message: StoredMessage): Promise<void> {
  const place = await placeOf(deps.db, message.thread);
  const surface = deps.surface(place.platform);
  if (!surface) return;
  try {
    let delivered = message.delivered;
    let shown = await deps.render(message, place);
    if (delivered === null) {
      delivered = await first(deps.db, surface, place, shown);
      if (delivered === null) return;
      await markDelivered(deps.db, message.id, delivered);
    } else await surface.update(delivered, shown);
    // What moved the request meanwhile may not have known of this card, or have rewritten it before we did.
    for (let rewrites = 0; message.request !== null; rewrites += 1) {
      const now = await deps.render(message, place);
      if (isDeepStrictEqual(now, shown)) return;
      if (rewrites === REWRITES_MAX) {
        throw new AppError('platform_unavailable', 'The card changes faster than it can be shown.');
      }
      shown = now;
      await surface.update(delivered, shown);
    }
  } catch (error) {
    if (!(error instanceof AppError) || TEMPORARY.has(error.code)) throw error;
    deps.gaveUp({ message: message.id, code: error.code, cause: error });
    if (message.delivered === null) await markUndeliverable(deps.db, message.id, error.code);
  }
}

/** Completes what was shown of it while it was written; otherwise posts it. */
async function first(db: Database, surface: Surface, place: Place, message: Message) {
  const begun = surface.streaming && (await begunFor(db, message.id));
  return begun ? surface.streaming!.complete(place, begun, message) : surface.post(place, message);
}

const TEMPORARY: ReadonlySet<string> = new Set(['platform_unavailable', 'database_unavailable']);

/** Work on one thread is done one after the other; nothing is remembered of threads that rest. */
function createLines() {
  const lines = new Map<ThreadId, Promise<void>>();
  return async (thread: ThreadId, work: () => Promise<void>): Promise<void> => {
    const before = lines.get(thread) ?? Promise.resolve();
    const mine = before.then(work, work);
    lines.set(thread, mine);
    try {
      await mine;
    } finally {
      if (lines.get(thread) === mine) lines.delete(thread);
    }
  };
}
