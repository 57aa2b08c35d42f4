/** A form that stands in a conversation is sent once by whoever was asked to fill it in; who else fills it in asks for something of their own. */
import type { MessageId, PrincipalId, ThreadId } from './model/ids.ts';
import type { Platform } from './model/principal.ts';
import { type Deliverer, notify } from './reply/messages.ts';
import type { Sql, Tx } from './store/database.ts';

export const SENT_BEFORE =
  'You have sent this form already, so nothing more was asked for. Ask anew if you need it once more.';

/** Whether this person was asked for it and has sent it. The id is untrusted: it may be of no form, or of somebody else's. */
export async function wasSentBy(sql: Sql, form: MessageId, person: PrincipalId): Promise<boolean> {
  const row = await sql.maybe(
    `select 1 from messages m join turns t on t.id = m.turn
     where m.id = $1 and t.principal = $2 and m.form_sent_by is not null`,
    [form, person],
  );
  return row !== null;
}

/** Notes that what was asked for by it is stored, and has it rewritten; false where this person had sent it before. */
export async function markSent(
  tx: Tx,
  deliverer: Deliverer,
  form: MessageId,
  person: PrincipalId,
): Promise<boolean> {
  const sent = await tx.maybe<{ thread: ThreadId; platform: Platform }>(
    `update messages m set form_sent_by = $2 from turns t, threads p
     where m.id = $1 and t.id = m.turn and p.id = m.thread and t.principal = $2
       and m.form is not null and m.form_sent_by is null returning m.thread, p.platform`,
    [form, person],
  );
  if (sent === null) return !(await wasSentBy(tx, form, person));
  if (sent.platform !== 'web') await deliverer.deliver(tx, { message: form });
  await notify(tx, { kind: 'thread', thread: sent.thread });
  return true;
}
