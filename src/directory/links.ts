/**
 * Chat accounts that people linked to themselves, and the codes by which they do it, as stored. Times are the database's. Whether a
 * link counts is not decided here: the operator's file comes first (`linked.ts`).
 */
import type { PrincipalId, TurnId } from '../model/ids.ts';
import type { ChatAccount, SignedInAs } from '../model/links.ts';
import type { Sql, Tx } from '../store/database.ts';
import { accountKey } from './file.ts';

/** How long a code can be sent, and then how long its question can be answered, in seconds: a person at two screens. */
export const LINK_SECONDS = 10 * 60;
/** Codes that are over are kept this long, in seconds: a message that is answered once more after a crash finds its own. */
const KEPT_SECONDS = 24 * 60 * 60;

export type AccountLink = SignedInAs & { id: string; account: ChatAccount; name: string; linkedAt: Date };

export type LinkCode = SignedInAs & { id: string; expiresAt: Date };
/** A code that an account has sent. */
export type Asked = LinkCode & { turn: TurnId; account: ChatAccount; name: string };

const LINK = `id, account, name, principal, issuer, subject, linked_at as "linkedAt"`;
const CODE = `id, principal, issuer, subject, expires_at as "expiresAt"`;
const OPEN = 'ended_at is null and expires_at > clock_timestamp()';

export function linkOf(sql: Sql, account: ChatAccount): Promise<AccountLink | null> {
  return sql.maybe<AccountLink>(`select ${LINK} from account_links where account_key = $1`, [
    accountKey(account),
  ]);
}

/** Of one person, or of everybody; oldest first. */
export function linksOf(sql: Sql, principal: PrincipalId | null): Promise<AccountLink[]> {
  return sql.query<AccountLink>(
    `select ${LINK} from account_links where $1::text is null or principal = $1 order by linked_at, id`,
    [principal],
  );
}

/** Keeps a new code; whatever this person began before is over. Two at the same moment: the later one counts. */
export async function keepCode(tx: Tx, by: SignedInAs, id: string, codeHash: string): Promise<LinkCode> {
  await tx.query(`select pg_advisory_xact_lock(hashtext('countersign/link'), hashtext($1))`, [by.principal]);
  await tx.query('delete from link_codes where expires_at < clock_timestamp() - make_interval(secs => $1)', [
    KEPT_SECONDS,
  ]);
  await tx.query(
    'update link_codes set ended_at = clock_timestamp() where principal = $1 and ended_at is null',
    [by.principal],
  );
  return tx.one<LinkCode>(
    `insert into link_codes (id, code_hash, principal, issuer, subject, expires_at)
     values ($1, $2, $3, $4, $5, clock_timestamp() + make_interval(secs => $6)) returning ${CODE}`,
    [id, Buffer.from(codeHash, 'hex'), by.principal, by.issuer, by.subject, LINK_SECONDS],
  );
}

/**
 * The code is used up by this account, and its person is asked: one statement, so that of two accounts with one code one comes
 * first. Null where it is no code, or none any more.
 */
export function claimCode(
  tx: Tx,
  codeHash: string,
  by: { turn: TurnId; account: ChatAccount; name: string },
): Promise<LinkCode | null> {
  return tx.maybe<LinkCode>(
    `update link_codes set turn = $2, account_key = $3, account = $4, name = $5,
       expires_at = clock_timestamp() + make_interval(secs => $6)
     where code_hash = $1 and turn is null and ${OPEN} returning ${CODE}`,
    [
      Buffer.from(codeHash, 'hex'),
      by.turn,
      accountKey(by.account),
      JSON.stringify(by.account),
      by.name,
      LINK_SECONDS,
    ],
  );
}

/** The code that this very message used up, where it is answered once more after a crash. */
export function claimedBy(sql: Sql, turn: TurnId): Promise<LinkCode | null> {
  return sql.maybe<LinkCode>(`select ${CODE} from link_codes where turn = $1`, [turn]);
}

/** Whose code it is, where it could be sent now. */
export function openCode(sql: Sql, codeHash: string): Promise<LinkCode | null> {
  return sql.maybe<LinkCode>(
    `select ${CODE} from link_codes where code_hash = $1 and turn is null and ${OPEN}`,
    [Buffer.from(codeHash, 'hex')],
  );
}

/** What this person has begun and is not over: the account is null as long as nobody has sent the code. */
export function begunBy(
  sql: Sql,
  by: SignedInAs,
): Promise<(LinkCode & { account: ChatAccount | null; name: string | null }) | null> {
  return sql.maybe(
    `select ${CODE}, account, name from link_codes
     where principal = $1 and issuer = $2 and subject = $3 and ${OPEN} order by created_at desc limit 1`,
    [by.principal, by.issuer, by.subject],
  );
}

/** The question is answered, once, by whoever began it, with the same sign-in; null where it is over. */
export function endQuestion(tx: Tx, by: SignedInAs, id: string): Promise<Asked | null> {
  return tx.maybe<Asked>(
    `update link_codes set ended_at = clock_timestamp()
     where id = $1 and principal = $2 and issuer = $3 and subject = $4 and turn is not null and ${OPEN}
     returning ${CODE}, turn, account, name`,
    [id, by.principal, by.issuer, by.subject],
  );
}

/** False where the account is linked already, to whomever. */
export async function keepLink(
  tx: Tx,
  { id, account, name, ...by }: Omit<Asked, 'turn' | 'expiresAt'>,
): Promise<boolean> {
  const made = await tx.maybe(
    `insert into account_links (account_key, id, account, name, principal, issuer, subject)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (account_key) do nothing returning id`,
    [accountKey(account), id, JSON.stringify(account), name, by.principal, by.issuer, by.subject],
  );
  return made !== null;
}

/** The link that is no more; null where there was none, or not of this person. `principal` null: whoever's it is. */
export function dropLink(tx: Tx, id: string, principal: PrincipalId | null): Promise<AccountLink | null> {
  return tx.maybe<AccountLink>(
    `delete from account_links where id = $1 and ($2::text is null or principal = $2) returning ${LINK}`,
    [id, principal],
  );
}
