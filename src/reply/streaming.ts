/**
 * Answers shown while they are written. What a platform began is noted in the database before any word appears there, and
 * the message that is stored in the end completes it: by whichever process delivers it, also after a crash.
 */
import type { Delivered } from '../model/card.ts';
import type { MessageId, ThreadId, TurnId } from '../model/ids.ts';
import type { AnswerStream, Surface } from '../model/ports.ts';
import type { Platform } from '../model/principal.ts';
import type { Place } from '../model/turn.ts';
import type { Database, Sql, Tx } from '../store/database.ts';
import { notify } from './messages.ts';

export type StreamingDeps = {
  db: Database;
  /** Where answers can grow while they are written; null where the platform is not connected. */
  surface(platform: Platform): Surface | null;
};

/** The answer of one turn, for as long as it is written. */
export type Live = {
  /** A read was run for it: the action's title. */
  did(what: string): void;
  /** As the planner's `onText`: the text so far; null: it was not the answer. */
  show(text: string | null): void;
  /** Nothing more is shown, and what was begun is noted: now the answer can be stored. */
  close(): Promise<void>;
};

type Asked = { id: TurnId; thread: ThreadId; place: Place };

/** Null where nothing can be shown before it is complete, or an earlier try of this turn has begun to already. */
export async function openLive({ db, surface }: StreamingDeps, turn: Asked): Promise<Live | null> {
  if (turn.place.platform === 'web') return inWorkspace(db, turn);
  const streaming = surface(turn.place.platform)?.streaming;
  if (!streaming || (await db.maybe('select 1 from begun_answers where turn = $1', [turn.id]))) return null;
  const stream = streaming.begin(turn.place, (begun) => note(db, turn.id, begun));
  return stream && onPlatform(stream);
}

function onPlatform(stream: AnswerStream): Live {
  let isVoid = false;
  return {
    did: (what) => stream.did(what),
    // What stands there cannot be taken back before the complete message replaces it: it grows no more.
    show(text) {
      isVoid ||= text === null;
      if (!isVoid && text !== null) stream.show(text);
    },
    close: () => stream.close(),
  };
}

/** PostgreSQL carries 8,000 bytes in one notification; a longer answer is seen when it is complete. */
const NOTIFIED_MAX_BYTES = 7_000;

/** Every process hears it and tells the pages of the thread's owner; nothing of it is stored. */
function inWorkspace(db: Database, { thread }: Asked): Live {
  let newest: string | null = null;
  let telling: Promise<void> | null = null;
  const tell = async () => {
    while (newest !== null) {
      const text = newest;
      newest = null;
      // A notification that is lost costs nobody their answer.
      await notify(db, { kind: 'growing', thread, text }).catch(() => undefined);
    }
    telling = null;
  };
  return {
    did: () => undefined,
    show(text) {
      if (Buffer.byteLength(JSON.stringify(text ?? '')) > NOTIFIED_MAX_BYTES) return;
      newest = text ?? '';
      telling ??= tell();
    },
    async close() {
      newest = null;
      await telling;
    },
  };
}

/**
 * Notes what was begun for a turn that is still being answered. False where it is settled (stopped, or answered by another
 * process): nobody would complete it. The row of the turn is locked, so that settling it comes before or after, never between.
 */
async function note(db: Database, turn: TurnId, begun: Delivered): Promise<boolean> {
  return db.transaction(async (tx) => {
    const open = await tx.maybe(`select 1 from turns where id = $1 and state = 'received' for share`, [turn]);
    if (open === null) return false;
    const noted = await tx.query(
      'insert into begun_answers (turn, handle) values ($1, $2) on conflict (turn) do nothing returning turn',
      [turn, JSON.stringify(begun)],
    );
    return noted.length === 1;
  });
}

/**
 * In the transaction that settles the turn, after it: what was begun for it becomes this message; null: the first card that
 * was made of it.
 */
export async function completeBegun(tx: Tx, turn: TurnId, message: MessageId | null): Promise<void> {
  await tx.query(
    `update begun_answers set message = coalesce($2::uuid, (
       select id from messages where turn = $1 and authorship = 'system' and delivered is null order by serial limit 1))
     where turn = $1 and message is null`,
    [turn, message],
  );
}

/** Which of these turns something was begun for that nothing completes yet; nobody else completes it meanwhile. */
export async function begunAmong(tx: Tx, turns: readonly TurnId[]): Promise<TurnId[]> {
  const rows = await tx.query<{ turn: TurnId }>(
    'select turn from begun_answers where turn = any($1::uuid[]) and message is null for update',
    [turns],
  );
  return rows.map(({ turn }) => turn);
}

/** What is to become this message; null: it is posted. */
export async function begunFor(sql: Sql, message: MessageId): Promise<Delivered | null> {
  const row = await sql.maybe<{ handle: Delivered }>('select handle from begun_answers where message = $1', [
    message,
  ]);
  return row?.handle ?? null;
}
