/**
 * From a proposal to a request: resolved, judged, previewed, and bound by a digest. Nothing is stored here; the
 * pipeline stores everything that one turn led to in one transaction.
 */
import { randomBytes } from 'node:crypto';
import type { GovernedAction } from './action.ts';
import { digestOf } from './approval/digest.ts';
import { AppError } from './errors.ts';
import type { Executor } from './execution/executor.ts';
import { isEnough, leastLevel } from './execution/levels.ts';
import { admitRequest, type Limits } from './intake/limits.ts';
import type { StoredTurn } from './intake/turns.ts';
import { askedOf, type Judging } from './judging.ts';
import type { Decision } from './model/decision.ts';
import type { ThreadId, TurnId } from './model/ids.ts';
import { newId, RenderingId, RequestId } from './model/ids.ts';
import type { Ephemeral } from './model/ports.ts';
import type { Principal } from './model/principal.ts';
import type { IsolationLevel, Json, Preview, Proposal, Result, StoredRequest } from './model/request.ts';
import { storable } from './model/storable.ts';
import { refusal, type Saying } from './saying.ts';
import type { Database } from './store/database.ts';

export type ProposingDeps = {
  db: Database;
  judging: Judging;
  executor: Pick<Executor, 'preview'>;
  governed(action: string): GovernedAction | null;
  bundleOf(connector: string): { sha256: string };
  isolation(governed: GovernedAction): { level: IsolationLevel; acceptProcess: boolean };
};

export type AdmittingDeps = ProposingDeps & {
  ephemeral: Ephemeral;
  limits: Limits;
  /** Why this action cannot be asked for now, in words for people; null where it can. */
  whySwitchedOff(action: string): Promise<string | null>;
};

export type Proposed = {
  request: StoredRequest;
  decision: Decision;
  /** Its own confirmation: a typed command or a submitted form. */
  typed: boolean;
};

const SALT_BYTES = 16;

/** Each proposal of a turn that the person's limits admit and that is not switched off; the others are refused in words. */
export async function proposeAll(
  deps: AdmittingDeps,
  turn: StoredTurn,
  person: Principal,
  proposals: Proposal[],
  tainted: boolean,
  signal: AbortSignal,
) {
  const proposed: Proposed[] = [];
  const refused: Saying[] = [];
  for (const proposal of proposals) {
    const off = await deps.whySwitchedOff(proposal.action);
    if (off !== null) {
      refused.push(refusal(off));
      continue;
    }
    const admission = await admitRequest(deps.ephemeral, deps.limits, person.id, proposal.action);
    if (!admission.ok) refused.push(refusal(admission.message));
    else
      proposed.push(
        await propose(
          deps,
          { turn: turn.id, thread: turn.thread, tainted, principal: person },
          proposal,
          signal,
        ),
      );
  }
  return { proposed, refused };
}

/**
 * Judges a proposal. The request comes back in the state it starts in: `denied` by policy or isolation, `failed` where
 * the preview could not resolve it, `pending` where a person is needed, `approved` where nobody is.
 */
export async function propose(
  deps: ProposingDeps,
  origin: { turn: TurnId; thread: ThreadId; tainted: boolean; principal: Principal },
  proposal: Proposal,
  signal: AbortSignal,
): Promise<Proposed> {
  const governed = deps.governed(proposal.action);
  if (!governed) throw new AppError('not_found', `There is no action called ${proposal.action}.`);
  const parsed = governed.action.input.safeParse(proposal.arguments);
  if (!parsed.success)
    throw new AppError('malformed', `The arguments of ${proposal.action} do not fit its schema.`);
  // A model may write what the database refuses; what is shown and digested is what can be stored.
  const args = storable(parsed.data as Json) as Record<string, Json>;
  const { action, connector } = governed;
  const subject = { ...askedOf(governed, args), tainted: origin.tainted };
  const decision = await deps.judging.decide(deps.db, origin.principal, subject);
  const id = newId(RequestId);
  const resolved = decision.allowed
    ? await resolve(deps, { ...origin, id, governed, args, risk: subject.risk, decision }, signal)
    : { preview: null, problem: { state: 'denied' as const, result: denial(decision) } };
  const clock = await deps.db.one<{ now: Date }>(
    "select date_trunc('milliseconds', clock_timestamp()) as now",
  );

  const isWrite = action.effect === 'write';
  const needsPeople = decision.obligations.approvals.length > 0 || (isWrite && !proposal.typed);
  const draft = {
    id,
    turn: origin.turn,
    thread: origin.thread,
    ...subject,
    arguments: args,
    provenance: completeProvenance(args, proposal.provenance),
    effect: action.effect,
    preview: resolved.preview,
    requester: origin.principal.id,
    obligations: decision.obligations,
    policies: decision.policies,
    reasons: decision.reasons,
    codeDigest: deps.bundleOf(connector.name).sha256,
    salt: randomBytes(SALT_BYTES).toString('base64'),
    createdAt: clock.now,
    expiresAt: new Date(clock.now.getTime() + decision.obligations.expiresSeconds * 1000),
  };
  return {
    decision,
    typed: proposal.typed,
    request: {
      ...draft,
      digest: digestOf(draft),
      state: resolved.problem?.state ?? (needsPeople ? 'pending' : 'approved'),
      confirmedAt: isWrite && proposal.typed && !resolved.problem ? clock.now : null,
      confirmEntry: null,
      result: resolved.problem?.result ?? null,
      ...unbegun(),
    },
  };
}

/** What every request starts with: nobody has acted for it or changed it yet. */
export const unbegun = () => ({
  rendering: newId(RenderingId),
  fence: 0,
  execution: null,
  level: null,
  handle: null,
  output: '',
  coRequesters: [],
});

type Resolved = { preview: Preview | null; problem: { state: 'denied' | 'failed'; result: Result } | null };

/** Isolation first, then the preview in the sandbox: what will happen, pinned. */
export async function resolve(
  deps: Pick<ProposingDeps, 'executor' | 'isolation'>,
  what: {
    turn: TurnId;
    id: RequestId;
    governed: GovernedAction;
    args: Record<string, Json>;
    principal: Pick<Principal, 'id' | 'name'>;
    risk: StoredRequest['risk'];
    decision: Pick<Decision, 'obligations'>;
  },
  signal: AbortSignal,
): Promise<Resolved> {
  const { level, acceptProcess } = deps.isolation(what.governed);
  const least = leastLevel(what.risk, what.decision.obligations, { process: acceptProcess });
  if (!isEnough(level, least)) {
    const message = `This must run isolated at least at level "${least}"; this machine reaches "${level}". An operator can install bubblewrap.`;
    return { preview: null, problem: { state: 'denied', result: { code: 'isolation_too_low', message } } };
  }
  try {
    const preview = await deps.executor.preview({
      governed: what.governed,
      turn: what.turn,
      request: what.id,
      args: what.args,
      requester: what.principal,
      least,
      signal,
    });
    return { preview, problem: null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return {
      preview: null,
      problem: { state: 'failed', result: { code: 'preview_failed', message: error.message } },
    };
  }
}

function denial(decision: Decision): Result {
  const code = decision.code === 'allowed' ? 'policy_denies' : decision.code;
  return { code, message: decision.reasons.join(' ') };
}

/** What the planner said nothing about came from the schema. */
function completeProvenance(
  args: Record<string, Json>,
  known: Proposal['provenance'],
): Proposal['provenance'] {
  return Object.fromEntries(Object.keys(args).map((name) => [name, known[name] ?? 'default']));
}
