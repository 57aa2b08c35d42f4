/** What people said looks wrong, for whoever may read the log: there they are told wherever no platform tells them. */
import type { Body } from './audit/entry.ts';
import type { PersonKeys } from './audit/seal.ts';
import { RequestId } from './model/ids.ts';
import type { ReportRow } from './model/ports.ts';
import type { Sql } from './store/database.ts';

/** The newest first, their words opened. */
export async function readReports(
  sql: Sql,
  personKeys: Pick<PersonKeys, 'open'>,
  nameOf: (person: string) => string,
  limit: number,
): Promise<ReportRow[]> {
  const rows = await sql.query<{ body: string }>(
    `select body from audit_entries where type = 'alert.raised' and body like '%"code":"reported"%'
     order by written_by desc, counter desc limit $1`,
    [limit],
  );
  const reports: ReportRow[] = [];
  for (const { body } of rows) {
    const entry = JSON.parse(body) as Body;
    const { code, named } = (entry.data ?? {}) as { code?: unknown; named?: unknown };
    if (code !== 'reported') continue;
    const by = entry.principal ?? '';
    reports.push({
      id: entry.id,
      time: entry.time,
      by: { id: by, name: nameOf(by) },
      request: RequestId.safeParse(entry.request).data ?? null,
      named: typeof named === 'string' ? named : null,
      words: entry.sealed === undefined ? '' : await wordsIn(sql, personKeys, entry, entry.sealed),
    });
  }
  return reports;
}

/** Null where they were erased. */
async function wordsIn(
  sql: Sql,
  personKeys: Pick<PersonKeys, 'open'>,
  entry: Body,
  sealed: NonNullable<Body['sealed']>,
): Promise<string | null> {
  const content = (await personKeys.open(sql, sealed, entry)) as { words?: unknown } | null;
  return typeof content?.words === 'string' ? content.words : null;
}
