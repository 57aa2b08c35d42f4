/** A request as people see it. Pure: labels and layout are ours, every value comes from the stored request. */
import type { Card, CardOffer } from '../model/card.ts';
import { goingOn, UNSTARTED } from '../model/expiry.ts';
import type { PrincipalId } from '../model/ids.ts';
import type {
  ActionRequest,
  Approval,
  IsolationLevel,
  Json,
  Need,
  RequestState,
  Result,
  StoredRequest,
} from '../model/request.ts';
import type { DecisionKind } from '../model/turn.ts';
import { messageOf, summaryOf } from './attributed.ts';

/** Who looks: the requester, who changed it and so asks for it too, whom policy lets approve it, or anybody else. */
export type Viewer = 'requester' | 'co-requester' | 'approver' | 'other';

export type CardInput = {
  request: StoredRequest;
  approvals: readonly Approval[];
  needs: readonly Need[];
  /** "Waiting for one approval from oncall." */
  waiting: string;
  title: string;
  /** The outside system, as people know it: "GitHub Issues of acme/web". */
  system: string;
  /** Names of the arguments in the schema's order. */
  argumentOrder: readonly string[];
  nameOf(principal: PrincipalId): string;
  viewer: Viewer;
  /** Whether policy lets them ask for it, as whoever changes it does. */
  mayEdit: boolean;
  /** Whether an approval of theirs would fill something that is missing still. */
  wouldCount: boolean;
  /** Whether there is somebody to whom they could hand it over. */
  mayHandOver?: boolean;
  /** Something given for a time, or taken back then: what became of it whoever asked does not say. */
  isForATime?: boolean;
  /** Until when it may be taken back, where it may. */
  undoUntil?: Date | null;
  /** What policy and risk ask for. */
  leastIsolation: IsolationLevel;
  link: string | null;
  proof: string | null;
};

/** How much of the output a card shows; the request's page shows what is kept. */
const CARD_OUTPUT_CHARACTERS = 4_000;

export function buildCard(input: CardInput): Card {
  const { request } = input;
  return {
    request: request.id,
    rendering: request.rendering,
    digest: request.digest,
    state: request.state,
    title: input.title,
    status: statusOf(input),
    summary: summaryIn(request),
    requester: { id: request.requester, name: input.nameOf(request.requester) },
    arguments: inOrder(request, input.argumentOrder),
    facts: factsOf(input),
    pinned: pinnedOf(request),
    risk: request.risk,
    isolation: isolationOf(input),
    reasons: request.reasons,
    quotes: quotesOf(input),
    approvals: input.approvals.map((approval) => ({
      name: input.nameOf(approval.approver),
      at: approval.at.toISOString(),
    })),
    buttons: buttonsOf(input),
    ...offersOf(input),
    expiresAt: request.expiresAt.toISOString(),
    output: request.output === '' ? null : request.output.slice(-CARD_OUTPUT_CHARACTERS),
    outcome: request.result && {
      code: request.result.code,
      text: named(request.result, request.state, input.nameOf),
      link: request.result.link ?? null,
    },
    link: input.link,
    proof: input.proof,
  };
}

function summaryIn({ preview }: StoredRequest): string {
  if (preview === null) return '';
  return summaryOf(preview) ?? `What will happen is said by ${preview.by}: its words are quoted below.`;
}

/** Of an action from elsewhere even the labels are its own words: all of them are a quotation. */
function factsOf({ request: { preview }, system }: CardInput): Card['facts'] {
  if (preview === null || preview.by !== undefined) return [];
  return preview.facts.map(({ label, value, quoted }) =>
    quoted ? { label, value, from: system } : { label, value },
  );
}

/** Whatever was pinned and is neither an argument nor, whole, a word of a fact of ours. */
function pinnedOf({ preview, arguments: args }: StoredRequest): Card['pinned'] {
  if (preview === null) return [];
  const facts = preview.by === undefined ? preview.facts : [];
  const shown = new Set([
    ...Object.values(args),
    ...facts.flatMap(({ value }) => [value, ...value.split(/[\s(),]+/)]),
  ]);
  return Object.entries(preview.pinned)
    .filter(([, value]) => !shown.has(value))
    .map(([name, value]) => ({ name: part(name), value: part(value) }));
}

/** What code from elsewhere says, and what was printed where the card does not show it as the output of the run. */
function quotesOf({ request, system }: CardInput): Card['quotes'] {
  const { preview, result, output } = request;
  const quotes: Card['quotes'] = [];
  if (preview?.by !== undefined) {
    const facts = preview.facts.map(({ label, value }) => `${label}: ${value}`);
    quotes.push({ source: preview.by, text: [preview.summary, ...facts].join('\n') });
  }
  if (result?.by !== undefined) quotes.push({ source: result.by, text: result.message });
  const printed = result?.output ?? '';
  if (printed !== '' && !output.includes(printed)) quotes.push({ source: system, text: printed });
  return quotes;
}

/** Everything that was digested, in the schema's order; what the schema no longer names comes last, never left out. */
function inOrder(
  request: Pick<ActionRequest, 'arguments' | 'provenance'>,
  order: readonly string[],
): Card['arguments'] {
  const names = Object.keys(request.arguments);
  const sorted = [
    ...order.filter((name) => names.includes(name)),
    ...names.filter((name) => !order.includes(name)),
  ];
  return sorted.map((name) => ({
    name,
    value: inWords(request.arguments[name] ?? null),
    provenance: request.provenance[name] ?? 'model',
  }));
}

function inWords(value: Json): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(part).join(', ');
  if (value === null || typeof value !== 'object') return String(value);
  return Object.entries(value)
    .map(([name, item]) => `${part(name)}=${part(item)}`)
    .join('\n');
}

/** What needs no quotes: nothing that could be taken for what stands between two parts. */
const PLAIN = /^[\p{L}\p{N}](?:[\p{L}\p{N} _.:@/+-]*[\p{L}\p{N}_.:@/+-])?$/u;

/** One of several. In quotes where it could pass for two: "x, y" is one item, and a line feed begins no new input. */
function part(value: Json): string {
  return typeof value === 'string' && PLAIN.test(value) ? value : JSON.stringify(value);
}

/** What is stored names a person by the directory's id; people read their name. */
function named(result: Result, state: RequestState, nameOf: CardInput['nameOf']): string {
  const { code } = result;
  const message = messageOf(result, state);
  if (code !== 'denied_by_approver' && code !== 'cancelled_by_requester') return message;
  return message.replace(
    /^(Denied|Cancelled) by ([^\s:]+?)(\.$|: )/,
    (_, did: string, id: PrincipalId, end: string) => `${did} by ${nameOf(id)}${end}`,
  );
}

const STATUS: Record<Exclude<RequestState, 'pending'>, string> = {
  approved: 'Approved; starting.',
  denied: 'Denied.',
  expired: 'Expired: nobody decided in time.',
  cancelled: 'Cancelled.',
  executing: 'Running.',
  succeeded: 'Done.',
  failed: 'Failed.',
  unknown: 'Outcome unknown: somebody must look.',
};

function statusOf(input: CardInput): string {
  const { request } = input;
  const { state, result } = request;
  if (state === 'expired' && result?.code === UNSTARTED.code) return `Expired: ${goingOn(UNSTARTED.message)}`;
  if (state !== 'pending') return STATUS[state];
  const waiting =
    input.needs[0]?.kind === 'confirm'
      ? `Waiting for ${input.nameOf(request.requester)} to confirm.`
      : input.waiting;
  if (request.coRequesters.length === 0) return waiting;
  return `Changed by ${request.coRequesters.map(input.nameOf).join(', ')}. ${waiting}`;
}

/** What it was run at, or must be; nothing for what never ran and never will. */
function isolationOf({ request: { level, state }, leastIsolation }: CardInput): string | null {
  if (level !== null) return level;
  return state === 'pending' || state === 'approved' ? `at least ${leastIsolation}` : null;
}

/** In a place that several people read it is what its requester, or an approver, could press: no button gives a right. */
function offersOf({
  request,
  viewer,
  mayEdit,
  mayHandOver,
  undoUntil,
  isForATime,
}: CardInput): Required<Pick<Card, 'offers'>> & Pick<Card, 'undoUntil'> {
  const isOpen = request.state === 'pending' && request.effect === 'write';
  const offers: CardOffer[] = [];
  if (isOpen && viewer !== 'other' && mayEdit) offers.push('edit');
  if (isOpen && viewer === 'approver' && mayHandOver) offers.push('hand_over');
  if (undoUntil) offers.push('undo');
  // Whoever asked or may approve can look, and say what they found.
  const asksForIt = viewer === 'requester' || viewer === 'co-requester';
  if (request.state === 'unknown' && viewer !== 'other' && !(isForATime && asksForIt))
    offers.push('happened', 'did_not_happen');
  // Everybody who sees it may say that it looks wrong.
  offers.push('report');
  return { offers, ...(undoUntil ? { undoUntil: undoUntil.toISOString() } : {}) };
}

function buttonsOf(input: CardInput): DecisionKind[] {
  const { request, viewer, needs, wouldCount } = input;
  const isOpen = request.state === 'pending' || request.state === 'approved';
  if (!isOpen) return [];
  if (viewer === 'requester') return needs[0]?.kind === 'confirm' ? ['confirm', 'cancel'] : ['cancel'];
  if (viewer === 'co-requester') return ['cancel'];
  // Whose group has approved already has nothing to add, and may still say no.
  if (viewer === 'approver' && needs[0]?.kind === 'approve')
    return wouldCount ? ['approve', 'deny'] : ['deny'];
  return [];
}
