/** What one person decides about one request: by what they saw, and what is said about it then. */
import type { Announcing } from './announcing.ts';
import { decideInTransaction, type Judge, type Ruling } from './approval/decisions.ts';
import { approvalsOf, findByEarlierRendering, findByRendering } from './approval/requests.ts';
import { viewOf } from './approval/view.ts';
import { type StoredTurn, settleTurn } from './intake/turns.ts';
import type { Judging } from './judging.ts';
import type { PrincipalId, RenderingId, RequestId } from './model/ids.ts';
import type { DecisionInput, DecisionOutcome, Directory } from './model/ports.ts';
import type { Principal } from './model/principal.ts';
import type { DecisionKind } from './model/turn.ts';
import type { PartDeps } from './part.ts';
import { reply, touch } from './reply/messages.ts';
import { aside } from './saying.ts';
import { type SettlingDeps, settle } from './settling.ts';
import type { Database, Tx } from './store/database.ts';

export type JudgeDeps = { directory: Directory; judging: Judging; nameOf(person: PrincipalId): string };

export type DecidingDeps = JudgeDeps &
  SettlingDeps & {
    announcing: Announcing;
    /** Counts what people decided and what became of it. */
    decided(decision: DecisionKind, outcome: Ruling['kind']): void;
  };

export const NO_SUCH_REQUEST = { kind: 'missing', message: 'There is no such request.' } as const;
export const OUTDATED = 'That card is out of date; nothing was changed.';

/** Policy asked again, with the person's groups as the directory has them now. */
export function judgeOf(deps: JudgeDeps): Judge {
  return {
    async mayApprove(tx, person, request) {
      const principal = await deps.directory.byId(person);
      if (!principal) return { allowed: false, reasons: ['You are not in the directory.'], groups: [] };
      return deps.judging.mayApprove(tx, principal, request);
    },
    async stillPermitted(tx, request) {
      const decision = await deps.judging.decideAgain(tx, request);
      return (
        decision ?? {
          allowed: false,
          reasons: [`${request.requester} is not in the directory any more.`],
          policies: [],
        }
      );
    },
    async couldAskFor(person, request) {
      const principal = await deps.directory.byId(person);
      return principal !== null && deps.judging.couldAskFor(principal, request.action);
    },
    nameOf: deps.nameOf,
  };
}

/** The same people and policy, asked which part somebody has. */
export const partDepsOf = ({ directory, judging }: JudgeDeps): PartDeps => ({
  judging,
  personById: (id) => directory.byId(id),
});

/** One decision of one person; the answer says what became of it. */
export async function decide(deps: DecidingDeps, input: DecisionInput): Promise<DecisionOutcome> {
  let became: Ruling['kind'] = 'missing';
  const outcome = await deps.db.transaction(async (tx): Promise<DecisionOutcome> => {
    const ruling = await decideInTransaction(tx, { audit: deps.audit, judge: judgeOf(deps) }, input);
    became = ruling.kind;
    await announceRuling(tx, deps, ruling, input.principal);
    if (ruling.kind === 'missing') return NO_SUCH_REQUEST;
    const view = viewOf(ruling.request, await approvalsOf(tx, ruling.request));
    if (ruling.kind === 'refused') return { kind: 'refused', message: ruling.message, request: view };
    if (ruling.kind === 'ignored') return { kind: 'conflict', message: ruling.message, request: view };
    if (ruling.kind === 'denied' && ruling.byPolicy) {
      return { kind: 'conflict', message: ruling.reason ?? 'No longer permitted.', request: view };
    }
    return { kind: 'done', request: view };
  });
  deps.decided(input.decision, became);
  return outcome;
}

/** A decision pressed on a card: settles its turn, and is answered aside only where it does not count. */
export async function clicked(
  deps: DecidingDeps,
  turn: StoredTurn,
  person: Principal,
  content: Extract<StoredTurn['content'], { kind: 'decision' }>,
): Promise<void> {
  const seen = await seenAs(deps.db, content.rendering);
  if (!seen) return settle(deps, turn, person, [{ text: OUTDATED, authorship: 'system' }]);
  return decidedBy(deps, turn, person, seen, content);
}

/** What was decided in this turn, on what was seen: settles the turn with it. `answer`: said where it counts. */
export async function decidedBy(
  deps: DecidingDeps,
  turn: StoredTurn,
  person: Principal,
  seen: { request: RequestId; digest: string },
  decided: { decision: DecisionKind; reason?: string | undefined; answer?: string },
): Promise<void> {
  const became = await deps.db.transaction(async (tx) => {
    if (!(await settleTurn(tx, turn.id, ''))) return null;
    const ruling = await decideInTransaction(
      tx,
      { audit: deps.audit, judge: judgeOf(deps) },
      {
        key: turn.id,
        ...seen,
        principal: person.id,
        decision: decided.decision,
        ...(decided.reason === undefined ? {} : { reason: decided.reason }),
      },
    );
    await announceRuling(tx, deps, ruling, person.id);
    if (ruling.kind === 'refused' || ruling.kind === 'ignored') {
      await reply(tx, deps, {
        thread: turn.thread,
        turn: turn.id,
        principal: person.id,
        ...aside(turn, person, ruling.message),
      });
      // The card that was clicked may be one that a lost message left behind.
      await touch(tx, deps, ruling.request.id);
    } else if (ruling.kind !== 'missing' && decided.answer !== undefined) {
      const said = { text: decided.answer, authorship: 'system' as const };
      await reply(tx, deps, { thread: turn.thread, turn: turn.id, principal: person.id, ...said });
    }
    return ruling.kind;
  });
  if (became !== null) deps.decided(decided.decision, became);
}

/** Which request a card showed, and under which digest. */
export async function seenAs(
  db: Database,
  rendering: RenderingId,
): Promise<{ request: RequestId; digest: string } | null> {
  const found = await findByRendering(db, rendering);
  if (found) return { request: found.id, digest: found.digest };
  return findByEarlierRendering(db, rendering);
}

/** Says and records what a decision came to, in its transaction. */
export async function announceRuling(
  tx: Tx,
  deps: Pick<DecidingDeps, 'announcing'>,
  ruling: Ruling,
  by: PrincipalId,
): Promise<void> {
  switch (ruling.kind) {
    case 'confirmed':
      return deps.announcing.confirmed(tx, ruling.request);
    case 'approved':
      return deps.announcing.approved(tx, ruling.request, by);
    case 'denied':
      return deps.announcing.denied(tx, ruling.request, by, ruling.reason, ruling.byPolicy);
    case 'cancelled':
      return deps.announcing.cancelled(tx, ruling.request, by);
    case 'ignored':
    case 'refused':
      // A click may be what finds that the time is over.
      if (ruling.expiredNow) await deps.announcing.expired(tx, ruling.request);
      return;
    case 'missing':
      return;
  }
}
