/**
 * What is said, stored in the transaction that gave reason to say it. The web reads these rows itself; for a chat
 * platform a durable job delivers and rewrites them.
 */
import type { AuditLog } from '../audit/log.ts';
import type { Authorship, Delivered, Form, Source } from '../model/card.ts';
import type { PrincipalId, RequestId, TurnId } from '../model/ids.ts';
import { MessageId, newId, ThreadId } from '../model/ids.ts';
import type { Change } from '../model/ports.ts';
import type { Platform } from '../model/principal.ts';
import type { Place } from '../model/turn.ts';
import type { Sql, Tx } from '../store/database.ts';

/** Channel on which every process hears what changed; the payload is a `Change` as JSON. */
export const CHANGE_CHANNEL = 'countersign_change';

/** A message as stored, before anybody's buttons are put on its card. */
export type StoredMessage = {
  id: MessageId;
  thread: ThreadId;
  /** What it answers; null where we speak first, as to approvers and operators. */
  turn: TurnId | null;
  author: PrincipalId | null;
  authorship: Authorship;
  text: string;
  request: RequestId | null;
  form: Form | null;
  /** Whoever was asked for it has sent it. */
  formSentBy: PrincipalId | null;
  sources: Source[] | null;
  at: Date;
  delivered: Delivered | null;
  /** Where a part of it stands, while the rest could not be shown yet. */
  begun: Delivered | null;
  calls: boolean;
};

export type Said = {
  thread: ThreadId;
  turn: TurnId | null;
  text: string;
  authorship: Exclude<Authorship, 'person'>;
  request?: RequestId | null;
  form?: Form | null;
  sources?: readonly Source[];
  /** It concerns whoever the turn is of, and nobody else who reads along there. */
  forAsker?: boolean;
  /** It stands below a card, and must reach everybody in that channel all the same. */
  calls?: boolean;
};

export type Deliverer = {
  /** Queues the delivery of a new message, or the rewriting of every card of a request. */
  deliver(tx: Tx, what: { message: MessageId } | { request: RequestId }): Promise<void>;
};

const COLUMNS = `m.id, m.thread, m.turn, m.author, m.authorship, m.text, m.request, m.form, m.form_sent_by as "formSentBy", m.sources, m.created_at as at, m.delivered, m.begun, m.calls`;

/** Stores a message of ours and queues its delivery. */
export async function say(tx: Tx, deliverer: Deliverer, said: Said): Promise<MessageId> {
  const id = newId(MessageId);
  const thread = await tx.one<{ platform: string }>(
    `with stored as (
       insert into messages (id, thread, turn, authorship, text, request, form, sources, for_asker, calls)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning thread)
     update threads set updated_at = clock_timestamp() where id = (select thread from stored) returning platform`,
    [
      id,
      said.thread,
      said.turn,
      said.authorship,
      said.text,
      said.request ?? null,
      said.form ? JSON.stringify(said.form) : null,
      said.sources?.length ? JSON.stringify(said.sources) : null,
      said.forAsker ?? false,
      said.calls ?? false,
    ],
  );
  if (thread.platform !== 'web') await deliverer.deliver(tx, { message: id });
  await notify(tx, { kind: 'thread', thread: said.thread });
  return id;
}

/** Says something that answers a turn or a request, and records that it was said. */
export async function reply(
  tx: Tx,
  deps: Deliverer & { audit: AuditLog },
  said: Said & { principal: PrincipalId | null },
): Promise<MessageId> {
  const id = await say(tx, deps, said);
  await deps.audit.append(tx, {
    type: 'reply.sent',
    ...(said.turn === null ? {} : { turn: said.turn }),
    ...(said.request ? { request: said.request } : {}),
    ...(said.principal === null ? {} : { principal: said.principal }),
    data: { authorship: said.authorship, message: id },
  });
  return id;
}

/** Everything that shows this request is out of date: rewrite it, everywhere. */
export async function touch(tx: Tx, deliverer: Deliverer, request: RequestId): Promise<void> {
  const shown = await tx.query<{ thread: ThreadId; platform: string }>(
    `select distinct m.thread, t.platform from messages m join threads t on t.id = m.thread where m.request = $1`,
    [request],
  );
  if (shown.some((row) => row.platform !== 'web')) await deliverer.deliver(tx, { request });
  await notify(tx, { kind: 'request', request });
}

/** Tells every process; heard when the transaction commits. */
export async function notify(tx: Sql, change: Change): Promise<void> {
  await tx.query('select pg_notify($1, $2)', [CHANGE_CHANNEL, JSON.stringify(change)]);
}

/** The thread of a place, made when it is new; `owner` null for approvers' and operators' places. */
export async function threadAt(tx: Tx, place: Place): Promise<ThreadId> {
  const row = await tx.one<{ id: ThreadId }>(
    `insert into threads (id, platform, tenant, container, thread, direct) values ($1, $2, $3, $4, $5, $6)
     on conflict (platform, tenant, container, thread) do update set updated_at = clock_timestamp() returning id`,
    [newId(ThreadId), place.platform, place.tenant, place.container, place.thread, place.direct],
  );
  return row.id;
}

export async function placeOf(sql: Sql, thread: ThreadId): Promise<Place> {
  return sql.one<Place>('select platform, tenant, container, thread, direct from threads where id = $1', [
    thread,
  ]);
}

/** In which workspace or tenant a channel is where we spoke before; null where we never did. */
export async function tenantOf(sql: Sql, platform: Platform, container: string): Promise<string | null> {
  const row = await sql.maybe<{ tenant: string }>(
    'select tenant from threads where platform = $1 and container = $2 order by updated_at desc limit 1',
    [platform, container],
  );
  return row?.tenant ?? null;
}

export async function findMessage(sql: Sql, id: MessageId): Promise<StoredMessage | null> {
  return sql.maybe<StoredMessage>(`select ${COLUMNS} from messages m where m.id = $1`, [id]);
}

/** A thread's messages, oldest first; the newest `limit` of them. */
export async function messagesOf(sql: Sql, thread: ThreadId, limit: number): Promise<StoredMessage[]> {
  const rows = await sql.query<StoredMessage>(
    `select ${COLUMNS} from messages m where m.thread = $1 order by m.serial desc limit $2`,
    [thread, limit],
  );
  return rows.reverse();
}

/** The request whose card was shown last in a thread. */
export async function lastSpokenOf(sql: Sql, thread: ThreadId): Promise<RequestId | null> {
  const row = await sql.maybe<{ request: RequestId }>(
    'select request from messages where thread = $1 and request is not null order by serial desc limit 1',
    [thread],
  );
  return row?.request ?? null;
}

/** Our messages of a thread, up to and with this one, that its platform has not shown yet; oldest first. */
export async function undeliveredUpTo(
  sql: Sql,
  message: Pick<StoredMessage, 'id' | 'thread'>,
): Promise<StoredMessage[]> {
  return sql.query<StoredMessage>(
    `select ${COLUMNS} from messages m
     where m.thread = $1 and m.serial <= (select serial from messages where id = $2)
       and m.delivered is null and m.undeliverable is null and m.authorship <> 'person' order by m.serial`,
    [message.thread, message.id],
  );
}

/** Every place where a request's card stands, as far as we know. */
export async function deliveredCards(sql: Sql, request: RequestId): Promise<StoredMessage[]> {
  return sql.query<StoredMessage>(
    `select ${COLUMNS} from messages m where m.request = $1 and m.delivered is not null and m.undeliverable is null
     order by m.serial`,
    [request],
  );
}

/** It is shown; what was begun for it is complete. */
export async function markDelivered(sql: Sql, id: MessageId, delivered: Delivered): Promise<void> {
  await sql.query(
    `with complete as (delete from begun_answers where message = $1)
     update messages set delivered = $2, begun = null where id = $1`,
    [id, JSON.stringify(delivered)],
  );
}

/** A part of it is shown: whoever tries again goes on there. */
export async function markBegun(sql: Sql, id: MessageId, begun: Delivered): Promise<void> {
  await sql.query('update messages set begun = $2 where id = $1', [id, JSON.stringify(begun)]);
}

/** A platform will never take it; `code` is ours. */
export async function markUndeliverable(sql: Sql, id: MessageId, code: string): Promise<void> {
  await sql.query(
    `with given_up as (delete from begun_answers where message = $1)
     update messages set undeliverable = $2 where id = $1`,
    [id, code],
  );
}

/** It does not stand any more where it was shown, and is to be shown anew; false where somebody has noted that before. */
export async function forgetShown(tx: Tx, id: MessageId, delivered: Delivered): Promise<boolean> {
  const rows = await tx.query(
    'update messages set delivered = null, begun = null where id = $1 and delivered = $2::jsonb returning id',
    [id, JSON.stringify(delivered)],
  );
  return rows.length === 1;
}

/** The card with which approvers were asked in that conversation is shown anew where it was given up; false where it was not. */
export async function putAgain(
  tx: Tx,
  deliverer: Deliverer,
  thread: ThreadId,
  request: RequestId,
): Promise<boolean> {
  const lost = await tx.maybe<{ id: MessageId }>(
    `update messages set delivered = null, begun = null, undeliverable = null
     where thread = $1 and request = $2 and turn is null and undeliverable is not null returning id`,
    [thread, request],
  );
  if (lost !== null) await deliverer.deliver(tx, { message: lost.id });
  return lost !== null;
}
