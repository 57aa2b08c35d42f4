import { AppError } from '../errors.ts';
import type { Message } from '../model/card.ts';
import type { MessageId, RequestId } from '../model/ids.ts';
import type { Surface } from '../model/ports.ts';
import type { Platform } from '../model/principal.ts';
import type { Place } from '../model/turn.ts';
import type { Database } from '../store/database.ts';
import { deliveredCards, findMessage, markDelivered, placeOf, type StoredMessage } from './messages.ts';

export type DeliveryDeps = {
  db: Database;
  surface(platform: Platform): Surface | null;
  /** The message with its card as it stands now, for the readers of that place. */
  render(message: StoredMessage, place: Place): Promise<Message>;
  /** What a platform will never accept; an operator must know. */
  gaveUp(problem: { message: MessageId; code: string; cause: unknown }): void;
};

/**
 * Delivers a new message, or rewrites every card of a request as it stands now. Throws what is worth another try
 * (`platform_unavailable`), so that the durable job comes again.
 */
export async function deliver(
  deps: DeliveryDeps,
  what: { message: MessageId } | { request: RequestId },
): Promise<void> {
  if ('message' in what) {
    const message = await findMessage(deps.db, what.message);
    if (message && message.delivered === null) await show(deps, message);
    return;
  }
  for (const message of await deliveredCards(deps.db, what.request)) await show(deps, message);
}

async function show(deps: DeliveryDeps, message: StoredMessage): Promise<void> {
  const place = await placeOf(deps.db, message.thread);
  const surface = deps.surface(place.platform);
  if (!surface) return;
  const rendered = await deps.render(message, place);
  try {
    if (message.delivered !== null) return await surface.update(message.delivered, rendered);
    const delivered = await surface.post(place, rendered);
    if (delivered) await markDelivered(deps.db, message.id, delivered);
  } catch (error) {
    if (error instanceof AppError && error.code !== 'platform_unavailable') {
      deps.gaveUp({ message: message.id, code: error.code, cause: error });
      return;
    }
    throw error;
  }
}
