/**
 * One person's decision on one request, in one transaction with its row locked. Who clicks, what they saw and
 * whether it is still the thing that stands there are all untrusted until checked here. Whatever does not count
 * changes nothing, is answered in words, and is recorded.
 */
import type { AuditLog } from '../audit/log.ts';
import { UNDECIDED, UNSTARTED } from '../model/expiry.ts';
import type { PrincipalId } from '../model/ids.ts';
import type { DecisionInput } from '../model/ports.ts';
import type { Json, RequestState, StoredRequest } from '../model/request.ts';
import { storableText } from '../model/storable.ts';
import type { Tx } from '../store/database.ts';
import { approvalsAreMet, needInWords, openNeeds, type TitleOfGroup } from './needs.ts';
import { approvalsOf, insertApproval, lockRequest, markConfirmed, move } from './requests.ts';

/** What policy says at this moment, asked by the pipeline inside the same transaction. */
export type Judge = {
  mayApprove(
    tx: Tx,
    person: PrincipalId,
    request: StoredRequest,
  ): Promise<{ allowed: boolean; reasons: string[]; groups: string[] }>;
  /** Whether the request itself is still permitted to its requester. */
  stillPermitted(
    tx: Tx,
    request: StoredRequest,
  ): Promise<{ allowed: boolean; reasons: string[]; policies: string[] }>;
  /** Whether this person could ask for such a request themself. */
  couldAskFor(person: PrincipalId, request: StoredRequest): Promise<boolean>;
  /** A person as others know them, for answers; without it, the directory's id. */
  nameOf?(person: PrincipalId): string;
};

export type Ruling =
  | { kind: 'missing' }
  | { kind: 'refused'; request: StoredRequest; message: string; expiredNow: boolean }
  | { kind: 'ignored'; request: StoredRequest; message: string; expiredNow: boolean }
  | { kind: 'confirmed'; request: StoredRequest; approved: boolean }
  | { kind: 'approved'; request: StoredRequest; complete: boolean }
  | { kind: 'denied'; request: StoredRequest; reason: string | null; byPolicy: boolean }
  | { kind: 'cancelled'; request: StoredRequest };

const STATE_IN_WORDS: Record<RequestState, string> = {
  pending: 'is still waiting',
  approved: 'has been approved already',
  denied: 'has been denied',
  expired: 'has expired',
  cancelled: 'has been cancelled',
  executing: 'is running already',
  succeeded: 'has been done already',
  failed: 'has run and failed',
  unknown: 'has run, and its outcome is not known yet',
};

/** How a request stands, as the end of a sentence that begins with "This request". */
export function stateInWords(state: RequestState): string {
  return STATE_IN_WORDS[state];
}

/** Decides, and records what was decided. The caller queues what follows in the same transaction. */
export async function decideInTransaction(
  tx: Tx,
  deps: { audit: AuditLog; judge: Judge },
  input: DecisionInput,
): Promise<Ruling> {
  const found = await lockRequest(tx, input.request);
  if (!found) return { kind: 'missing' };
  const request = (await expire(tx, deps.audit, found)) ?? found;

  const context: Context = { tx, ...deps, input, request, expiredNow: request.state !== found.state };
  const refusal = await mayNot(context);
  if (refusal !== null) {
    await record(context, 'approval.refused', { decision: input.decision });
    return { kind: 'refused', request, message: refusal, expiredNow: context.expiredNow };
  }
  if (input.digest !== request.digest) {
    return ignore(
      context,
      'outdated',
      'What you saw is not what stands here now. Look at the card again before you decide.',
    );
  }
  switch (input.decision) {
    case 'confirm':
      return confirm(context);
    case 'approve':
      return approve(context);
    case 'deny':
      return deny(context);
    case 'cancel':
      return cancel(context);
  }
}

type Context = {
  tx: Tx;
  audit: AuditLog;
  judge: Judge;
  input: DecisionInput;
  request: StoredRequest;
  /** This click found that the time is over. */
  expiredNow: boolean;
  /** Groups that count for an approver, once entitlement is established. */
  groups?: string[];
};

/** Expires a locked request; null where its time is not over. */
async function expire(tx: Tx, audit: AuditLog, found: StoredRequest): Promise<StoredRequest | null> {
  const why = found.state === 'approved' ? UNSTARTED : UNDECIDED;
  const request = await move(tx, found.id, 'expired', why);
  if (!request) return null;
  await audit.append(tx, {
    type: 'request.expired',
    turn: request.turn,
    request: request.id,
    data: { digest: request.digest, code: why.code },
  });
  return request;
}

/** Expires one request if its time is over by the database's clock; null where it is not or has moved on. */
export async function expireInTransaction(
  tx: Tx,
  audit: AuditLog,
  id: StoredRequest['id'],
): Promise<StoredRequest | null> {
  const found = await lockRequest(tx, id);
  return found && expire(tx, audit, found);
}

/** Why this person may not decide so, in words; null where they may. Fills in the groups that count. */
async function mayNot(context: Context): Promise<string | null> {
  const { input, request } = context;
  const isRequester = input.principal === request.requester;
  const hasChangedIt = request.coRequesters.includes(input.principal);
  // Whoever changed it by mistake must not have to wait for somebody else to stop it.
  if (input.decision === 'cancel' && hasChangedIt) return null;
  if (input.decision === 'confirm' || input.decision === 'cancel') {
    return isRequester
      ? null
      : `Only ${requesterName(context)}, who asked for it, can ${input.decision} this request.`;
  }
  if (isRequester) return `You asked for this yourself: somebody else must ${input.decision} it.`;
  if (hasChangedIt) {
    const said = `You changed this, so you ask for it too: somebody else must ${input.decision} it.`;
    return input.decision === 'deny'
      ? `${said} To take it back write: cancel ${request.id.slice(0, 8)}`
      : said;
  }
  const verdict = await context.judge.mayApprove(context.tx, input.principal, request);
  context.groups = verdict.groups;
  return verdict.allowed ? null : verdict.reasons.join(' ');
}

function requesterName({ judge, request }: Context): string {
  return judge.nameOf?.(request.requester) ?? request.requester;
}

async function confirm(context: Context): Promise<Ruling> {
  const { tx, request } = context;
  if (request.state !== 'pending') return lateClick(context);
  if (request.confirmedAt !== null) return ignore(context, 'double', 'You have confirmed this already.');
  const denied = await deniedByPolicyNow(context);
  if (denied) return denied;
  const entry = await record(context, 'request.confirmed');
  await markConfirmed(tx, request.id, entry.id);
  return { kind: 'confirmed', ...(await afterVote(context)) };
}

async function approve(context: Context): Promise<Ruling> {
  const { tx, input, request } = context;
  if (request.state !== 'pending') return lateClick(context);
  if (request.effect === 'write' && request.confirmedAt === null) {
    return ignore(context, 'early', `This request still waits for ${requesterName(context)} to confirm it.`);
  }
  const given = await approvalsOf(tx, request);
  if (given.some((approval) => approval.approver === input.principal)) {
    return ignore(context, 'double', 'You have approved this already.');
  }
  const denied = await deniedByPolicyNow(context);
  if (denied) return denied;
  const groups = context.groups ?? [];
  const entry = await record(context, 'approval.given', { groups });
  await insertApproval(tx, {
    request: request.id,
    approver: input.principal,
    digest: request.digest,
    groups,
    entry: entry.id,
  });
  const { request: after, approved } = await afterVote(context);
  return { kind: 'approved', request: after, complete: approved };
}

async function deny(context: Context): Promise<Ruling> {
  const { tx, input, request } = context;
  if (request.state !== 'pending') return lateClick(context);
  const reason = reasonOf(input);
  const after = await move(tx, request.id, 'denied', {
    code: 'denied_by_approver',
    message: reason === null ? `Denied by ${input.principal}.` : `Denied by ${input.principal}: ${reason}`,
  });
  if (!after) return lateClick(context);
  await record(context, 'approval.denied', {}, reason);
  return { kind: 'denied', request: after, reason, byPolicy: false };
}

/** Longest reason that is kept, in UTF-16 units: it is shown on every card of the request. */
const REASON_MAX_CHARACTERS = 500;

function reasonOf(input: DecisionInput): string | null {
  const words = input.reason?.trim() ?? '';
  if (words.length <= REASON_MAX_CHARACTERS) return storableText(words) || null;
  return `${storableText(words.slice(0, REASON_MAX_CHARACTERS - 1))}…`;
}

async function cancel(context: Context): Promise<Ruling> {
  const { tx, input, request } = context;
  const after = await move(tx, request.id, 'cancelled', {
    code: 'cancelled_by_requester',
    message: `Cancelled by ${input.principal}.`,
  });
  if (!after) return lateClick(context);
  await record(context, 'request.cancelled', { reason: 'requester' });
  return { kind: 'cancelled', request: after };
}

/** Moves on to `approved` when nothing is missing any more. */
async function afterVote(context: Context): Promise<{ request: StoredRequest; approved: boolean }> {
  const { tx } = context;
  const current = (await lockRequest(tx, context.request.id))!;
  const approvals = await approvalsOf(tx, current);
  const isComplete = openNeeds(current, approvals).length === 0 && approvalsAreMet(current, approvals);
  const moved = isComplete ? await move(tx, current.id, 'quorum_met') : null;
  return { request: moved ?? current, approved: moved !== null };
}

/** Policy and groups of this moment: what is no longer permitted is denied now, not later. */
async function deniedByPolicyNow(context: Context): Promise<Ruling | null> {
  const { tx, request } = context;
  const verdict = await context.judge.stillPermitted(tx, request);
  if (verdict.allowed) return null;
  const after = await move(tx, request.id, 'denied', {
    code: 'policy_denies',
    message: verdict.reasons.join(' '),
  });
  await context.audit.append(tx, {
    type: 'decision.made',
    turn: request.turn,
    request: request.id,
    principal: request.requester,
    data: { digest: request.digest, allowed: false, policies: verdict.policies },
  });
  return { kind: 'denied', request: after ?? request, reason: verdict.reasons.join(' '), byPolicy: true };
}

async function lateClick(context: Context): Promise<Ruling> {
  return ignore(context, 'late', `This request ${stateInWords(context.request.state)}; nothing was changed.`);
}

async function ignore(context: Context, why: string, message: string): Promise<Ruling> {
  await record(context, 'approval.ignored', { decision: context.input.decision, why });
  return { kind: 'ignored', request: context.request, message, expiredNow: context.expiredNow };
}

function record(
  context: Context,
  type:
    | 'request.confirmed'
    | 'request.cancelled'
    | 'approval.given'
    | 'approval.denied'
    | 'approval.refused'
    | 'approval.ignored',
  data: Record<string, Json> = {},
  words: string | null = null,
): Promise<{ id: string }> {
  const { tx, input, request } = context;
  return context.audit.append(tx, {
    type,
    turn: request.turn,
    request: request.id,
    principal: input.principal,
    data: { digest: request.digest, ...data },
    ...(words === null ? {} : { sealed: { person: input.principal, content: { reason: words } } }),
  });
}

/** "Waiting for one approval from oncall." */
export function waitingInWords(
  request: StoredRequest,
  approvals: readonly { approver: PrincipalId; groups: string[] }[],
  titleOfGroup?: TitleOfGroup,
): string {
  const needs = openNeeds(request, approvals);
  if (needs.length === 0) return '';
  return `Waiting for ${needs.map((need) => needInWords(need, titleOfGroup)).join(', then ')}.`;
}
