/**
 * What is recorded and said when a request moves, in the transaction that moves it. One function for each thing that
 * can happen, so that no surface and no entry is forgotten.
 */

import { waitingInWords } from './approval/decisions.ts';
import { changedFields } from './approval/editing.ts';
import { openNeeds } from './approval/needs.ts';
import { approvalsOf, insertRequest, move } from './approval/requests.ts';
import type { AuditLog } from './audit/log.ts';
import type { Obstacle } from './execution/executor-deps.ts';
import type { Claim } from './execution/lease.ts';
import { taint } from './intake/turns.ts';
import { goingOn } from './model/expiry.ts';
import type { PrincipalId, RequestId } from './model/ids.ts';
import type { Json, RequestState, Result, StoredRequest } from './model/request.ts';
import type { Proposed } from './proposing.ts';
import { messageOf } from './reply/attributed.ts';
import { type Deliverer, notify, reply, say, touch } from './reply/messages.ts';
import type { Database, Tx } from './store/database.ts';

export type AnnouncingDeps = Deliverer & {
  audit: AuditLog;
  titleOf(action: string): string;
  nameOf(principal: PrincipalId): string;
  titleOfGroup?(id: string): string;
  queueExecution(tx: Tx, request: RequestId): Promise<void>;
  queueExpiry(tx: Tx, request: RequestId, at: Date): Promise<void>;
  /** Asks those who may approve, where they are. */
  queueAsking(tx: Tx, request: RequestId): Promise<void>;
  /** Rewrites the cards soon; asking again before that changes nothing. */
  queueRefresh(tx: Tx, request: RequestId): Promise<void>;
  /** Rewrites the cards when it can no longer be taken back. Absent where nothing can be. */
  queueUndoEnd?(tx: Tx, request: StoredRequest): Promise<void>;
  /** Whether it gives or takes back what is given for a time. Absent where nothing is. */
  isForATime?(request: StoredRequest): boolean;
  /** What is stored and what the log says part: operators must know now. Absent where nothing is executed. */
  alarm?(request: StoredRequest, why: Pick<Result, 'code' | 'message'>): void;
};

/** Stops that only tampering, or a defect as bad as that, brings about. */
const ALARMING: ReadonlySet<string> = new Set(['digest_mismatch', 'evidence_missing', 'evidence_mismatch']);

export type Announcing = ReturnType<typeof createAnnouncing>;

export function createAnnouncing(deps: AnnouncingDeps) {
  const about = (request: StoredRequest) => ({ turn: request.turn, request: request.id });
  const tell = (tx: Tx, request: StoredRequest, text: string) =>
    say(tx, deps, { thread: request.thread, turn: request.turn, text, authorship: 'system' });

  const raise = async (
    tx: Tx,
    request: StoredRequest,
    why: Pick<Result, 'code' | 'message'>,
  ): Promise<void> => {
    await deps.audit.append(tx, {
      type: 'alert.raised',
      ...about(request),
      data: { digest: request.digest, code: why.code },
    });
    deps.alarm?.(request, why);
  };

  const askApprovers = async (tx: Tx, request: StoredRequest): Promise<void> => {
    await deps.audit.append(tx, {
      type: 'approval.asked',
      ...about(request),
      principal: request.requester,
      data: {
        digest: request.digest,
        approvals: request.obligations.approvals,
        expiresAt: request.expiresAt.toISOString(),
      },
    });
    await deps.queueAsking(tx, request.id);
  };

  return {
    /** A proposal became a request: stored with its entries, its card, and what must happen next. */
    async proposed(
      tx: Tx,
      { request, decision, typed }: Proposed,
      how: { runNow: boolean; by?: 'typed' | 'ending' } = { runNow: false },
    ): Promise<string> {
      const { digest } = request;
      await deps.audit.append(tx, {
        type: 'proposal.made',
        ...about(request),
        principal: request.requester,
        data: {
          digest,
          action: request.action,
          effect: request.effect,
          connector: request.connector,
          typed,
          provenance: request.provenance,
        },
        sealed: { person: request.requester, content: { arguments: request.arguments } },
      });
      await deps.audit.append(tx, {
        type: 'decision.made',
        ...about(request),
        principal: request.requester,
        data: {
          digest,
          allowed: decision.allowed,
          code: decision.code,
          policies: decision.policies,
          obligations: decision.obligations,
          evidence: decision.evidence,
        },
      });
      if (request.confirmedAt !== null) {
        const entry = await deps.audit.append(tx, {
          type: 'request.confirmed',
          ...about(request),
          principal: request.requester,
          data: { digest, by: how.by ?? 'typed' },
        });
        request.confirmEntry = entry.id;
      }
      await insertRequest(tx, request);
      // Whoever may decide it reads other threads than this one.
      await notify(tx, { kind: 'request', request: request.id });
      if (request.state === 'approved' && !how.runNow) await deps.queueExecution(tx, request.id);
      if (request.state === 'pending') {
        await deps.queueExpiry(tx, request.id, request.expiresAt);
        if (request.confirmedAt !== null) await askApprovers(tx, request);
      }
      const words = wordsForNew(deps, request);
      if (request.effect === 'write' || request.state !== 'approved') {
        await reply(tx, deps, {
          thread: request.thread,
          turn: request.turn,
          text: words,
          authorship: 'system',
          request: request.id,
          principal: request.requester,
          forAsker: request.state === 'denied',
        });
      }
      return words;
    },

    /** The requester said yes; if others are needed, now they are asked. */
    async confirmed(tx: Tx, request: StoredRequest): Promise<void> {
      if (request.state === 'approved') await deps.queueExecution(tx, request.id);
      else await askApprovers(tx, request);
      await touch(tx, deps, request.id);
    },

    /** Somebody changed what is asked for: its first requester is told, and everybody decides anew. */
    async edited(tx: Tx, before: StoredRequest, request: StoredRequest, by: PrincipalId): Promise<void> {
      await tell(tx, request, wordsForEdit(deps, before, request, by));
      if (request.state === 'approved') await deps.queueExecution(tx, request.id);
      else {
        await deps.queueExpiry(tx, request.id, request.expiresAt);
        if (request.confirmedAt !== null) await askApprovers(tx, request);
      }
      await touch(tx, deps, request.id);
    },

    async approved(tx: Tx, request: StoredRequest, by: PrincipalId): Promise<void> {
      const title = deps.titleOf(request.action);
      if (request.state === 'approved') {
        await deps.queueExecution(tx, request.id);
        await tell(tx, request, `${deps.nameOf(by)} approved "${title}". It starts now.`);
      } else {
        const waiting = waitingInWords(request, await approvalsOf(tx, request), deps.titleOfGroup);
        await tell(tx, request, `${deps.nameOf(by)} approved "${title}". ${waiting}`);
      }
      await touch(tx, deps, request.id);
    },

    async denied(
      tx: Tx,
      request: StoredRequest,
      by: PrincipalId,
      reason: string | null,
      byPolicy: boolean,
    ): Promise<void> {
      const title = deps.titleOf(request.action);
      const words = byPolicy
        ? `"${title}" is no longer permitted and was stopped. ${reason ?? ''}`
        : `${deps.nameOf(by)} denied "${title}"${reason === null ? '.' : `: ${reason}`}`;
      await tell(tx, request, words.trim());
      await touch(tx, deps, request.id);
    },

    /** By its requester, or by somebody who changed it, whom the requester is told of then. */
    async cancelled(tx: Tx, request: StoredRequest, by: PrincipalId): Promise<void> {
      const whose = by === request.requester ? '' : ` by ${deps.nameOf(by)}, who had changed it`;
      await tell(tx, request, `"${deps.titleOf(request.action)}" was cancelled${whose}; nothing was done.`);
      await touch(tx, deps, request.id);
    },

    /** The kill switch voided it; the entry was written with the switch. */
    async voided(tx: Tx, request: StoredRequest): Promise<void> {
      await tell(tx, request, `"${deps.titleOf(request.action)}": ${request.result?.message ?? 'Stopped.'}`);
      await touch(tx, deps, request.id);
    },

    async expired(tx: Tx, request: StoredRequest): Promise<void> {
      await tell(
        tx,
        request,
        `"${deps.titleOf(request.action)}" expired: ${goingOn(request.result!.message)} Ask again if it is still needed.`,
      );
      await touch(tx, deps, request.id);
    },

    /** Approved, but a check at the claim no longer holds: it does not run. */
    async stopped(tx: Tx, request: StoredRequest, obstacle: Obstacle): Promise<void> {
      const result: Result = { code: obstacle.code, message: obstacle.message };
      const stopped = await move(tx, request.id, obstacle.event, result);
      if (!stopped) return;
      const data: Record<string, Json> = { digest: request.digest, code: obstacle.code };
      switch (obstacle.event) {
        case 'checks_failed':
          await deps.audit.append(tx, {
            type: 'decision.made',
            ...about(request),
            data: { ...data, allowed: false },
          });
          break;
        case 'cancelled':
          await deps.audit.append(tx, {
            type: 'request.cancelled',
            ...about(request),
            data: { ...data, reason: obstacle.code },
          });
          break;
        case 'expired':
          await deps.audit.append(tx, { type: 'request.expired', ...about(request), data });
          break;
      }
      if (ALARMING.has(obstacle.code)) await raise(tx, request, obstacle);
      await tell(tx, request, `"${deps.titleOf(request.action)}" did not run. ${obstacle.message}`);
      await touch(tx, deps, request.id);
    },

    /** New output: the web hears at once, a chat platform's cards a little later and not for every line. */
    async progressed(db: Database, request: StoredRequest): Promise<void> {
      await db.transaction(async (tx) => {
        await notify(tx, { kind: 'request', request: request.id });
        await deps.queueRefresh(tx, request.id);
      });
    },

    async started(
      tx: Tx,
      request: StoredRequest,
      claim: Claim,
      level: string,
      evidence: Json,
    ): Promise<void> {
      const approvals = await approvalsOf(tx, request);
      await deps.audit.append(tx, {
        type: 'execution.started',
        ...about(request),
        principal: request.requester,
        data: {
          digest: request.digest,
          execution: claim.execution,
          level,
          code: request.codeDigest,
          approvals: approvals.map((approval) => approval.approver),
          obligations: { approvals: request.obligations.approvals },
          evidence,
        },
      });
      await touch(tx, deps, request.id);
    },

    /** It has ended, or nobody knows whether it has: recorded, told, and shown on every card. */
    async finished(
      tx: Tx,
      request: StoredRequest,
      state: 'succeeded' | 'failed' | 'unknown',
      result: Result,
    ): Promise<void> {
      await deps.audit.append(tx, {
        type: 'execution.finished',
        ...about(request),
        principal: request.requester,
        data: { digest: request.digest, state, code: result.code },
      });
      // A claim that was forged: what took it over found no evidence.
      if (ALARMING.has(result.code)) await raise(tx, request, result);
      // Whatever a look brought back in other words than ours, a refusal's too.
      const isFetched =
        request.effect === 'read' &&
        (state === 'succeeded' || result.output !== undefined || result.by !== undefined);
      if (isFetched) await taint(tx, request.thread);
      await reply(tx, deps, {
        thread: request.thread,
        turn: request.turn,
        text: wordsForEnd(deps, request, state, result),
        authorship: isFetched ? 'fetched' : 'system',
        principal: request.requester,
      });
      if (state === 'unknown') await deps.queueAsking(tx, request.id);
      if (state === 'succeeded') await deps.queueUndoEnd?.(tx, request);
      await touch(tx, deps, request.id);
    },

    /** A person said what became of an `unknown`. */
    async resolved(tx: Tx, request: StoredRequest, by: PrincipalId, note: string): Promise<void> {
      await deps.audit.append(tx, {
        type: 'execution.resolved',
        ...about(request),
        principal: by,
        data: { digest: request.digest, state: request.state },
        ...(note === '' ? {} : { sealed: { person: by, content: { note } } }),
      });
      await tell(
        tx,
        request,
        `${deps.nameOf(by)} says that "${deps.titleOf(request.action)}" ${request.state}.`,
      );
      await touch(tx, deps, request.id);
    },
  };
}

function wordsForNew(deps: AnnouncingDeps, request: StoredRequest): string {
  const title = deps.titleOf(request.action);
  switch (request.state) {
    case 'denied':
      return `I may not do that for you. ${request.result?.message ?? ''}`.trim();
    case 'failed':
      return `"${title}" cannot be prepared. ${request.result?.message ?? ''}`.trim();
    case 'pending': {
      const waiting = waitingInWords(request, [], deps.titleOfGroup);
      return openNeeds(request, [])[0]?.kind === 'confirm'
        ? `${title}: please check it and confirm.`
        : `${title}: ${waiting.charAt(0).toLowerCase()}${waiting.slice(1)}`;
    }
    default:
      return `${title}: on its way.`;
  }
}

/** Names of arguments are the schema's; what they hold now stands on the card. */
function wordsForEdit(
  deps: AnnouncingDeps,
  before: StoredRequest,
  request: StoredRequest,
  by: PrincipalId,
): string {
  const title = deps.titleOf(request.action);
  const fields = changedFields(before.arguments, request.arguments).join(', ');
  const said = `${deps.nameOf(by)} changed "${title}" (${fields}). What was confirmed and approved before counts no more.`;
  if (request.state === 'approved') return `${said} It starts now.`;
  return request.confirmedAt === null
    ? `${said} ${deps.nameOf(request.requester)}, please check it and confirm.`
    : `${said} ${waitingInWords(request, [], deps.titleOfGroup)}`;
}

function wordsForEnd(
  deps: AnnouncingDeps,
  request: StoredRequest,
  state: RequestState,
  result: Result,
): string {
  const title = deps.titleOf(request.action);
  if (request.effect === 'read') return [result.message, result.output].filter(Boolean).join('\n');
  const message = messageOf(result, state);
  // Whoever asked for it gains by what is said.
  if (state === 'unknown' && deps.isForATime?.(request))
    return `"${title}": ${message} Somebody who may approve it, or an operator, says what became of it.`;
  if (state === 'unknown') {
    return `"${title}": ${message} Then press what you found on its card, or write: resolve ${request.id} succeeded|failed`;
  }
  return state === 'succeeded' ? `${title}: ${message}` : `"${title}" failed. ${message}`;
}
