import type { ActionRequest, Approval, RequestView } from '../model/request.ts';
import { openNeeds } from './needs.ts';

/** The `Request` of the HTTP contract. */
export function viewOf(request: ActionRequest, approvals: readonly Approval[]): RequestView {
  return {
    id: request.id,
    digest: request.digest,
    state: request.state,
    action: request.action,
    arguments: request.arguments,
    requester: request.requester,
    resource: request.resource,
    risk: request.risk,
    reasons: request.reasons,
    needs: openNeeds(request, approvals),
    approvals: approvals.map((approval) => ({ approver: approval.approver, at: approval.at.toISOString() })),
    expiresAt: request.expiresAt.toISOString(),
    ...(request.result === null ? {} : { result: request.result }),
  };
}
