/** Handing to the core what a person did in the browser, for the local API and the workspace alike. */
import { AppError } from '../../src/errors.ts';
import { MessageId, newId, RequestId, ThreadId, type TurnId } from '../../src/model/ids.ts';
import type { Assistant, DecisionOutcome, WorkspaceAssistant } from '../../src/model/ports.ts';
import type { RequestView } from '../../src/model/request.ts';
import type { Content, DecisionKind } from '../../src/model/turn.ts';
import { checkedReason, idOf } from './body.ts';
import type { Caller } from './caller.ts';

/** The caller's own thread. Throws `not_found`, the same for a thread of somebody else and for none at all. */
async function ownThread(assistant: Assistant, caller: Caller, given: string): Promise<ThreadId> {
  const thread = idOf(ThreadId, given);
  const messages = thread === null ? null : await assistant.messages(thread, caller.principal.id);
  if (thread === null || messages === null) throw new AppError('not_found', 'There is no such conversation.');
  return thread;
}

export type Said = { key: string; content: Content; thread: string | undefined };

/**
 * Stores one delivery of this person. On the web a thread's root is the thread's own id (`Place.thread`), so that
 * the id which was answered finds the conversation again.
 */
export async function say(
  assistant: Assistant,
  caller: Caller,
  said: Said,
): Promise<{ turn: TurnId; thread: ThreadId }> {
  const thread =
    said.thread === undefined ? newId(ThreadId) : await ownThread(assistant, caller, said.thread);
  const received = await assistant.receive({
    key: said.key,
    account: caller.account,
    place: caller.placeOf(thread),
    content: said.content,
  });
  // A duplicate answers with the first delivery's thread. Anything else would lose the conversation silently.
  if (!received.duplicate && received.thread !== thread) {
    throw new Error('the core filed a web thread under another id than its place names');
  }
  return { turn: received.turn, thread: received.thread };
}

/** Stops, as this person, what is being worked on in a conversation of their own. Throws `not_found` for any other. */
export async function stop(assistant: Assistant, caller: Caller, thread: string): Promise<void> {
  await assistant.stop(caller.placeOf(await ownThread(assistant, caller, thread)), caller.principal.id);
}

export type Judged = {
  key: string;
  thread: string;
  message: string;
  positive: boolean;
  words: string | undefined;
};

/**
 * Records what this person thinks of an answer of a model, in a conversation of their own. Throws `not_found` for anything
 * else, `too_long`.
 */
export async function judge(assistant: Assistant, caller: Caller, judged: Judged): Promise<void> {
  const thread = await ownThread(assistant, caller, judged.thread);
  const id = idOf(MessageId, judged.message);
  const said = (await assistant.messages(thread, caller.principal.id)) ?? [];
  const answer = said.find((message) => message.id === id && message.authorship === 'model');
  const words = checkedReason(judged.words);
  const isKept =
    answer !== undefined &&
    (await assistant.feedback({
      key: judged.key,
      message: answer.id,
      principal: caller.principal.id,
      positive: judged.positive,
      ...(words === undefined ? {} : { words }),
    }));
  if (!isKept) throw new AppError('not_found', 'There is no such answer.');
}

export type Decided = {
  key: string;
  request: string;
  decision: DecisionKind;
  digest: string;
  reason: string | undefined;
};

/** Decides as this person. Throws `conflict` (late, double, outdated), `not_allowed` or `not_found`. */
export async function decide(assistant: Assistant, caller: Caller, decided: Decided): Promise<RequestView> {
  const request = idOf(RequestId, decided.request);
  if (request === null) throw new AppError('not_found', 'There is no such request.');
  const reason = checkedReason(decided.reason);
  const outcome = await assistant.decide({
    key: decided.key,
    request,
    principal: caller.principal.id,
    decision: decided.decision,
    digest: decided.digest,
    ...(reason === undefined ? {} : { reason }),
  });
  return requestOf(outcome);
}

/**
 * Changes a pending request as this person. Throws `malformed` for what the form's action does not take, `conflict`,
 * `not_allowed` or `not_found`.
 */
export async function edit(
  assistant: WorkspaceAssistant,
  caller: Caller,
  edited: { request: string; digest: string; arguments: Record<string, unknown> },
): Promise<RequestView> {
  const request = idOf(RequestId, edited.request);
  if (request === null) throw new AppError('not_found', 'There is no such request.');
  const outcome = await assistant.edit({ ...edited, request, principal: caller.principal.id });
  if (outcome.kind === 'unfit') throw new AppError('malformed', outcome.message);
  return requestOf(outcome);
}

/**
 * Hands a request over as this person, to whom they chose; answers what became of it, in words. Throws `conflict` where nothing was
 * changed, `not_allowed` or `not_found`.
 */
export async function handOver(
  assistant: WorkspaceAssistant,
  caller: Caller,
  handed: { request: string; digest: string; to: string },
): Promise<string> {
  const request = idOf(RequestId, handed.request);
  if (request === null) throw new AppError('not_found', 'There is no such request.');
  const outcome = await assistant.handOver({ ...handed, request, principal: caller.principal.id });
  switch (outcome.kind) {
    case 'done':
      return outcome.words;
    case 'ignored':
      throw new AppError('conflict', outcome.words);
    case 'refused':
      throw new AppError('not_allowed', outcome.words);
  }
}

/** The request of a decision that counts; anything else as the error that the browser shows. */
function requestOf(outcome: DecisionOutcome): RequestView {
  switch (outcome.kind) {
    case 'done':
      return outcome.request;
    case 'conflict':
      throw new AppError('conflict', outcome.message);
    case 'refused':
      throw new AppError('not_allowed', outcome.message);
    case 'missing':
      throw new AppError('not_found', outcome.message);
  }
}
