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

export async function hasChanged(sql: Sql, { server, tool, review }: Reviewed): Promise<boolean> {
  const row = await sql.maybe(
    'select tool from tools_changed where server = $1 and tool = $2 and review = $3',
    [server, tool, review],
  );
  return row !== null;
}
