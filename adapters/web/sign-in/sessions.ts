/** Sessions of the web workspace, in PostgreSQL: a restart ends none, and every process knows each. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { PrincipalId } from '../../../src/model/ids.ts';
import type { Database } from '../../../src/store/database.ts';

/** Without anything done for this long a session is over, in milliseconds: a desk that was left. */
export const IDLE_MS = 30 * 60_000;
/** However busy, a session is over after this long, in milliseconds: a working day. */
export const ABSOLUTE_MS = 8 * 60 * 60_000;
/** When it was last used is written at most this often, in milliseconds; a session may end this much too early. */
const SEEN_EVERY_MS = 60_000;
/** 256 random bits: not guessed. */
const ID_BYTES = 32;

export type Session = { issuer: string; subject: string; principal: PrincipalId };

export type Sessions = {
  /** A new session's id, for its cookie; null where this sign-in has made one before. */
  begin(session: Session, signIn: Buffer): Promise<string | null>;
  /** The session that is not over; `isUse` tells something that a person did from a page that only watches. */
  find(id: string, isUse: boolean): Promise<Session | null>;
  end(id: string): Promise<void>;
};

const hashOf = (id: string): Buffer => createHash('sha256').update(id).digest();

/** `now` is the clock; sessions are times of this process, as cookies are. */
export function createSessions(db: Database, now: () => Date): Sessions {
  const before = (ms: number): Date => new Date(now().getTime() - ms);
  return {
    async begin({ issuer, subject, principal }, signIn) {
      // What is older can be neither used nor repeated: the sign-in itself is long too old.
      await db.query('delete from web_sessions where created_at < $1', [before(ABSOLUTE_MS)]);
      const id = randomBytes(ID_BYTES).toString('base64url');
      const made = await db.maybe(
        `insert into web_sessions (id_hash, sign_in, issuer, subject, principal, created_at, seen_at)
         values ($1, $2, $3, $4, $5, $6, $6) on conflict (sign_in) do nothing returning principal`,
        [hashOf(id), signIn, issuer, subject, principal, now()],
      );
      return made === null ? null : id;
    },

    async find(id, isUse) {
      const hash = hashOf(id);
      const found = await db.maybe<Session & { seenAt: Date }>(
        `select issuer, subject, principal, seen_at as "seenAt" from web_sessions
         where id_hash = $1 and ended_at is null and seen_at > $2 and created_at > $3`,
        [hash, before(IDLE_MS), before(ABSOLUTE_MS)],
      );
      if (found === null) return null;
      const { seenAt, ...session } = found;
      if (isUse && seenAt < before(SEEN_EVERY_MS)) {
        await db.query('update web_sessions set seen_at = greatest(seen_at, $2) where id_hash = $1', [
          hash,
          now(),
        ]);
      }
      return session;
    },

    async end(id) {
      await db.query('update web_sessions set ended_at = $2 where id_hash = $1 and ended_at is null', [
        hashOf(id),
        now(),
      ]);
    },
  };
}

/** What a page of this session sends with every change: derived from the session's id, which no script can read. */
export function csrfTokenOf(id: string): string {
  return createHmac('sha256', id).update('countersign/csrf/v1').digest('base64url');
}

export function isCsrfToken(given: string | undefined, id: string): boolean {
  const expected = Buffer.from(csrfTokenOf(id));
  const sent = Buffer.from(given ?? '');
  return sent.length === expected.length && timingSafeEqual(sent, expected);
}
