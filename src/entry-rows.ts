/** Entries of the log as pages show them, each in words. */
import { type EntryBody, entryInWords } from './entry-words.ts';
import type { PrincipalId, RequestId } from './model/ids.ts';
import type { AuditRow, TimelineEntry } from './model/ports.ts';
import type { Database } from './store/database.ts';

type Logged = { index: number | null; leaf: string | null; body: string };
const LOGGED = `l.index, encode(l.leaf_hash, 'hex') as leaf, e.body`;

/** All that was written of a request, and of the message that it came from, in order. */
export async function timelineOf(db: Database, request: RequestId): Promise<TimelineEntry[]> {
  const rows = await db.query<Logged>(
    `select ${LOGGED} from audit_entries e left join audit_leaves l on l.entry_id = e.id
     where e.request = $1
       or (e.principal = (select requester from requests where id = $1::uuid) and e.type in ('turn.received', 'turn.screened')
         and e.body like '%"turn":"' || (select turn::text from requests where id = $1::uuid) || '"%')
     order by l.index nulls last, e.written_by, e.counter`,
    [request],
  );
  return rows.map(({ index, leaf, body }) => {
    const entry = JSON.parse(body) as EntryBody;
    return {
      type: entry.type,
      time: entry.time,
      principal: (entry.principal as PrincipalId | undefined) ?? null,
      text: entryInWords(entry),
      index,
      leafHash: leaf,
    };
  });
}

/** Newest first, below index `before`; null: from the end. */
export async function auditRows(db: Database, before: number | null, limit: number): Promise<AuditRow[]> {
  const rows = await db.query<Logged & { index: number; leaf: string }>(
    `select ${LOGGED} from audit_leaves l join audit_entries e on e.id = l.entry_id
     where $1::bigint is null or l.index < $1 order by l.index desc limit $2`,
    [before, limit],
  );
  return rows.map(({ index, leaf, body }) => {
    const entry = JSON.parse(body) as EntryBody;
    return {
      index,
      leafHash: leaf,
      time: entry.time,
      type: entry.type,
      principal: (entry.principal as PrincipalId | undefined) ?? null,
      request: (entry.request as RequestId | undefined) ?? null,
      text: entryInWords(entry),
    };
  });
}
