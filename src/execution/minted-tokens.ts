/**
 * Where a token that was made on demand stands until it is taken back, so that it is known, and can be taken back, when the process
 * that has it dies. In the database it is sealed only; its row goes with the entry that says that it is gone.
 */
import { randomUUID } from 'node:crypto';
import type { RequestId, TurnId } from '../model/ids.ts';
import type { Sql, Tx } from '../store/database.ts';
import type { MintedToken } from './broker/call.ts';
import type { CallName } from './sandbox/call.ts';

/** Under a key that the database does not hold; `about` is bound to the text. `open`: null where it is not that text. */
export type Sealing = {
  seal(text: string, about: string): Buffer;
  open(sealed: Buffer, about: string): string | null;
};

/** A token is held by one door: open for 120 s at most, then a write that had left is seen to its end, and two tries to take it back. */
const HELD_BY_A_DOOR_SECONDS = 180;
/** Looks pass theirs on for ten minutes, the last one keeps it idle, or has a door open; see `token-shelf.ts`. */
const HELD_BY_LOOKS_SECONDS = 15 * 60;
/** GitHub's tokens live for an hour from its answer, which comes within ten seconds. */
const LIVES_AT_MOST_SECONDS = 3_600 + 60;
/** What could not be taken back is tried again after this. */
const TRIED_AGAIN_SECONDS = 60;

export type TokenOf = { turn: TurnId; request: RequestId; call: CallName };
/** `token.expiresAt` is the latest that it can be as long as `sealed` is null: no answer has said more. */
export type LeftToken = TokenOf & {
  id: string;
  token: MintedToken;
  sealed: Buffer | null;
  isOver: boolean;
};

/** A row names host and credential; a token that was sealed for one is sent to no other. */
const aboutOf = (id: string, { name, host }: Pick<MintedToken, 'name' | 'host'>): string =>
  `countersign/minted-token/v1\n${id}\n${name}\n${host}`;

/** Before a token is asked for: from here on it may exist. */
export async function expectToken(
  sql: Sql,
  of: TokenOf,
  { name, host, repository, permissions }: Pick<MintedToken, 'name' | 'host' | 'repository' | 'permissions'>,
): Promise<string> {
  const id = randomUUID();
  const heldSeconds = of.call === 'follow' ? HELD_BY_LOOKS_SECONDS : HELD_BY_A_DOOR_SECONDS;
  await sql.query(
    `insert into minted_tokens (id, turn, request, call, name, host, repository, permissions, expires_at, held_until)
     values ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp() + make_interval(secs => $9),
       clock_timestamp() + make_interval(secs => $10))`,
    [
      id,
      of.turn,
      of.request,
      of.call,
      name,
      host,
      repository,
      JSON.stringify(permissions),
      LIVES_AT_MOST_SECONDS,
      heldSeconds,
    ],
  );
  return id;
}

export async function keepToken(
  tx: Tx,
  id: string,
  token: MintedToken,
  secret: string,
  sealing: Sealing,
): Promise<void> {
  await tx.query(
    'update minted_tokens set permissions = $2, exact = $3, expires_at = $4, sealed = $5 where id = $1',
    [
      id,
      JSON.stringify(token.permissions),
      token.exact,
      token.expiresAt,
      sealing.seal(secret, aboutOf(id, token)),
    ],
  );
}

/**
 * What was known of a token before something was done about it, so that its end, and that it did not come, are said once. Null: its row
 * is gone, as another process has taken it back, or seen its end, and has said so.
 */
export type TokenWas = { told: boolean } | null;

/** It opens nothing any more, or never was. */
export async function forgetToken(sql: Sql, id: string): Promise<TokenWas> {
  return sql.maybe<{ told: boolean }>('delete from minted_tokens where id = $1 returning told', [id]);
}

const lockToken = (tx: Tx, id: string): Promise<TokenWas> =>
  tx.maybe<{ told: boolean }>('select told from minted_tokens where id = $1 for update', [id]);

/** It may still open something, and that is said in this transaction, or has been. */
export async function keepTrying(tx: Tx, id: string): Promise<TokenWas> {
  const was = await lockToken(tx, id);
  await tx.query(
    `update minted_tokens set told = true, held_until = clock_timestamp() + make_interval(secs => $2) where id = $1`,
    [id, TRIED_AGAIN_SECONDS],
  );
  return was;
}

/** Nothing can be done but to wait for its end, and that is said in this transaction, or has been. */
export async function awaitItsEnd(tx: Tx, id: string): Promise<TokenWas> {
  const was = await lockToken(tx, id);
  await tx.query('update minted_tokens set told = true, held_until = expires_at where id = $1', [id]);
  return was;
}

/** Whoever had this request's claim has lost it: what was made for it is nobody's any more. */
export async function leaveBehind(tx: Tx, request: RequestId): Promise<void> {
  await tx.query(
    'update minted_tokens set held_until = clock_timestamp() where request = $1 and held_until > clock_timestamp()',
    [request],
  );
}

/**
 * One that nobody holds any more, or null. Whoever asks has it for a minute, longer than taking it back takes: of two processes one
 * does. One only: what waits for its turn is held by nobody.
 */
export async function takeUpLeft(sql: Sql): Promise<LeftToken | null> {
  const row = await sql.maybe<
    Omit<LeftToken, 'token'> & Omit<MintedToken, 'expiresAt'> & { expiresAt: Date }
  >(
    `update minted_tokens set held_until = clock_timestamp() + make_interval(secs => $1)
     where id in (select id from minted_tokens where held_until <= clock_timestamp()
       order by held_until limit 1 for update skip locked)
     returning id, turn, request, call, name, host, repository, permissions, exact, expires_at as "expiresAt",
       sealed, expires_at <= clock_timestamp() as "isOver"`,
    [TRIED_AGAIN_SECONDS],
  );
  if (row === null) return null;
  const { name, host, repository, permissions, exact, expiresAt, ...left } = row;
  return {
    ...left,
    token: { name, host, repository, permissions, exact, expiresAt: expiresAt.toISOString() },
  };
}

/** The token itself; null where it never came, or was sealed under another key. */
export const secretOf = ({ id, token, sealed }: LeftToken, sealing: Sealing): string | null =>
  sealed === null ? null : sealing.open(sealed, aboutOf(id, token));

export type TokenLeft = Pick<MintedToken, 'name' | 'host' | 'repository' | 'permissions'> & {
  expiresAt: Date;
};

/** What may still open something though nobody holds it: for operators. */
export async function tokensLeft(sql: Sql): Promise<TokenLeft[]> {
  return sql.query<TokenLeft>(
    `select name, host, repository, permissions, expires_at as "expiresAt" from minted_tokens
     where (told or held_until <= clock_timestamp()) and expires_at > clock_timestamp() order by expires_at`,
  );
}
