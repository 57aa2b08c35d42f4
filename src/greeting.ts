/** What a person must know before the first answer: said once, to whoever has never written or pressed anything before. */
import { findTurn, type StoredTurn } from './intake/turns.ts';
import type { PrincipalId } from './model/ids.ts';
import type { Principal } from './model/principal.ts';
import {
  FOR_HOW_LONG,
  HOW_TO_REPORT,
  OPERATORS_CAN_READ,
  WHAT_I_AM,
  WHAT_I_RECORD,
} from './model/recording.ts';
import { type Place, PRESSES } from './model/turn.ts';
import { type Deliverer, say, threadAt } from './reply/messages.ts';
import type { Database, Sql, Tx } from './store/database.ts';

export type GreetingDeps = Deliverer & {
  /** Who may read the log, by policy, at this moment. */
  readers(): Promise<Principal[]>;
  /** The direct messages by which these people can be written to now. */
  directPlaces(people: readonly Principal[]): Promise<Place[]>;
};

/** Names said before the rest is only counted: the message stays short. */
const NAMED_READERS = 3;

/** Says it before a person's first turn is answered: where others read along, by direct message. */
export async function greetNewcomer(
  db: Database,
  deps: GreetingDeps,
  turn: StoredTurn,
  person: Principal,
): Promise<void> {
  if (!(await isNew(db, turn, person.id))) return;
  const text = greetingInWords(await deps.readers());
  const [own] = turn.place.direct ? [] : await deps.directPlaces([{ ...person, accounts: [turn.account] }]);
  await db.transaction(async (tx) => {
    if (!(await isFirst(tx, turn, person.id))) return;
    const thread = own ? await threadAt(tx, own) : turn.thread;
    // Alone with us it belongs to no turn; where there is no other way its turn says whose eyes it is for.
    const whom = own || turn.place.direct ? { turn: null } : { turn: turn.id, forAsker: true };
    await say(tx, deps, { thread, ...whom, text, authorship: 'system' });
  });
}

/** They were told nothing, and wrote nothing earlier. Presses do not count: there were times when they told nobody. */
async function isNew(sql: Sql, turn: StoredTurn, person: PrincipalId): Promise<boolean> {
  const { known } = await sql.one<{ known: boolean }>(
    `select exists (select 1 from greeted where principal = $2) or exists (
       select 1 from turns t join turns mine on mine.id = $1
       where t.principal = $2 and t.id <> mine.id and t.content->>'kind' <> all($3::text[])
         and (t.received_at, t.id) < (mine.received_at, mine.id)) as known`,
    [turn.id, person, PRESSES],
  );
  return !known;
}

/** What a newcomer must know, where it can be shown without their saying anything first; null: they were told, or have written before. */
export async function greetingFor(
  db: Sql,
  deps: Pick<GreetingDeps, 'readers'>,
  person: PrincipalId,
): Promise<string | null> {
  const { known } = await db.one<{ known: boolean }>(
    `select exists (select 1 from greeted where principal = $1) or exists (
       select 1 from turns where principal = $1 and content->>'kind' <> all($2::text[])) as known`,
    [person, PRESSES],
  );
  return known ? null : greetingInWords(await deps.readers());
}

/** They have read it. */
export async function noteGreeted(db: Sql, person: PrincipalId): Promise<void> {
  await db.query('insert into greeted (principal) values ($1) on conflict do nothing', [person]);
}

/** Two first messages at the same moment may not see each other: the row that only one of them can insert decides. */
async function isFirst(sql: Tx, turn: StoredTurn, person: PrincipalId): Promise<boolean> {
  if ((await findTurn(sql, turn.id))?.state !== 'received') return false;
  const told = await sql.query(
    'insert into greeted (principal) values ($1) on conflict do nothing returning principal',
    [person],
  );
  return told.length === 1;
}

/** What this is, what it records and for how long, who can read it, and how to report. */
export function greetingInWords(readers: readonly Pick<Principal, 'name'>[]): string {
  const named = readers.slice(0, NAMED_READERS).map(({ name }) => name);
  const more = readers.length - named.length;
  const who =
    readers.length === 0
      ? 'nobody at the moment'
      : `${named.join(', ')}${more > 0 ? ` and ${more.toLocaleString('en')} more` : ''}`;
  return [
    `Welcome. ${WHAT_I_AM}`,
    `${WHAT_I_RECORD} ${FOR_HOW_LONG}`,
    `Who may read the log: ${who}. ${OPERATORS_CAN_READ}`,
    HOW_TO_REPORT,
  ].join(' ');
}
