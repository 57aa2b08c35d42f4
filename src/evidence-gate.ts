/**
 * No effect without evidence: before a request runs, its digest is computed again from what is stored, and the log's
 * own entries, once a signed checkpoint covers them, must say that exactly this was confirmed and approved.
 */
import { digestOf } from './approval/digest.ts';
import { approvalsAreMet } from './approval/needs.ts';
import { approvalsOf } from './approval/requests.ts';
import { AppError } from './errors.ts';
import type { Obstacle } from './execution/executor-deps.ts';
import type { StoredRequest } from './model/request.ts';
import type { Database } from './store/database.ts';

export type EvidenceDeps = {
  db: Database;
  /** Resolves once a signed checkpoint covers these entries; only entries with a valid MAC are ever covered. */
  untilCovered(entries: readonly string[], signal: AbortSignal): Promise<void>;
};

type Entry = { type: string; request?: string; principal?: string; data?: { digest?: string } };

const failed = (code: string, message: string): Obstacle => ({ code, message, event: 'checks_failed' });

/** Null where everything that must have been said was said, by whom it had to be, about exactly this digest. */
export async function verifyEvidence(
  deps: EvidenceDeps,
  request: StoredRequest,
  signal: AbortSignal,
): Promise<Obstacle | null> {
  if (digestOf(request) !== request.digest) {
    return failed('digest_mismatch', 'What is stored is not what was approved. Operators have been told.');
  }
  if (request.effect === 'read') return null;
  const approvals = await approvalsOf(deps.db, request);
  if (request.confirmEntry === null || !approvalsAreMet(request, approvals)) {
    return failed('evidence_missing', 'Its confirmation or an approval is missing.');
  }
  const ids = [request.confirmEntry, ...approvals.map((approval) => approval.entry)];
  try {
    await deps.untilCovered(ids, signal);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return failed(
      'evidence_missing',
      'No signed checkpoint covers its approvals. Ask an operator to look at the audit log.',
    );
  }
  const rows = await deps.db.query<{ id: string; body: string }>(
    'select id, body from audit_entries where id = any($1)',
    [ids],
  );
  const entries = new Map(rows.map((row) => [row.id, JSON.parse(row.body) as Entry]));
  const says = (id: string, type: string, principal: string): boolean => {
    const entry = entries.get(id);
    return (
      entry?.type === type &&
      entry.request === request.id &&
      entry.principal === principal &&
      entry.data?.digest === request.digest
    );
  };
  // From the log and not from the table: whoever changed it asks for it too.
  const editors = new Set(
    (
      await deps.db.query<{ principal: string }>(
        `select distinct principal from audit_entries where request = $1 and type = 'request.edited'`,
        [request.id],
      )
    ).map((row) => row.principal),
  );
  const holds =
    says(request.confirmEntry, 'request.confirmed', request.requester) &&
    approvals.every(
      (approval) =>
        approval.approver !== request.requester &&
        !editors.has(approval.approver) &&
        says(approval.entry, 'approval.given', approval.approver),
    );
  return holds
    ? null
    : failed('evidence_mismatch', 'The log does not say what the approvals say. Operators have been told.');
}
