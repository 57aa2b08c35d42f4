/**
 * A change of a pending request: the form read by the action's schema, the changed request judged for everybody who then
 * asks for it and previewed anew, before anything is stored; then stored in one transaction.
 */
import type { Announcing } from './announcing.ts';
import { askersAfter, barrierOf, changedFields, type Draft, editInTransaction } from './approval/editing.ts';
import { approvalsOf, findRequest } from './approval/requests.ts';
import { viewOf } from './approval/view.ts';
import { type JudgeDeps, judgeOf, NO_SUCH_REQUEST } from './deciding.ts';
import { AppError } from './errors.ts';
import { admitRequest } from './intake/limits.ts';
import { type StoredTurn, settleTurn } from './intake/turns.ts';
import { askedOf } from './judging.ts';
import type { Decision } from './model/decision.ts';
import type { PrincipalId, TurnId } from './model/ids.ts';
import type { Directory, EditInput, EditOutcome } from './model/ports.ts';
import type { Principal } from './model/principal.ts';
import type { Json, Provenance, StoredRequest } from './model/request.ts';
import { storable } from './model/storable.ts';
import { type AdmittingDeps, type ProposingDeps, resolve } from './proposing.ts';
import { aside } from './saying.ts';
import { SettledBefore, type SettlingDeps, settle } from './settling.ts';
import type { Sql, Tx } from './store/database.ts';

export type EditingDeps = ProposingDeps & {
  directory: Directory;
  /** A submitted form, read by the schema; one message for each wrong field. */
  readForm(
    action: string,
    values: Record<string, unknown>,
  ):
    | { ok: true; arguments: Record<string, unknown> }
    | { ok: false; problems: { field: string; message: string }[] };
};

export type ChangingDeps = EditingDeps &
  AdmittingDeps &
  JudgeDeps &
  SettlingDeps & {
    announcing: Announcing;
    /** Aborts when the process stops. */
    stopping: AbortSignal;
  };

export type Prepared =
  | { kind: 'draft'; draft: Draft }
  /** The form is wrong, nothing in it is new, or what it names cannot be found: for the person who sent it. */
  | { kind: 'unfit'; message: string };

/** `answers`: the turn that it is the answer to, settled with the change; any other outcome leaves it open. */
export async function change(
  deps: ChangingDeps,
  input: EditInput,
  answers: TurnId | null,
): Promise<EditOutcome> {
  const found = await findRequest(deps.db, input.request);
  if (!found) return NO_SUCH_REQUEST;
  const barrier = await deps.db.transaction((tx) => barrierOf(tx, judgeOf(deps), found, input));
  let draft: Draft | null = null;
  if (!barrier) {
    const admission = await admitRequest(deps.ephemeral, deps.limits, input.principal, found.action);
    if (!admission.ok) throw new AppError('rate_limited', admission.message);
    const { arguments: values, principal } = input;
    const prepared = await prepareEdit(deps, found, principal, values, deps.stopping);
    if (prepared.kind === 'unfit') return prepared;
    draft = prepared.draft;
  }
  return deps.db.transaction(async (tx): Promise<EditOutcome> => {
    const ruledBy = {
      audit: deps.audit,
      judge: judgeOf(deps),
      decide: (inside: Tx, askers: readonly PrincipalId[], changed: Draft) =>
        judgeDraft(deps, inside, found, askers, changed),
    };
    const ruling = await editInTransaction(tx, ruledBy, input, draft);
    if (ruling.kind === 'missing') return NO_SUCH_REQUEST;
    const { request } = ruling;
    if (ruling.kind === 'edited') {
      if (answers !== null && !(await settleTurn(tx, answers, ''))) throw new SettledBefore();
      await deps.announcing.edited(tx, ruling.before, request, input.principal);
      return { kind: 'done', request: viewOf(request, []) };
    }
    if (ruling.expiredNow) await deps.announcing.expired(tx, request);
    const view = viewOf(request, await approvalsOf(tx, request));
    const kind = ruling.kind === 'refused' ? 'refused' : 'conflict';
    return { kind, message: ruling.message, request: view };
  });
}

/** Answers a turn that asks for a change: with the change itself, or with why there is none. */
export async function changedBy(
  deps: ChangingDeps,
  turn: StoredTurn,
  person: Principal,
  input: EditInput,
): Promise<void> {
  try {
    const outcome = await change(deps, input, turn.id);
    if (outcome.kind !== 'done') await settle(deps, turn, person, [aside(turn, person, outcome.message)]);
  } catch (error) {
    if (error instanceof SettledBefore) return;
    if (!(error instanceof AppError) || error.code !== 'rate_limited') throw error;
    await settle(deps, turn, person, [aside(turn, person, error.message)]);
  }
}

/** `values` are a form's, untrusted. Reads outside systems with the first requester's name, and changes nothing. */
async function prepareEdit(
  deps: EditingDeps,
  request: StoredRequest,
  editor: PrincipalId,
  values: Record<string, unknown>,
  signal: AbortSignal,
): Promise<Prepared> {
  const governed = deps.governed(request.action);
  if (governed?.connector.name !== request.connector) {
    return { kind: 'unfit', message: `${request.action} is no longer served by ${request.connector}.` };
  }
  const read = deps.readForm(request.action, values);
  if (!read.ok) {
    const problems = read.problems.map(({ field, message }) => `${field}: ${message}`).join('; ');
    return { kind: 'unfit', message: `Please look at the form again: ${problems}.` };
  }
  const args = storable(read.arguments as Json) as Record<string, Json>;
  const changed = changedFields(request.arguments, args);
  if (changed.length === 0) return { kind: 'unfit', message: 'Nothing in the form is different.' };
  const { resource, risk } = askedOf(governed, args);
  const draft = {
    arguments: args,
    provenance: provenanceAfter(request, args, changed),
    resource,
    risk,
    codeDigest: deps.bundleOf(request.connector).sha256,
  };
  const decision = await judgeDraft(deps, deps.db, request, askersAfter(request, editor), draft);
  const principal = await deps.directory.byId(request.requester);
  // Denied: nothing outside is asked about it, and the transaction says and records why.
  if (!decision?.allowed || !principal) return { kind: 'draft', draft: { ...draft, preview: null } };
  const resolved = await resolve(
    deps,
    { turn: request.turn, id: request.id, governed, args, principal, risk: draft.risk, decision },
    signal,
  );
  if (resolved.preview === null) {
    return { kind: 'unfit', message: resolved.problem?.result.message ?? 'It cannot be prepared.' };
  }
  return { kind: 'draft', draft: { ...draft, preview: resolved.preview } };
}

/** Policy on a changed request, for all who ask for it. */
function judgeDraft(
  deps: Pick<ProposingDeps, 'judging'>,
  sql: Sql,
  request: StoredRequest,
  askers: readonly PrincipalId[],
  { resource, risk }: Pick<Draft, 'resource' | 'risk'>,
): Promise<Decision | null> {
  const { action, connector, tainted } = request;
  return deps.judging.decideForAll(sql, askers, { action, connector, tainted, resource, risk });
}

/** What somebody typed into the form is typed; the rest stays what it was. */
function provenanceAfter(
  request: StoredRequest,
  args: Readonly<Record<string, Json>>,
  changed: readonly string[],
): Record<string, Provenance> {
  return Object.fromEntries(
    Object.keys(args).map((name) => [
      name,
      changed.includes(name) ? 'typed' : (request.provenance[name] ?? 'default'),
    ]),
  );
}
