/** "This looks wrong": somebody tells the operators, about a request or about anything else. */
import { findRequest } from './approval/requests.ts';
import type { AuditLog } from './audit/log.ts';
import type { RequestId, TurnId } from './model/ids.ts';
import type { Principal } from './model/principal.ts';
import type { StoredRequest } from './model/request.ts';
import type { Tx } from './store/database.ts';

export type ReportingDeps = {
  audit: AuditLog;
  titleOf(action: string): string;
  nameOf(person: StoredRequest['requester']): string;
  /** Says both where operators are told; the words are somebody's, and shown as such. False where there is no such place. */
  tellOperators(tx: Tx, text: string, words: string, about: Reported): Promise<boolean>;
};

/** Who reports what; `request` null: none that is known. */
export type Reported = { by: Principal['id']; turn: TurnId; request: RequestId | null };

/** `named`: what was written of its id, hexadecimal digits and hyphens; kept where no request is found by it. */
export type Report = { turn: TurnId; request: RequestId | null; named?: string; words: string };

/**
 * Records a report and passes it on. Anybody may report any request; who may not see it learns nothing by it, as the answer is
 * the same whether or not there is one.
 */
export async function report(
  tx: Tx,
  deps: ReportingDeps,
  by: Principal,
  { turn, request: id, named, words }: Report,
): Promise<string> {
  const request = id === null ? null : await findRequest(tx, id);
  const missing = named === undefined ? {} : { named };
  await deps.audit.append(tx, {
    type: 'alert.raised',
    turn,
    principal: by.id,
    ...(request === null ? {} : { request: request.id }),
    data: { code: 'reported', ...(request === null ? missing : { digest: request.digest }) },
    ...(words === '' ? {} : { sealed: { person: by.id, content: { words } } }),
  });
  const text = reportInWords(deps, by, named ?? id, request);
  const about = { by: by.id, turn, request: request?.id ?? null };
  return (await deps.tellOperators(tx, text, words, about))
    ? 'Thank you. It is recorded, and operators are told.'
    : 'Thank you. It is recorded for the operators.';
}

function reportInWords(
  deps: Pick<ReportingDeps, 'titleOf' | 'nameOf'>,
  by: Principal,
  named: string | null,
  request: StoredRequest | null,
): string {
  const who = `${by.name} (${by.id})`;
  if (request === null) {
    if (named === null) return `${who} reports something that looks wrong.`;
    return `${who} reports a request of which none, or more than one, has this id or begins so: ${named}.`;
  }
  const whose = `"${deps.titleOf(request.action)}" of ${deps.nameOf(request.requester)}`;
  return `${who} reports that something looks wrong with ${whose}, which is ${request.state}: ${request.id}.`;
}
