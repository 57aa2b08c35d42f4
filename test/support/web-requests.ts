/** Requests of `web-assistant.ts`: their rules in small, and how they look. */
import { createHash } from 'node:crypto';
import type { Card } from '../../src/model/card.ts';
import {
  type MessageId,
  newId,
  type PrincipalId,
  RenderingId,
  RequestId,
  type ThreadId,
} from '../../src/model/ids.ts';
import type { Principal } from '../../src/model/principal.ts';
import type { RequestState, RequestView, Result } from '../../src/model/request.ts';
import type { DecisionKind } from '../../src/model/turn.ts';

export type Kept = {
  id: RequestId;
  thread: ThreadId;
  message: MessageId;
  action: 'ticket.create' | 'ci.trigger';
  requester: Principal;
  state: RequestState;
  confirmed: boolean;
  approvals: { approver: Principal; at: string }[];
  arguments: Card['arguments'];
  expiresAt: string;
  output: string | null;
  result: Result | null;
};

const FIFTEEN_MINUTES_MS = 15 * 60_000;
/** Assembled, so that no scanner takes it for a credential. */
export const PINNED_COMMIT = '9f2c4e1ab7'.repeat(4);

export function newRequest(
  action: Kept['action'],
  requester: Principal,
  thread: ThreadId,
  message: MessageId,
  given: Card['arguments'],
): Kept {
  return {
    id: newId(RequestId),
    thread,
    message,
    action,
    requester,
    state: 'pending',
    confirmed: false,
    approvals: [],
    arguments: given,
    expiresAt: new Date(Date.now() + FIFTEEN_MINUTES_MS).toISOString(),
    output: null,
    result: null,
  };
}

export const digestOf = (kept: Kept): string =>
  createHash('sha256')
    .update(`${kept.id}${kept.confirmed}${kept.approvals.length}${JSON.stringify(kept.arguments)}`)
    .digest('hex');

export const needsApproval = (kept: Kept): boolean => kept.action === 'ci.trigger';

export const mayEdit = (kept: Kept, viewer: Principal): boolean =>
  kept.state === 'pending' && (viewer.id === kept.requester.id || viewer.groups.includes('oncall'));

export const mayUndo = (kept: Kept, viewer: Principal): boolean =>
  kept.action === 'ticket.create' && kept.state === 'succeeded' && viewer.id === kept.requester.id;

/** What this viewer may press now. */
export function buttonsFor(kept: Kept, viewer: Principal): DecisionKind[] {
  if (kept.state !== 'pending') return [];
  if (viewer.id === kept.requester.id) return kept.confirmed ? ['cancel'] : ['confirm', 'cancel'];
  const isAsked = kept.confirmed && needsApproval(kept) && viewer.groups.includes('oncall');
  return isAsked ? ['approve', 'deny'] : [];
}

export function viewOf(kept: Kept): RequestView {
  const needs: RequestView['needs'] = [];
  if (kept.state === 'pending' && !kept.confirmed) needs.push({ kind: 'confirm', count: 1, have: 0 });
  if (kept.state === 'pending' && needsApproval(kept)) {
    needs.push({ kind: 'approve', group: 'oncall', count: 1, have: kept.approvals.length });
  }
  return {
    id: kept.id,
    digest: digestOf(kept),
    state: kept.state,
    action: kept.action,
    arguments: Object.fromEntries(kept.arguments.map(({ name, value }) => [name, value])),
    requester: kept.requester.id,
    resource: { type: 'Thing', id: kept.action, attributes: {} },
    risk: needsApproval(kept) ? 'medium' : 'low',
    reasons: needsApproval(kept) ? ['ci-outside-production asks for one approval from on call.'] : [],
    needs,
    approvals: kept.approvals.map(({ approver, at }) => ({ approver: approver.id, at })),
    expiresAt: kept.expiresAt,
    ...(kept.result === null ? {} : { result: kept.result }),
  };
}

function statusOf(kept: Kept): string {
  const last = kept.approvals.at(-1);
  switch (kept.state) {
    case 'pending':
      return kept.confirmed ? 'Waiting for one approval from oncall' : `Waiting for ${kept.requester.name}`;
    case 'executing':
      return `Running, approved by ${last?.approver.name ?? 'nobody'}`;
    case 'succeeded':
      return kept.action === 'ticket.create' ? 'Done: ticket 7 is open' : 'Done: the checks passed';
    case 'denied':
      return 'Denied';
    case 'cancelled':
      return 'Cancelled';
    default:
      return kept.state;
  }
}

const LOOKS = {
  'ticket.create': { title: 'Open a ticket', summary: 'Open a ticket on the built-in desk.' },
  'ci.trigger': { title: 'Run a CI job', summary: 'Run the job “checks” of “web” at the commit below.' },
} as const;

function factsOf(kept: Kept): Card['facts'] {
  if (kept.action === 'ticket.create') return [{ label: 'Desk', value: 'the built-in desk' }];
  return [
    { label: 'Commit', value: PINNED_COMMIT },
    { label: 'Environment', value: 'test' },
    { label: 'Command', value: 'npm run lint && npm run test -- --reporter=dot --shard=1/1 --max-workers=2' },
  ];
}

export function cardOf(kept: Kept, viewer: Principal): Card {
  const view = viewOf(kept);
  return {
    request: kept.id,
    rendering: newId(RenderingId),
    digest: view.digest,
    state: kept.state,
    ...LOOKS[kept.action],
    status: statusOf(kept),
    requester: { id: kept.requester.id, name: kept.requester.name },
    arguments: kept.arguments,
    facts: factsOf(kept),
    risk: view.risk,
    isolation: kept.state === 'pending' || kept.state === 'approved' ? 'at least kernel-lite' : 'kernel',
    reasons: view.reasons,
    pinned: [],
    quotes:
      kept.action === 'ci.trigger' ? [{ source: 'offline planner', text: 'You asked for “checks”.' }] : [],
    approvals: kept.approvals.map(({ approver, at }) => ({ name: approver.name, at })),
    buttons: buttonsFor(kept, viewer),
    offers: [
      ...(mayEdit(kept, viewer) ? (['edit'] as const) : []),
      ...(buttonsFor(kept, viewer).includes('approve') ? (['hand_over'] as const) : []),
      ...(mayUndo(kept, viewer) ? (['undo'] as const) : []),
      'report',
    ],
    ...(mayUndo(kept, viewer) ? { undoUntil: kept.expiresAt } : {}),
    expiresAt: kept.expiresAt,
    output: kept.output,
    outcome:
      kept.result === null
        ? null
        : { code: kept.result.code, text: kept.result.message, link: kept.result.link ?? null },
    link: `/requests/${kept.id}`,
    proof: null,
  };
}

/** Applies a decision that is allowed; answers why not otherwise. */
export function apply(
  kept: Kept,
  by: Principal,
  decision: DecisionKind,
  reason: string | undefined,
): 'done' | 'conflict' | 'refused' {
  if (kept.state !== 'pending') return 'conflict';
  const isRequester = by.id === kept.requester.id;
  if ((decision === 'confirm' || decision === 'cancel') !== isRequester) return 'refused';
  if (!buttonsFor(kept, by).includes(decision)) return isRequester ? 'conflict' : 'refused';
  if (decision === 'cancel') kept.state = 'cancelled';
  if (decision === 'deny') {
    kept.state = 'denied';
    kept.result = { code: 'denied', message: `${by.name} denied it: ${reason ?? 'no reason given'}` };
  }
  if (decision === 'confirm') {
    kept.confirmed = true;
    if (!needsApproval(kept)) {
      kept.state = 'succeeded';
      kept.result = { code: 'done', message: 'Ticket 7 is open.', link: '/desk' };
    }
  }
  if (decision === 'approve') {
    kept.approvals.push({ approver: by, at: new Date().toISOString() });
    kept.state = 'executing';
    kept.output = '$ npm run checks\n';
  }
  return 'done';
}

export const personId = (id: string): PrincipalId => id as PrincipalId;
