/**
 * A person's words outside of the audit log: where they stand, and which of them can go. What a digest binds stays: it is
 * what was countersigned, and without it no proof of what was done could be checked any more.
 */
import type { PrincipalId } from '../model/ids.ts';
import { ThreadId } from '../model/ids.ts';
import { notify } from '../reply/messages.ts';
import type { Sql, Tx } from '../store/database.ts';

/** Rows a query. */
const PAGE_SIZE = 500;
const ERASED = '(erased)';

/** Tables that hold something of a person, and how their rows are found. The built-in systems know "alice (Alice Adams)". */
const THEIRS: Readonly<Record<string, string>> = {
  threads: 'owner = $1',
  turns: 'principal = $1',
  messages: 'author = $1 or turn in (select id from turns where principal = $1)',
  requests: 'requester = $1',
  approvals: 'approver = $1',
  reached: 'person = $1',
  greeted: 'principal = $1',
  // Of the accounts in Teams with which they wrote: their own chat.
  teams_references: `(tenant, person) in (select account->>'tenant', account->>'user' from turns
    where principal = $1 and account->>'platform' = 'teams')`,
  feedback_keys: "starts_with(key, 'web:' || $1 || ':')",
  web_sessions: 'principal = $1',
  account_links: 'principal = $1',
  link_codes: 'principal = $1',
  request_edits: 'editor = $1',
  kill_switches: 'principal = $1 or switched_on_by = $1 or switched_off_by = $1',
  desk_tickets: "requester = $1 or starts_with(requester, $1 || ' (')",
  desk_comments: "author = $1 or starts_with(author, $1 || ' (')",
  desk_closings: "requester = $1 or starts_with(requester, $1 || ' (')",
  ci_runs: "requester = $1 or starts_with(requester, $1 || ' (')",
};

export type StoredRow = { stored: string; row: Record<string, unknown> };

/** Every row that is of this person, table by table. */
export async function* readStored(sql: Sql, person: PrincipalId): AsyncGenerator<StoredRow> {
  for (const [table, theirs] of Object.entries(THEIRS)) {
    for (let offset = 0; ; offset += PAGE_SIZE) {
      const rows = await sql.query<{ row: Record<string, unknown> }>(
        `select to_jsonb(t) as row from ${table} t where ${theirs} order by to_jsonb(t)::text limit $2 offset $3`,
        [person, PAGE_SIZE, offset],
      );
      for (const { row } of rows) yield { stored: table, row };
      if (rows.length < PAGE_SIZE) break;
    }
  }
}

/** Each empties what one place holds in plain words; $1 is the person, and rows that are empty already do not count. */
const ERASURES: readonly string[] = [
  // A message that is being answered at this moment is settled: what its planner says then is not stored any more.
  `update turns set reply = '', state = 'settled', settled_at = coalesce(settled_at, clock_timestamp()),
     content = case content->>'kind'
       when 'decision' then content - 'reason'
       when 'undo' then content
       when 'resolve' then content
       when 'arrival' then content
       when 'link' then content
       when 'edited' then content
       when 'delegate' then content
       when 'report' then jsonb_set(content, '{words}', '""')
       when 'form' then jsonb_set(content, '{arguments}', '{}')
       when 'edit' then jsonb_set(content, '{arguments}', '{}')
       else '{"kind": "message", "text": "", "fetched": []}' end
   where principal = $1 and (reply <> '' or state <> 'settled' or content ? 'reason'
     or content->'arguments' <> '{}' or content->>'text' <> '' or content->>'words' <> ''
     or content->'fetched' <> '[]')
   returning thread`,
  `update messages set text = '${ERASED}', form = null, sources = null
   where (author = $1 or turn in (select id from turns where principal = $1))
     and (text not in ('', '${ERASED}') or form is not null or sources is not null)
   returning thread`,
  `update threads set title = '' where owner = $1 and title <> '' returning id as thread`,
  `update threads set pending_ask = null where pending_ask->>'principal' = $1 returning id as thread`,
  // Why they denied somebody else's request, where it was told, and then where it is kept.
  `update messages m set text = left(m.text, -length(r.reason) - 2) || '.'
   from (select turn, substr(result->>'message', length('Denied by ' || $1::text || ': ') + 1) as reason from requests
         where result->>'code' = 'denied_by_approver'
           and starts_with(result->>'message', 'Denied by ' || $1::text || ': ')) r
   where m.turn = r.turn and m.authorship = 'system' and r.reason <> ''
     and right(m.text, length(r.reason) + 2) = ': ' || r.reason
   returning m.thread`,
  `update requests set result = jsonb_set(result, '{message}', to_jsonb('Denied by ' || $1::text || '.'))
   where result->>'code' = 'denied_by_approver' and starts_with(result->>'message', 'Denied by ' || $1::text || ': ')
   returning thread`,
  // What they noted when they said what became of an unknown outcome.
  `update requests set result = jsonb_set(result, '{message}', to_jsonb($1::text || ' looked: it ' || state || '.'))
   where result->>'code' in ('resolved_succeeded', 'resolved_failed')
     and result->>'message' <> $1::text || ' looked: it ' || state || '.'
     and id::text in (select request from audit_entries where type = 'execution.resolved' and principal = $1)
   returning thread`,
  // What a read answered is no part of the digest, and may be their own ticket.
  `update requests set output = '', result = jsonb_build_object('code', result->>'code', 'message', '${ERASED}')
   where requester = $1 and effect = 'read' and result is not null and result->>'message' <> '${ERASED}'
   returning thread`,
];

/** Deletes a person's plain words in the caller's transaction; answers how many stored texts went. Open pages hear of it. */
export async function eraseStored(tx: Tx, person: PrincipalId): Promise<number> {
  const threads = new Set<string>();
  let erased = 0;
  for (const statement of ERASURES) {
    const rows = await tx.query<{ thread: string }>(statement, [person]);
    erased += rows.length;
    for (const { thread } of rows) threads.add(thread);
  }
  for (const thread of threads) await notify(tx, { kind: 'thread', thread: ThreadId.parse(thread) });
  erased += await eraseLinks(tx, person);
  return erased;
}

/** Which accounts a person linked to themselves: without the row they are nobody's again. */
async function eraseLinks(tx: Tx, person: PrincipalId): Promise<number> {
  const links = await tx.query('delete from account_links where principal = $1 returning id', [person]);
  const codes = await tx.query('delete from link_codes where principal = $1 returning id', [person]);
  if (links.length > 0) await notify(tx, { kind: 'links', principal: person });
  return links.length + codes.length;
}

/** What is still held afterwards, in words, so that nobody believes more than was done. */
export async function whatStays(sql: Sql, person: PrincipalId): Promise<string[]> {
  const count = async (table: string): Promise<number> =>
    (
      await sql.one<{ count: number }>(`select count(*) as count from ${table} where ${THEIRS[table]}`, [
        person,
      ])
    ).count;
  const requests = await count('requests');
  const desk = (await count('desk_tickets')) + (await count('desk_comments'));
  const runs = await count('ci_runs');
  const stays: string[] = [];
  if (requests > 0)
    stays.push(
      `${requests} request(s) keep their arguments and preview: their digest, which was countersigned, is taken over them.`,
    );
  if (desk > 0) stays.push(`${desk} ticket(s) and comment(s) stay on the built-in desk.`);
  if (runs > 0) stays.push(`${runs} run(s) of the built-in runner keep their inputs and output.`);
  stays.push(
    'Not reached: what was shown on a chat platform or written to an outside system, and backups of the database.',
  );
  return stays;
}
