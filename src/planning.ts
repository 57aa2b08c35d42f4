/** What the planner is given of a message, and what it may read before it answers. */
import { AppError } from './errors.ts';
import { type StoredTurn, threadState } from './intake/turns.ts';
import type { Source } from './model/card.ts';
import type { Planned, Planner, PlannerTool } from './model/ports.ts';
import type { Principal } from './model/principal.ts';
import type { Proposal, StoredRequest } from './model/request.ts';
import { messagesOf } from './reply/messages.ts';
import { openLive, type StreamingDeps } from './reply/streaming.ts';

export type PlanningDeps = StreamingDeps & {
  planner: Planner;
  /** The tools of exactly these actions. */
  toolsFor(person: Principal): Promise<PlannerTool[]>;
  titleOf(action: string): string;
  /** Masks secrets in what an outside system wrote, before a model reads it. */
  mask(text: string): string;
  /** Aborts when the process stops. */
  stopping: AbortSignal;
};

/** What a read on the model's behalf came to, as the model is told; `source` only where it succeeded. */
export type Read = { ok: boolean; text: string; source?: Source };

/** A plan; whether anything fetched could have led to it; and what its answer rests on. */
export type PlannedTurn = Planned & { tainted: boolean; sources: readonly Source[] };

/** How many earlier messages the planner reads. */
const HISTORY_MESSAGES = 20;
/** Names and addresses of sources are cut, never an answer. */
const SOURCE_REF_MAX = 120;
const SOURCE_URL_MAX = 2_000;

/** Plans one message. `read` is the governed path of a read; `tainted`: whether anything fetched could have led to it. */
export async function planTurn(
  deps: PlanningDeps,
  turn: StoredTurn,
  person: Principal,
  content: Extract<StoredTurn['content'], { kind: 'message' }>,
  read: (proposal: Proposal, tainted: boolean) => Promise<Read>,
  signal: AbortSignal,
): Promise<PlannedTurn> {
  const state = await threadState(deps.db, turn.thread, person.id);
  const earlier = await messagesOf(deps.db, turn.thread, HISTORY_MESSAGES + 1);
  const history = earlier
    .filter((message) => message.at < turn.receivedAt)
    // Somebody else's words are not this person's: for them they are fetched text.
    .map((message) => ({
      authorship:
        message.author !== null && message.author !== person.id ? ('fetched' as const) : message.authorship,
      text: message.authorship === 'fetched' ? deps.mask(message.text) : message.text,
    }));
  let tainted =
    state.tainted || content.fetched.length > 0 || history.some((it) => it.authorship === 'fetched');
  const sources: Source[] = [];
  const tools = await deps.toolsFor(person);
  const live = await openLive(deps, turn);
  const plan = deps.planner.plan({
    turn: turn.id,
    principal: { id: person.id, name: person.name },
    text: content.text,
    fetched: content.fetched,
    history,
    tools,
    pendingAsk: state.ask,
    read: async (proposal) => {
      const { source, ...answered } = await read(proposal, tainted);
      tainted = true;
      if (source) sources.push(source);
      if (source) live?.did(source.title);
      return answered;
    },
    ...(live ? { onText: live.show } : {}),
    signal,
  });
  const planned = await plan.finally(() => live?.close());
  // Cut short by our own end: that is no word on the model, and whoever comes next answers.
  if (deps.stopping.aborted) throw new AppError('platform_unavailable', 'We are stopping.');
  return { ...planned, tainted, sources };
}

/** What a read answered, for the model: fetched text. */
export function readAnswer(
  deps: Pick<PlanningDeps, 'titleOf' | 'mask'>,
  request: StoredRequest | null,
): Read {
  const answered = { ok: request?.state === 'succeeded', text: deps.mask(readInWords(request)) };
  return answered.ok && request ? { ...answered, source: sourceOf(deps, request) } : answered;
}

/** What was read, for whoever reads the answer: only an address that its connector gave, and only on the web. */
function sourceOf(deps: Pick<PlanningDeps, 'titleOf' | 'mask'>, request: StoredRequest): Source {
  const link = request.result?.link ?? '';
  const isWeb = /^https?:\/\//.test(link) && link.length <= SOURCE_URL_MAX && URL.canParse(link);
  const ref = deps.mask(request.resource.id).slice(0, SOURCE_REF_MAX).toWellFormed();
  return { title: deps.titleOf(request.action), ref, url: isWeb ? link : null };
}

function readInWords(request: StoredRequest | null): string {
  if (!request?.result) return 'No answer.';
  const { message, output, data } = request.result;
  return [message, output, data === undefined ? undefined : JSON.stringify(data)]
    .filter((it) => it !== undefined)
    .join('\n');
}
