/** What the log holds of one person, and how they are erased from it. */
import { AppError } from '../errors.ts';
import type { PrincipalId } from '../model/ids.ts';
import type { Json } from '../model/request.ts';
import type { Sql, Tx } from '../store/database.ts';
import { type CommandResult, type ReadDeps, settle } from './commands.ts';
import type { Body } from './entry.ts';
import type { AuditLog } from './log.ts';
import type { PersonKeys } from './seal.ts';

/** Rows a query. */
const PAGE_SIZE = 500;

export type PersonalEntry = {
  id: string;
  time: string;
  type: string;
  data: Json;
  /** What they wrote; null where nothing was, or where it has been erased. */
  content: Json;
  erased: boolean;
};

/** Every entry about this person or sealed with a key of theirs, in the order of writing, opened. */
export async function* readPersonal(
  sql: Sql,
  personKeys: PersonKeys,
  person: PrincipalId,
): AsyncGenerator<PersonalEntry> {
  let after: { written_by: string; id: string } = {
    written_by: '0',
    id: '00000000-0000-0000-0000-000000000000',
  };
  for (;;) {
    const rows = await sql.query<{ id: string; written_by: string; body: string }>(
      `SELECT id, written_by::text AS written_by, body FROM audit_entries
        WHERE (principal = $1 OR sealed_key IN (SELECT id::text FROM person_keys WHERE person = $1))
          AND (written_by, id) > ($2::xid8, $3::uuid)
        ORDER BY audit_entries.written_by, id LIMIT ${PAGE_SIZE}`,
      [person, after.written_by, after.id],
    );
    for (const row of rows) {
      const body = JSON.parse(row.body) as Body;
      const theirs = body.sealed !== undefined && (await isKeyOf(sql, body.sealed.key, person));
      const content = body.sealed && theirs ? await personKeys.open(sql, body.sealed, body) : null;
      const erased = theirs && content === null;
      yield { id: body.id, time: body.time, type: body.type, data: body.data ?? null, content, erased };
    }
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last;
  }
}

/** An entry about one person may hold another one's words: those are not theirs to have. */
async function isKeyOf(sql: Sql, key: string, person: PrincipalId): Promise<boolean> {
  return (await sql.maybe('SELECT 1 FROM person_keys WHERE id = $1 AND person = $2', [key, person])) !== null;
}

/** Destroys the person's keys and records it, in the caller's transaction; answers the entry's id. */
async function erasePerson(
  tx: Tx,
  deps: { log: AuditLog; personKeys: PersonKeys },
  person: PrincipalId,
  by: { principal: PrincipalId } | { account: string },
): Promise<{ id: string; keys: number }> {
  const keys = await deps.personKeys.erase(tx, person);
  const data = { person, keys, ...('account' in by ? { account: by.account } : {}) };
  const principal = 'principal' in by ? { principal: by.principal } : {};
  const { id } = await deps.log.append(tx, { type: 'privacy.erased', ...principal, data });
  return { id, keys };
}

type PrivacyDeps = ReadDeps & { personKeys: PersonKeys };

/** `privacy export P`: JSON Lines of what the log holds of them; that it was read is an entry. */
export async function privacyExport(
  deps: PrivacyDeps,
  args: { person: PrincipalId },
): Promise<CommandResult> {
  const data = { what: 'privacy', person: args.person, account: deps.account };
  const { id } = await deps.db.transaction((tx) => deps.log.append(tx, { type: 'audit.read', data }));
  await settle(deps, id);
  for await (const entry of readPersonal(deps.db, deps.personKeys, args.person)) {
    await deps.write(`${JSON.stringify(entry)}\n`);
  }
  return { exit: 0 };
}

/**
 * `privacy erase P`: destroys the keys and whatever `eraseElsewhere` deletes (messages), in one transaction.
 * Throws `AppError('not_found')` when nothing of this person is held.
 */
export async function privacyErase(
  deps: PrivacyDeps & { eraseElsewhere: (tx: Tx, person: PrincipalId) => Promise<number> },
  args: { person: PrincipalId; json?: boolean },
): Promise<CommandResult> {
  const erased = await deps.db.transaction(async (tx) => {
    const elsewhere = await deps.eraseElsewhere(tx, args.person);
    const { id, keys } = await erasePerson(tx, deps, args.person, { account: deps.account });
    if (keys + elsewhere === 0) throw new AppError('not_found', 'Nothing that this person wrote is held.');
    return { id, keys, elsewhere };
  });
  await settle(deps, erased.id);
  const { keys, elsewhere } = erased;
  const words = `erased ${args.person}: ${keys} key(s), ${elsewhere} stored text(s); the audit log still verifies\n`;
  await deps.write(
    args.json === true ? `${JSON.stringify({ person: args.person, keys, elsewhere })}\n` : words,
  );
  return { exit: 0 };
}
