/**
 * A change of a pending request, in one transaction with its row locked. Whoever changes it asks for it too: they are
 * stored as such before anything else, and can approve it no more. What was approved before names a digest that no
 * longer stands.
 */
import type { AuditLog } from '../audit/log.ts';
import type { Decision } from '../model/decision.ts';
import type { PrincipalId } from '../model/ids.ts';
import { newId, RenderingId } from '../model/ids.ts';
import type { EditInput } from '../model/ports.ts';
import type { Json, Preview, Provenance, Resource, Risk, StoredRequest } from '../model/request.ts';
import type { Tx } from '../store/database.ts';
import { expireInTransaction, type Judge, stateInWords } from './decisions.ts';
import { digestOf } from './digest.ts';
import { openNeeds } from './needs.ts';
import { lockRequest, move, storeEdition } from './requests.ts';

/** What a change comes to, resolved and previewed before the transaction; `preview` null where policy denied it by then. */
export type Draft = {
  arguments: Record<string, Json>;
  provenance: Record<string, Provenance>;
  resource: Resource;
  risk: Risk;
  preview: Preview | null;
  codeDigest: string;
};

export type EditRuling =
  | { kind: 'missing' }
  | { kind: 'refused'; request: StoredRequest; message: string; expiredNow: boolean }
  | { kind: 'ignored'; request: StoredRequest; message: string; expiredNow: boolean }
  | { kind: 'edited'; before: StoredRequest; request: StoredRequest };

/** Why somebody may not change a request, or why it cannot be changed; null where they may. */
export type Barrier = { kind: 'refused' | 'ignored'; why: string; message: string };

export type EditDeps = {
  audit: AuditLog;
  judge: Judge;
  /** Policy of this moment on the changed request, for everybody who then asks for it. */
  decide(tx: Tx, askers: readonly PrincipalId[], draft: Draft): Promise<Decision | null>;
};

/** Who asks for it once this person has changed it; the first requester stays the first. */
export function askersAfter(request: StoredRequest, editor: PrincipalId): PrincipalId[] {
  return [...new Set([request.requester, ...request.coRequesters, editor])];
}

/** Whether this person may change this request, as both stand at this moment. */
export async function barrierOf(
  tx: Tx,
  judge: Judge,
  request: StoredRequest,
  input: Pick<EditInput, 'principal' | 'digest'>,
): Promise<Barrier | null> {
  const asksForIt = request.requester === input.principal || request.coRequesters.includes(input.principal);
  if (!asksForIt && !(await judge.mayApprove(tx, input.principal, request)).allowed) {
    const message = 'Only its requester or somebody who may approve it can change this request.';
    return { kind: 'refused', why: 'not_entitled', message };
  }
  if (!asksForIt && !(await judge.couldAskFor(input.principal, request))) {
    const message = 'Whoever changes a request asks for it too, and no rule lets you ask for this one.';
    return { kind: 'refused', why: 'not_entitled', message };
  }
  if (request.effect !== 'write') {
    const message = 'A question is not changed: ask another one.';
    return { kind: 'refused', why: 'read', message };
  }
  if (request.state !== 'pending') {
    const message = `This request ${stateInWords(request.state)}; nothing was changed.`;
    return { kind: 'ignored', why: 'late', message };
  }
  if (request.digest !== input.digest) {
    const message = 'Somebody changed this request meanwhile. Look at it again before you change it.';
    return { kind: 'ignored', why: 'outdated', message };
  }
  return null;
}

/** Changes a request and records it. `draft` null: what was seen before the transaction stood against it. */
export async function editInTransaction(
  tx: Tx,
  deps: EditDeps,
  input: EditInput,
  draft: Draft | null,
): Promise<EditRuling> {
  const found = await lockRequest(tx, input.request);
  if (!found) return { kind: 'missing' };
  const expired = await expireInTransaction(tx, deps.audit, found.id);
  const before = expired ?? found;
  const stop = async ({ kind, why, message }: Barrier): Promise<EditRuling> => {
    await deps.audit.append(tx, {
      type: kind === 'refused' ? 'approval.refused' : 'approval.ignored',
      ...about(before, input.principal),
      data: { digest: before.digest, decision: 'edit', why },
    });
    return { kind, request: before, message, expiredNow: expired !== null };
  };
  const barrier = await barrierOf(tx, deps.judge, before, input);
  if (barrier) return stop(barrier);
  if (draft === null) return stop(MOVED);
  const decision = await deps.decide(tx, askersAfter(before, input.principal), draft);
  if (!decision?.allowed) {
    const message = decision?.reasons.join(' ') ?? 'Its requester is not in the directory any more.';
    return stop({ kind: 'refused', why: decision?.code ?? 'no_requester', message });
  }
  // Denied a moment ago and permitted now: it was never previewed.
  if (draft.preview === null) return stop(MOVED);
  const request = await store(tx, deps, before, input, draft, decision);
  return { kind: 'edited', before, request };
}

const MOVED: Barrier = {
  kind: 'ignored',
  why: 'outdated',
  message: 'Something moved while this was looked at; nothing was changed. Please try again.',
};

async function store(
  tx: Tx,
  { audit }: EditDeps,
  before: StoredRequest,
  input: EditInput,
  draft: Draft,
  decision: Decision,
): Promise<StoredRequest> {
  const clock = await tx.one<{ now: Date }>("select date_trunc('milliseconds', clock_timestamp()) as now");
  const { obligations, policies, reasons } = decision;
  const expiresAt = new Date(clock.now.getTime() + obligations.expiresSeconds * 1000);
  const digest = digestOf({ ...before, ...draft, obligations, expiresAt });
  const entry = await audit.append(tx, {
    type: 'request.edited',
    ...about(before, input.principal),
    data: { digest, before: before.digest, changed: changedFields(before.arguments, draft.arguments) },
    sealed: { person: input.principal, content: { arguments: draft.arguments } },
  });
  await audit.append(tx, {
    type: 'decision.made',
    ...about(before, before.requester),
    data: {
      digest,
      allowed: true,
      code: decision.code,
      policies,
      obligations,
      evidence: decision.evidence,
    },
  });
  // The form that a requester submits is their confirmation; of anybody else's change they must know first.
  const confirms = input.principal === before.requester;
  const confirmation = confirms
    ? await audit.append(tx, {
        type: 'request.confirmed',
        ...about(before, before.requester),
        data: { digest, by: 'edited' },
      })
    : null;
  const rendering = newId(RenderingId);
  const stored = await storeEdition(
    tx,
    before,
    {
      ...draft,
      obligations,
      policies,
      reasons,
      digest,
      rendering,
      expiresAt,
      confirmedAt: confirms ? clock.now : null,
      confirmEntry: confirmation?.id ?? null,
    },
    { editor: input.principal, entry: entry.id },
  );
  if (!stored) throw new Error('a locked request moved on');
  const isComplete = openNeeds(stored, []).length === 0;
  return (isComplete ? await move(tx, stored.id, 'quorum_met') : null) ?? stored;
}

const about = (request: StoredRequest, principal: PrincipalId) => ({
  turn: request.turn,
  request: request.id,
  principal,
});

/** Names of the arguments that are not what they were. */
export function changedFields(
  before: Readonly<Record<string, Json>>,
  after: Readonly<Record<string, Json>>,
): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => canonical(before[name]) !== canonical(after[name]));
}

const canonical = (value: Json | undefined): string =>
  value === undefined ? '' : JSON.stringify(value, (_key, item: unknown) => sorted(item));

function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}
