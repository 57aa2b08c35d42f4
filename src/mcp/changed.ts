/** Reviews that count no more, as the tool was seen to be something else. Kept in the database: a restart or another replica knows too. */
import type { Sql, Tx } from '../store/database.ts';

/** `review`: of its tool, as `reviewKey` names it. */
export type Reviewed = { server: string; tool: string; review: string };

/** `said`: the digest of what the server said, or a word. True the first time, over all processes. */
export async function noteChanged(
  tx: Tx,
  { server, tool, review }: Reviewed,
  said: string,
): Promise<boolean> {
  const row = await tx.maybe(
    'insert into tools_changed (server, tool, review, said) values ($1, $2, $3, $4) on conflict do nothing returning tool',
    [server, tool, review, said],
  );
  return row !== null;
}

/** Those of them that are not what was reviewed any more. */
export async function changedAmong<R extends Reviewed>(sql: Sql, all: readonly R[]): Promise<R[]> {
  if (all.length === 0) return [];
  const rows = await sql.query<{ at: number }>(
    `select r.at::int from unnest($1::text[], $2::text[], $3::text[]) with ordinality as r(server, tool, review, at)
     join tools_changed t on (t.server, t.tool, t.review) = (r.server, r.tool, r.review)`,
    [all.map(({ server }) => server), all.map(({ tool }) => tool), all.map(({ review }) => review)],
  );
  const changed = new Set(rows.map(({ at }) => at - 1));
  return all.filter((_one, at) => changed.has(at));
}

export async function hasChanged(sql: Sql, { server, tool, review }: Reviewed): Promise<boolean> {
  const row = await sql.maybe(
    'select tool from tools_changed where server = $1 and tool = $2 and review = $3',
    [server, tool, review],
  );
  return row !== null;
}
