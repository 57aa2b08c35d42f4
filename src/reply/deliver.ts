/**
 * Showing stored messages on their platform. A thread is shown in the order in which things were said, whatever
 * failed in between; a card ends as its request stands, whatever moved while it was on its way.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { AppError, type ErrorCode } from '../errors.ts';
import type { Delivered, Message } from '../model/card.ts';
import type { MessageId, RequestId, ThreadId } from '../model/ids.ts';
import type { Surface } from '../model/ports.ts';
import type { Platform } from '../model/principal.ts';
import type { Place } from '../model/turn.ts';
import type { Database, Tx } from '../store/database.ts';
import {
  type Deliverer,
  deliveredCards,
  findMessage,
  forgetShown,
  markBegun,
  markDelivered,
  markUndeliverable,
  placeOf,
  type StoredMessage,
  undeliveredUpTo,
} from './messages.ts';
import { begunFor } from './streaming.ts';
import { type ThreadLease, whileLeased } from './thread-lease.ts';

export type DeliveryDeps = Deliverer & {
  db: Database;
  surface(platform: Platform): Surface | null;
  /** The message with its card as it stands now, for the readers of that place. */
  render(message: StoredMessage, place: Place): Promise<Message>;
  /** Queues the same again: too much waits for its place already, or its platform has asked to wait for so long. */
  putOff(what: What, afterSeconds: number): Promise<void>;
  /** What became of a message: null where it was shown. */
  heard(platform: Platform, problem: AppError | null): void;
  /** What a platform will never accept; an operator must know. */
  gaveUp(problem: { message: MessageId; code: string; cause: unknown }): void;
  /** A lease on a conversation could not be renewed or given back: it ends by itself, and nothing is shown twice for that. */
  leaseFailed(error: unknown): void;
  /** What is to be done where a message will not be shown there: found out first, and done in the transaction that notes it. */
  instead(message: StoredMessage, place: Place, code: ErrorCode): Promise<Instead>;
};
export type Instead = (tx: Tx) => Promise<void>;

/** A card that has changed this often while it was being shown is left to another try. */
const REWRITES_MAX = 10;

/**
 * Deliveries that one place, or the cards of one request, may keep under way in a process. One at a time is sent; the next is
 * there when it has gone, and the rest is where it is lost with no process and keeps nobody else waiting.
 */
const UNDER_WAY_MAX = 8;
/** Shorter than it takes to send that many, about one a second. */
const PUT_OFF_SECONDS = 5;
/** Another process mostly has a thread for no longer than a platform takes to answer: tries within that time, then by the queue. */
const ELSEWHERE_AGAIN_MS = [100, 200, 400, 800];
const ELSEWHERE_SECONDS = 1;
/** Between tries to note what is shown: it is shown again by whoever comes next if that never succeeds. */
const NOTE_AGAIN_MS = [250, 1_000, 4_000];

type What = { message: MessageId } | { request: RequestId };
/** Awaits something slow that needs none of us. */
export type Aside = <T>(wait: () => Promise<T>) => Promise<T>;
/** `aside`: how whoever calls wants the platform to be waited for. */
export type Deliver = (what: What, aside?: Aside) => Promise<void>;

/**
 * Delivers a new message, or rewrites every card of a request as it stands now. Throws what is worth another try, so
 * that the durable job comes again. Once, whatever the number of processes: one of them has a thread at a time. A message is shown
 * again only where a process was killed, stood still or could not reach the database between the platform's yes and our note of it.
 */
export function createDelivery(deps: DeliveryDeps): Deliver {
  const inLine = createLines();
  const underWay = new Map<string, number>();
  const unnoted = new Map<MessageId, Delivered>();
  const begun = new Map<MessageId, Delivered>();
  const leasing = { db: deps.db, holder: crypto.randomUUID(), failed: deps.leaseFailed };

  /** Shows the thread up to this message once no other process shows it, or puts that off. */
  async function inItsTurn(showing: Showing, message: StoredMessage): Promise<void> {
    let isComplete = false;
    const work = async (lease: ThreadLease) => {
      isComplete = await catchUp(showing, lease, message);
    };
    for (const againMs of [...ELSEWHERE_AGAIN_MS, null]) {
      if (await whileLeased(leasing, message.thread, work)) break;
      if (againMs !== null) await showing.aside(() => wait(againMs));
    }
    if (!isComplete) await deps.putOff({ message: message.id }, ELSEWHERE_SECONDS);
  }

  async function unlessCrowded(where: string, what: What, work: () => Promise<void>): Promise<void> {
    const others = underWay.get(where) ?? 0;
    if (others >= UNDER_WAY_MAX) return deps.putOff(what, PUT_OFF_SECONDS);
    underWay.set(where, others + 1);
    try {
      await work();
    } finally {
      const left = underWay.get(where)! - 1;
      if (left === 0) underWay.delete(where);
      else underWay.set(where, left);
    }
  }

  /** A try before the time that its platform named would be refused: the next one is then, and this one has done its part. */
  async function orWhenAsked(what: What, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const pauseMs = pauseOf(error);
      if (pauseMs === null) throw error;
      await deps.putOff(what, Math.max(1, Math.ceil(pauseMs / 1_000)));
    }
  }

  const deliver: Deliver = async (what, aside = (wait) => wait()) => {
    const showing: Showing = { ...deps, aside, unnoted, begun };
    if ('message' in what) {
      const message = await findMessage(deps.db, what.message);
      if (!message) return;
      const { platform, tenant, container } = await placeOf(deps.db, message.thread);
      const where = JSON.stringify([platform, tenant, container]);
      return unlessCrowded(where, what, () =>
        inLine(message.thread, aside, () => inItsTurn(showing, message)),
      );
    }
    return unlessCrowded(what.request, what, async () => {
      const cards = await deliveredCards(deps.db, what.request);
      // One place that is slow or down must not keep an outcome from the others.
      const shown = await Promise.allSettled(cards.map((card) => rewrite(showing, card)));
      const failed = shown.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
      // What named no time is worth a try sooner.
      if (failed.length > 0) throw failed.find((error) => pauseOf(error) === null) ?? failed[0];
    });
  };
  return (what, aside) => orWhenAsked(what, () => deliver(what, aside));
}

type Showing = DeliveryDeps & {
  aside: Aside;
  /** What stands on its platform and could not be noted yet: whoever tries again must not post it again. */
  unnoted: Map<MessageId, Delivered>;
  /** What stands there in part only, in case that could not be noted. */
  begun: Map<MessageId, Delivered>;
};

/**
 * Everything of ours in the thread up to this message that is not shown yet, oldest first, and this one as it stands now. False
 * where another process may have taken the thread over before it was all shown.
 */
async function catchUp(deps: Showing, lease: ThreadLease, until: StoredMessage): Promise<boolean> {
  // What stands there and has changed since: a form that was sent.
  if (until.delivered !== null && until.formSentBy !== null) await show(deps, until, lease);
  for (const message of await undeliveredUpTo(deps.db, until)) {
    if (!lease.holds()) return false;
    await show(deps, message, lease);
  }
  return lease.holds();
}

/** A card that stands somewhere: each process ends by showing it as it stands, so that none has to wait for another. */
async function rewrite(deps: Showing, card: StoredMessage): Promise<void> {
  await show(deps, card, { place: await placeOf(deps.db, card.thread), holds: () => true });
}

async function show(deps: Showing, message: StoredMessage, lease: ThreadLease): Promise<void> {
  const { aside } = deps;
  const { place } = lease;
  const surface = deps.surface(place.platform);
  if (!surface) return;
  if (await asksInVain(deps, message)) return giveUp(deps, message, 'over', noMore);
  let { delivered } = message;
  const update = (where: Delivered) => aside(() => surface.update(where, shown));
  let shown: Message;
  try {
    shown = await deps.render(message, place);
    if (delivered === null) {
      delivered = deps.unnoted.get(message.id) ?? (await first(deps, surface, lease, message, shown));
      if (delivered === null) return;
      await note(deps, message.id, delivered);
    } else await update(delivered);
    // What moved the request meanwhile may not have known of this card, or have rewritten it before we did.
    for (let rewrites = 0; message.request !== null; rewrites += 1) {
      const now = await deps.render(message, place);
      if (isDeepStrictEqual(now, shown)) break;
      if (rewrites === REWRITES_MAX) {
        throw new AppError('platform_unavailable', 'The card changes faster than it can be shown.');
      }
      shown = now;
      await update(delivered);
    }
    deps.heard(place.platform, null);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    deps.heard(place.platform, error);
    if (mayBeMended(error)) throw error;
    if (delivered !== null) return lost(deps, message, delivered, error);
    deps.gaveUp({ message: message.id, code: error.code, cause: error });
    await giveUp(deps, message, error.code, await deps.instead(message, place, error.code));
  }
}

/** What stands there already cannot be rewritten. Where it is gone, whoever must still decide by it gets it anew, and nobody else. */
async function lost(deps: Showing, message: StoredMessage, delivered: Delivered, error: AppError) {
  const isGone = error.code === 'not_found' || error.code === 'not_allowed';
  if (isGone && (await isWaitedFor(deps, message))) {
    return deps.db.transaction(async (tx) => {
      // In its line with what else is said there: two that found it gone must not both post it.
      if (await forgetShown(tx, message.id, delivered)) await deps.deliver(tx, { message: message.id });
    });
  }
  deps.gaveUp({ message: message.id, code: error.code, cause: error });
  // A card that its platform refuses now may be one that it takes once the request has moved on.
  if (isGone) await giveUp(deps, message, error.code, noMore);
}

/** Goes on with what stands of it already, in part or as it was written; otherwise posts it. Null: nothing is shown. */
async function first(
  { db, aside, begun }: Showing,
  surface: Surface,
  { place, holds }: ThreadLease,
  stored: StoredMessage,
  message: Message,
): Promise<Delivered | null> {
  const part = stored.begun ?? begun.get(stored.id);
  if (part) {
    await aside(() => surface.update(part, message));
    return part;
  }
  const written = surface.streaming && (await begunFor(db, stored.id));
  // Rendered and read by now, which a slow database may have drawn out.
  if (!holds()) return null;
  if (written) return aside(() => surface.streaming!.complete(place, written, message));
  return aside(() =>
    surface.post(place, message, async (delivered) => {
      begun.set(stored.id, delivered);
      await markBegun(db, stored.id, delivered);
    }),
  );
}

async function giveUp(
  { db, begun }: Showing,
  { id }: StoredMessage,
  code: string,
  instead: Instead,
): Promise<void> {
  begun.delete(id);
  await db.transaction(async (tx) => {
    await markUndeliverable(tx, id, code);
    await instead(tx);
  });
}

const noMore: Instead = async () => undefined;

/** Somebody must still say something of its request: yes or no, or what became of it. */
async function isWaitedFor({ db }: Showing, { request }: StoredMessage): Promise<boolean> {
  const open = await db.maybe(`select 1 from requests where id = $1 and state in ('pending', 'unknown')`, [
    request,
  ]);
  return open !== null;
}

/** It would ask approvers about what has ended while it could not be shown. */
async function asksInVain({ db }: Showing, message: StoredMessage): Promise<boolean> {
  if (message.delivered !== null || message.request === null) return false;
  const over = await db.maybe(
    `select 1 from messages m join requests r on r.id = m.request
     where m.id = $1 and m.turn is null and r.state not in ('pending', 'approved', 'executing', 'unknown')`,
    [message.id],
  );
  return over !== null;
}

/** Until it is noted that it is shown, a database that fails for a moment would have it shown again. */
async function note(
  { db, aside, unnoted, begun }: Showing,
  id: MessageId,
  delivered: Delivered,
): Promise<void> {
  unnoted.set(id, delivered);
  for (const againMs of [...NOTE_AGAIN_MS, null]) {
    try {
      await markDelivered(db, id, delivered);
      unnoted.delete(id);
      begun.delete(id);
      return;
    } catch (error) {
      if (againMs === null) throw error;
      await aside(() => wait(againMs));
    }
  }
}

/** By itself, as what we stand on comes back, or by an operator, who gives us a token or a right that the platform takes. */
const mayBeMended = (error: AppError): boolean => error.status === 503 || error.code === 'config_invalid';

const pauseOf = (error: unknown): number | null => (error instanceof AppError ? error.retryAfterMs : null);

/** Work on one thread is done one after the other; nothing is remembered of threads that rest. */
function createLines() {
  const lines = new Map<ThreadId, Promise<void>>();
  return async (thread: ThreadId, aside: Aside, work: () => Promise<void>): Promise<void> => {
    const before = lines.get(thread);
    const mine = before === undefined ? work() : aside(() => before.catch(() => undefined)).then(work);
    lines.set(thread, mine);
    try {
      await mine;
    } finally {
      if (lines.get(thread) === mine) lines.delete(thread);
    }
  };
}
