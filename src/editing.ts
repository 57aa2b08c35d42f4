/**
 * What a change of a pending request comes to, before anything is stored: the form read by the action's schema, the
 * changed request judged for everybody who then asks for it, and previewed anew.
 */
import { askersAfter, changedFields, type Draft } from './approval/editing.ts';
import type { Decision } from './model/decision.ts';
import type { PrincipalId } from './model/ids.ts';
import type { Directory } from './model/ports.ts';
import type { Json, Provenance, StoredRequest } from './model/request.ts';
import { storable } from './model/storable.ts';
import { type ProposingDeps, resolve } from './proposing.ts';
import type { Sql } from './store/database.ts';

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

export type Prepared =
  | { kind: 'draft'; draft: Draft }
  /** The form is wrong, nothing in it is new, or what it names cannot be found: for the person who sent it. */
  | { kind: 'unfit'; message: string };

/** `values` are a form's, untrusted. Reads outside systems with the first requester's name, and changes nothing. */
export async function prepareEdit(
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
  const { action, connector, settings } = governed;
  const facts = { connector: connector.name, settings: connector.facts(action.operation, args, settings) };
  const draft = {
    arguments: args,
    provenance: provenanceAfter(request, args, changed),
    resource: action.resource(args, facts),
    risk: action.risk(args, facts),
    codeDigest: deps.bundleOf(connector.name).sha256,
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
export function judgeDraft(
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
