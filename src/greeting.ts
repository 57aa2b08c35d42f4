/** What a person must know before the first answer: said once, to whoever has never written before. */
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
import { PRESSES } from './model/turn.ts';
import { type Deliverer, say } from './reply/messages.ts';
import type { Tx } from './store/database.ts';

export type GreetingDeps = Deliverer & {
  /** Who may read the log, by policy, at this moment. */
  readers(): Promise<Principal[]>;
};

/** Names said before the rest is only counted: the message stays short. */
const NAMED_READERS = 3;

/**
 * Says it in the transaction that answers the person's first turn, before the answer. It belongs to no turn: what was
 * answered to the message stays what was answered to the message.
 */
export async function greetNewcomer(
  tx: Tx,
  deps: GreetingDeps,
  turn: StoredTurn,
  person: Principal,
): Promise<void> {
  if (PRESSES.includes(turn.content.kind) || !(await isFirst(tx, turn, person.id))) return;
  const text = greetingInWords(await deps.readers());
  await say(tx, deps, { thread: turn.thread, turn: null, text, authorship: 'system' });
}

/**
 * Nothing of theirs came earlier. Two first messages at the same moment may not see each other: the row that only one of
 * them can insert decides.
 */
async function isFirst(sql: Tx, turn: StoredTurn, person: PrincipalId): Promise<boolean> {
  if ((await findTurn(sql, turn.id))?.state !== 'received') return false;
  const earlier = await sql.maybe(
    `select 1 from turns t join turns mine on mine.id = $1
     where t.principal = $2 and t.id <> mine.id and t.content->>'kind' <> all($3::text[])
       and (t.received_at, t.id) < (mine.received_at, mine.id) limit 1`,
    [turn.id, person, PRESSES],
  );
  if (earlier !== null) return false;
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
