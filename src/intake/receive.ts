/**
 * The gate's first half: a delivery becomes a stored turn, once, before it is acknowledged. Everything in it is
 * untrusted. Pasted secrets are masked here, before anything is stored, logged or sent to a model.
 */
import { isDeepStrictEqual } from 'node:util';
import type { AuditLog } from '../audit/log.ts';
import { AppError } from '../errors.ts';
import type { PrincipalId } from '../model/ids.ts';
import { MessageId, newId, ThreadId, TurnId } from '../model/ids.ts';
import type { Account, Identification } from '../model/principal.ts';
import { storable } from '../model/storable.ts';
import { type Content, type Delivery, isSpoken, type Place, type Spoken } from '../model/turn.ts';
import type { Database, Sql, Tx } from '../store/database.ts';
import { cut, fitContent, type Screen, shownAs, withoutWords } from './content.ts';
import { linkCodeIn } from './link-code.ts';
import { findTurn } from './turns.ts';

/** What a title shows of the first message. */
const TITLE_CHARACTERS = 80;

export type IntakeDeps = {
  db: Database;
  audit: AuditLog;
  identify(account: Account): Promise<Identification>;
  screen: Screen;
  enqueueTurn(tx: Tx, turn: TurnId): Promise<void>;
};

export type Received = { turn: TurnId; thread: ThreadId; duplicate: boolean };

/**
 * Stores a delivery. A repeated key answers with the first one's turn and changes nothing.
 * Errors: `too_long`, `empty_text` and `malformed` for the local workspace, which shows them at once; on a chat platform the
 * turn is stored all the same and answered with the sentence. `malformed` also for a key, account or place that no
 * platform makes.
 */
export async function receive(deps: IntakeDeps, delivery: Delivery): Promise<Received> {
  checkIds(delivery);
  const first = await firstOf(deps.db, delivery.key);
  if (first) return { ...first, duplicate: true };
  const { content, found, problem } = fitContent(
    linkCodeIn(delivery.content) ?? delivery.content,
    deps.screen,
  );
  if (problem && delivery.account.platform === 'web') throw new AppError(problem.code, problem.message);
  const identity = await deps.identify(delivery.account);
  const principal = identity.kind === 'known' ? identity.principal.id : null;
  const kept = principal === null ? withoutWords(content) : content;

  return deps.db.transaction(async (tx) => {
    const stored = await storeTurn(tx, delivery, {
      principal,
      content: kept,
      problem: problem?.message ?? null,
    });
    // The same delivery at the same moment: the other one was first, and its row is visible by now.
    if (!stored) return { ...(await firstOf(tx, delivery.key))!, duplicate: true };
    const { turn, thread } = stored;
    await recordArrival(deps, tx, {
      turn,
      thread,
      principal,
      content: kept,
      found,
      platform: delivery.place.platform,
    });
    await deps.enqueueTurn(tx, turn);
    return { turn, thread, duplicate: false };
  });
}

/** What a message becomes: one that sent a code is kept as such. */
const WRITTEN: readonly Content['kind'][] = ['message', 'link'];

/**
 * Stores that somebody edited a message of theirs, in the conversation in which it was taken in and as its author's; `key` is
 * what it was delivered under. However often it is edited, this happens once. Null: it was not taken in, and nothing is stored.
 */
export async function receiveEdit(
  deps: IntakeDeps,
  platform: Place['platform'],
  key: string,
): Promise<Received | null> {
  const first = await firstOf(deps.db, key);
  const turn = first && (await findTurn(deps.db, first.turn));
  if (turn === null || turn.place.platform !== platform || !WRITTEN.includes(turn.content.kind)) return null;
  const { id, account, place } = turn;
  return receive(deps, { key: `edited:${id}`, account, place, content: { kind: 'edited', turn: id } });
}

/** Ids are compared, never mended: one that could not be stored as it is belongs to nobody. */
function checkIds({ key, account, place }: Delivery): void {
  const ids = { key, account, place };
  if (!isDeepStrictEqual(storable(ids), ids)) {
    throw new AppError('malformed', 'That message names its sender or place in a way that cannot be.');
  }
}

function firstOf(sql: Sql, key: string): Promise<{ turn: TurnId; thread: ThreadId } | null> {
  return sql.maybe('select id as turn, thread from turns where delivery_key = $1', [key]);
}

async function recordArrival(
  deps: IntakeDeps,
  tx: Tx,
  arrival: {
    turn: TurnId;
    thread: ThreadId;
    principal: PrincipalId | null;
    content: Content;
    found: string[];
    platform: Place['platform'];
  },
): Promise<void> {
  const { turn, thread, principal, content, found, platform } = arrival;
  const who = principal === null ? {} : { principal };
  await deps.audit.append(tx, {
    type: 'turn.received',
    turn,
    ...who,
    data: { platform, kind: content.kind, identified: principal !== null },
    // What a press carries is sealed with the entry of what it led to.
    ...(principal !== null && isSpoken(content)
      ? { sealed: { person: principal, content: wordsOf(content) } }
      : {}),
  });
  const masked = [...new Set(found)];
  if (masked.length > 0) {
    await deps.audit.append(tx, { type: 'turn.screened', turn, ...who, data: { masked } });
  }
  if (principal === null) return;
  if (isSpoken(content)) {
    await tx.query(
      `insert into messages (id, thread, turn, author, authorship, text) values ($1, $2, $3, $4, 'person', $5)`,
      [newId(MessageId), thread, turn, principal, shownAs(content)],
    );
  }
  if (masked.length > 0) {
    await tx.query(
      `insert into messages (id, thread, turn, author, authorship, text) values ($1, $2, $3, null, 'system', $4)`,
      [
        newId(MessageId),
        thread,
        turn,
        `I masked what looked like a secret (${masked.join(', ')}) before storing your message. Treat it as leaked: change it where it is used.`,
      ],
    );
  }
}

/** The turn, in the thread of its place, which is made when it is new: one statement. Null where its key is taken. */
async function storeTurn(
  tx: Tx,
  { key, account, place }: Delivery,
  {
    principal,
    content,
    problem,
  }: { principal: PrincipalId | null; content: Content; problem: string | null },
): Promise<{ turn: TurnId; thread: ThreadId } | null> {
  return tx.maybe<{ turn: TurnId; thread: ThreadId }>(
    `with place as (
       insert into threads (id, platform, tenant, container, thread, direct, owner, title)
       values ($1, $2, $3, $4, $5, $6, $7, $8)
       on conflict (platform, tenant, container, thread) do update set updated_at = clock_timestamp(),
         title = case when threads.title = '' then excluded.title else threads.title end
       returning id)
     insert into turns (id, delivery_key, thread, account, content, principal, problem)
     select $9, $10, place.id, $11, $12, $7, $13 from place
     on conflict (delivery_key) do nothing returning id as turn, thread`,
    [
      idFor(place),
      place.platform,
      place.tenant,
      place.container,
      place.thread,
      place.direct,
      principal,
      isSpoken(content) && principal !== null ? cut(shownAs(content), TITLE_CHARACTERS) : '',
      newId(TurnId),
      key,
      JSON.stringify(account),
      JSON.stringify(content),
      problem,
    ],
  );
}

/** On the web a thread's root is the thread's own id; elsewhere the platform's, and ours is a new one. */
function idFor(place: Place): ThreadId {
  if (place.platform !== 'web') return newId(ThreadId);
  const id = ThreadId.safeParse(place.thread);
  if (!id.success) throw new AppError('malformed', 'There is no such conversation.');
  return id.data;
}

function wordsOf(content: Spoken): { text: string } | { action: string; arguments: string } {
  return content.kind === 'message'
    ? { text: content.text }
    : { action: content.action, arguments: JSON.stringify(content.arguments) };
}
