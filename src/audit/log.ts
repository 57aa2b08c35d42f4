/** The entry point through which every room records: `append` inside the transaction of what it records. */
import type { PrincipalId, RequestId, TurnId } from '../model/ids.ts';
import type { Json } from '../model/request.ts';
import type { Tx } from '../store/database.ts';

export const ENTRY_TYPES = [
  'turn.received',
  'turn.screened',
  'model.called',
  'model.answered',
  'proposal.made',
  'decision.made',
  'request.confirmed',
  'request.edited',
  'request.cancelled',
  'request.expired',
  'approval.asked',
  'approval.given',
  'approval.denied',
  'approval.refused',
  'approval.ignored',
  'approval.escalated',
  'approval.delegated',
  'execution.started',
  'egress.called',
  'egress.refused',
  'execution.finished',
  'execution.resolved',
  'reply.sent',
  'feedback.given',
  'killswitch.changed',
  'config.loaded',
  'policy.loaded',
  'audit.read',
  'privacy.erased',
  'alert.raised',
  'credential.minted',
  'credential.revoked',
  'credential.rotated',
  'account.asked',
  'account.refused',
  'account.linked',
  'account.unlinked',
] as const;
export type EntryType = (typeof ENTRY_TYPES)[number];

export type EntryInput = {
  type: EntryType;
  turn?: TurnId;
  request?: RequestId;
  principal?: PrincipalId;
  /** Never what a person wrote, never a credential. Integers only. */
  data?: Record<string, Json>;
  /** What a person wrote, and the person whose key seals it. */
  sealed?: { person: PrincipalId; content: Json };
};

export interface AuditLog {
  /** Writes one entry in `tx`. Throws `AppError('audit_unwritable')`: then the thing does not happen. */
  append(tx: Tx, entry: EntryInput): Promise<{ id: string }>;
}
