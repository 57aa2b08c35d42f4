/** Stored messages as somebody in particular sees them: the card as it stands now, with the buttons that are theirs. */
import { waitingInWords } from './approval/decisions.ts';
import { openNeeds, wouldCount } from './approval/needs.ts';
import { approvalsOf, findRequest } from './approval/requests.ts';
import { isForATime } from './ending.ts';
import { AppError } from './errors.ts';
import type { Card, Delivered, Message } from './model/card.ts';
import { MessageId, newId, type PrincipalId, type RequestId } from './model/ids.ts';
import type { Account, Principal } from './model/principal.ts';
import { FINAL_STATES, type IsolationLevel, type StoredRequest } from './model/request.ts';
import { PRESSES } from './model/turn.ts';
import { type PartDeps, partIn } from './part.ts';
import { buildCard, type Viewer } from './reply/card.ts';
import type { StoredMessage } from './reply/messages.ts';
import type { Database } from './store/database.ts';
import { offeredUntil, type UndoDeps } from './undoing.ts';

export type RenderingDeps = UndoDeps &
  PartDeps & {
    db: Database;
    nameOf(id: PrincipalId): string;
    titleOf(action: string): string;
    /** The outside system that serves it, as people know it. */
    systemOf(request: StoredRequest): string;
    titleOfGroup(id: string): string;
    argumentOrder(action: string): string[];
    /** The least isolation that policy and risk ask for. */
    leastIsolation(request: StoredRequest): IsolationLevel;
    /** Whether `by` could hand it over to somebody; null: whoever of those who are asked looks at it. */
    couldBeHandedOver(request: StoredRequest, by: Principal | null): Promise<boolean>;
    /** Address of the request's page; null where the pages are off. */
    linkTo(request: RequestId): string | null;
    /** Resolves once a signed checkpoint covers the entry. @throws AppError `audit_unwritable` where none does in time. */
    untilCovered(entry: string): Promise<void>;
  };

export type Rendering = ReturnType<typeof createRendering>;

export function createRendering(deps: RenderingDeps) {
  /** `person`: for whom policy is asked what may be offered; null where it is anybody who may approve, and asked at the press. */
  const card = async (request: StoredRequest, viewer: Viewer, person: PrincipalId | null): Promise<Card> => {
    const approvals = await approvalsOf(deps.db, request);
    const link = deps.linkTo(request.id);
    const principal = person === null ? null : await deps.personById(person);
    return buildCard({
      request,
      approvals,
      needs: openNeeds(request, approvals),
      waiting: waitingInWords(request, approvals, deps.titleOfGroup),
      title: deps.titleOf(request.action),
      system: deps.systemOf(request),
      argumentOrder: deps.argumentOrder(request.action),
      nameOf: deps.nameOf,
      viewer,
      leastIsolation: deps.leastIsolation(request),
      // Whoever asks for it was let do so; an approver who changes it asks for it from then on.
      mayEdit: viewer !== 'approver' || !principal || deps.judging.couldAskFor(principal, request.action),
      wouldCount: !principal || wouldCount(request, approvals, principal),
      mayHandOver: viewer === 'approver' && (await deps.couldBeHandedOver(request, principal)),
      isForATime: isForATime(deps, request),
      undoUntil: principal && (await offeredUntil(deps.db, deps, request, principal)),
      link,
      proof: link === null && FINAL_STATES.has(request.state) ? await shortProof(deps, request) : null,
    });
  };

  const roleOf = (request: StoredRequest, viewer: PrincipalId): Promise<Viewer> =>
    partIn(deps.db, deps, request, viewer);

  const shell = (message: StoredMessage, itsCard: Card | null): Message => ({
    id: message.id,
    thread: message.thread,
    author: message.author,
    authorship: message.authorship,
    text: message.text,
    card: itsCard,
    form: message.form,
    ...sentForm(message),
    ...(message.sources === null ? {} : { sources: message.sources }),
    at: message.at.toISOString(),
    ...(message.calls ? { calls: true } : {}),
  });

  /** In place of a form that was sent: what it was, and who sent it. */
  const sentForm = ({ form, formSentBy }: StoredMessage): { form?: null; text?: string } =>
    form === null || formSentBy === null
      ? {}
      : { form: null, text: `${form.title}: sent by ${deps.nameOf(formSentBy)}.` };

  const forViewer = async (message: StoredMessage, viewer: PrincipalId): Promise<Message> => {
    const request = message.request && (await findRequest(deps.db, message.request));
    if (!request) return shell(message, null);
    // Who has approved already has nothing left to decide; what became of it they may know as well as anybody.
    const approved = request.state === 'unknown' ? [] : await approvalsOf(deps.db, request);
    const hasDecided = approved.some((approval) => approval.approver === viewer);
    return shell(message, await card(request, hasDecided ? 'other' : await roleOf(request, viewer), viewer));
  };

  return {
    card,
    roleOf,
    forViewer,

    /** A request's card for one person, outside of any conversation. */
    ofRequest: (request: StoredRequest, viewer: PrincipalId) => forViewer(cardMessage(request), viewer),

    /**
     * The same by its id, for whoever has a part in it, and without a decision for whoever only looks on where its card
     * stands; null for others. `shownAt`: the message at which they look, as their platform vouches for.
     */
    async requestFor(id: RequestId, viewer: PrincipalId, shownAt: Delivered | null): Promise<Message | null> {
      const request = await findRequest(deps.db, id);
      if (!request) return null;
      const hasPart = (await roleOf(request, viewer)) !== 'other';
      if (!hasPart && !(await isShownAt(deps.db, request.id, shownAt))) return null;
      return forViewer(cardMessage(request), viewer);
    },

    /** For whoever reads a place: the requester's own thread, or one where approvers are asked. Buttons are no authority. */
    async forPlace(message: StoredMessage): Promise<Message> {
      const request = message.request && (await findRequest(deps.db, message.request));
      if (!request) {
        const reader = await onlyReader(deps.db, message);
        return reader === null ? shell(message, null) : { ...shell(message, null), onlyFor: reader };
      }
      // What answers a turn is for whoever asked, wherever it had to be said.
      const isTheirs = message.turn !== null || request.thread === message.thread;
      const viewer: Viewer = isTheirs ? 'requester' : 'approver';
      // Undo stands where its requester asked; whoever presses it there is asked who they are again.
      const itsCard = await card(request, viewer, viewer === 'requester' ? request.requester : null);
      // Words that asked somebody to decide are wrong once nobody can; the card says by itself how it ended.
      const text = itsCard.buttons.length > 0 || request.state === 'unknown' ? message.text : '';
      const reader = itsCard.state === 'denied' ? await onlyReader(deps.db, message) : null;
      return { ...shell(message, itsCard), text, ...(reader === null ? {} : { onlyFor: reader }) };
    },
  };
}

async function isShownAt(db: Database, request: RequestId, at: Delivered | null): Promise<boolean> {
  if (at === null) return false;
  const row = await db.maybe('select 1 from messages where request = $1 and delivered = $2::jsonb', [
    request,
    JSON.stringify(at),
  ]);
  return row !== null;
}

/** Where others read along: who was refused, or whose press this answers. That it did not count is nobody else's concern. */
async function onlyReader(db: Database, { id }: StoredMessage): Promise<Account | null> {
  const row = await db.maybe<{ account: Account }>(
    `select t.account from messages m join turns t on t.id = m.turn join threads p on p.id = m.thread
     where m.id = $1 and t.thread = m.thread and not p.direct
       and (m.for_asker or (m.request is null and t.content->>'kind' = any($2::text[])))`,
    [id, PRESSES],
  );
  return row?.account ?? null;
}

/**
 * Where there is no page to link to: the digest, the place in the log of the entry that ended the request, and the
 * signed checkpoint that covers it. What is recorded later, as a late click is, does not change it.
 */
async function shortProof(deps: RenderingDeps, request: StoredRequest): Promise<string> {
  const digest = `digest ${request.digest}`;
  const last = await deps.db.maybe<{ id: string }>(
    `select id from audit_entries where request = $1 and type = any($2::text[])
     order by array_position($2::text[], type) desc, counter desc limit 1`,
    [request.id, ENDING_ENTRIES],
  );
  if (!last) return digest;
  try {
    await deps.untilCovered(last.id);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
  const row = await deps.db.maybe<{ index: number; size: number | null }>(
    `select l.index, (select min(c.size) from audit_checkpoints c where c.size > l.index) as size
     from audit_leaves l where l.entry_id = $1`,
    [last.id],
  );
  if (!row) return digest;
  return row.size === null
    ? `${digest} · log entry ${row.index}`
    : `${digest} · log entry ${row.index} · checkpoint of size ${row.size}`;
}

/** The last of these that a request has is what ended it. */
const ENDING_ENTRIES = [
  'decision.made',
  'approval.denied',
  'request.cancelled',
  'request.expired',
  'execution.finished',
  'execution.resolved',
];

/** A request's card as a message of no conversation, for lists and pages. */
function cardMessage(request: StoredRequest): StoredMessage {
  return {
    id: newId(MessageId),
    thread: request.thread,
    turn: null,
    author: null,
    authorship: 'system',
    text: '',
    request: request.id,
    form: null,
    formSentBy: null,
    sources: null,
    at: request.createdAt,
    delivered: null,
    begun: null,
    calls: false,
  };
}
