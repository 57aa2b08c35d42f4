/** `/api/workspace`: what our own pages read and change. Every route first asks who is asking. */
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { AppError } from '../../src/errors.ts';
import { MessageId, RequestId, ThreadId, TurnId } from '../../src/model/ids.ts';
import type { WorkspaceAssistant } from '../../src/model/ports.ts';
import { DecisionKind } from '../../src/model/turn.ts';
import { bodyOf, checkedText, deliveryKey, idOf } from './body.ts';
import type { Caller, WhoIsAsking } from './caller.ts';
import { type Sees, streamChanges } from './changes.ts';
import { decide, edit, handOver, judge, say, stop } from './conversation.ts';

/** A ticket of the built-in desk, for its page. */
export type DeskTicket = {
  number: number;
  title: string;
  status: string;
  requester: string;
  createdAt: string;
  description?: string;
  priority?: string;
  comments: { author: string; text: string; at: string }[];
};
export type Desk = { list(): Promise<DeskTicket[]> };

/** How long one look at a turn waits, in milliseconds: below the idle limit of common proxies. */
const TURN_LOOK_MS = 25_000;
/** Rows of one page of the audit log. */
const AUDIT_PAGE_ROWS = 50;

const MessageBody = z.strictObject({ text: z.string(), thread: z.string().optional() });
const FormBody = z.strictObject({
  action: z.string().max(100),
  arguments: z.record(z.string(), z.unknown()),
  thread: z.string().optional(),
  /** In which the form stands. */
  message: MessageId.optional(),
});
const DecisionBody = z.strictObject({
  decision: DecisionKind,
  digest: z.string(),
  reason: z.string().optional(),
});
const EditBody = z.strictObject({ digest: z.string(), arguments: z.record(z.string(), z.unknown()) });
const HandOverBody = z.strictObject({ digest: z.string(), to: z.string() });
const StopBody = z.strictObject({});
const JudgementBody = z.strictObject({
  message: z.string(),
  positive: z.boolean(),
  words: z.string().optional(),
});
const AuditQuery = z.strictObject({ before: z.coerce.number().int().min(0).optional() });

function found<T>(value: T | null, what: string): T {
  if (value === null) throw new AppError('not_found', `There is no such ${what}.`);
  return value;
}

/** The routes, relative to `/api/workspace`; bodies are parsed and the browser is guarded before them. */
export function workspaceApi(
  assistant: WorkspaceAssistant,
  whoIsAsking: WhoIsAsking,
  sees: Sees,
  desk: Desk | null,
): Router {
  const router = Router();
  type Answer = (caller: Caller, request: Request) => Promise<unknown>;
  const answer = (run: Answer) => async (request: Request, response: Response) => {
    response.json(await run(await whoIsAsking(request), request));
  };
  const read = (path: string, run: Answer) => router.get(path, answer(run));
  const change = (path: string, run: Answer) => router.post(path, answer(run));

  router.get('/changes', streamChanges(assistant, whoIsAsking, sees));

  read('/me', async ({ principal }) => ({
    id: principal.id,
    name: principal.name,
    groups: principal.groups,
  }));
  read('/actions', ({ principal }) => assistant.actions(principal.id));
  read('/threads', ({ principal }) => assistant.threads(principal.id));
  read('/mine', ({ principal }) => assistant.mine(principal.id));
  read('/waiting', ({ principal }) => assistant.waitingFor(principal.id));
  read('/operations', ({ principal }) => assistant.operations(principal.id));

  read('/threads/:id', async ({ principal }, request) => {
    const thread = found(idOf(ThreadId, request.params.id), 'conversation');
    return found(await assistant.messages(thread, principal.id), 'conversation');
  });

  read('/requests/:id', async ({ principal }, request) => {
    const id = found(idOf(RequestId, request.params.id), 'request');
    return found(await assistant.requestPage(id, principal.id), 'request');
  });

  read('/takers/:id', async ({ principal }, request) => {
    const id = found(idOf(RequestId, request.params.id), 'request');
    const takers = await assistant.takers(id, principal.id);
    if (takers === null)
      throw new AppError('not_found', 'There is nobody else to whom this could be handed over.');
    return takers;
  });

  read('/edit-forms/:id', async ({ principal }, request) => {
    const id = found(idOf(RequestId, request.params.id), 'request');
    return found(await assistant.editForm(id, principal.id), 'form');
  });

  read('/forms/:action', async ({ principal }, request) =>
    found(await assistant.form(String(request.params.action), principal.id), 'form'),
  );

  read('/desk', async () => found(desk, 'page').list());

  read('/audit', async ({ principal }, request) => {
    const query = AuditQuery.safeParse(request.query);
    if (!query.success) throw new AppError('malformed', 'The page is named by an index: before=NUMBER.');
    const before = query.data.before ?? null;
    const rows = await assistant.audit(principal.id, { before, limit: AUDIT_PAGE_ROWS });
    if (rows === null) throw new AppError('not_allowed', 'Policy does not let you read the audit log.');
    return { rows, limit: AUDIT_PAGE_ROWS };
  });

  read('/greeting', async ({ principal }) => ({ text: await assistant.greeting(principal.id) }));
  change('/greeted', async ({ principal }) => {
    await assistant.greeted(principal.id);
    return {};
  });

  read('/reports', async ({ principal }) => {
    const reports = await assistant.reports(principal.id);
    if (reports === null) throw new AppError('not_allowed', 'Policy does not let you read reports.');
    return reports;
  });

  // The turn is stored when this answers; `/turns/ID` waits for what became of it.
  change('/messages', async (caller, request) => {
    const body = bodyOf(MessageBody, request);
    const text = checkedText(body.text);
    return say(assistant, caller, {
      key: deliveryKey(request, caller.principal.id),
      content: { kind: 'message', text, fetched: [] },
      thread: body.thread,
    });
  });

  change('/forms', async (caller, request) => {
    const { action, arguments: given, thread, message } = bodyOf(FormBody, request);
    const stands = message === undefined ? {} : { message };
    return say(assistant, caller, {
      key: deliveryKey(request, caller.principal.id),
      content: { kind: 'form', action, arguments: given, ...stands },
      thread,
    });
  });

  read('/turns/:id', async ({ principal }, request) => {
    const turn = found(idOf(TurnId, request.params.id), 'turn');
    const outcome = await assistant.outcome(turn, TURN_LOOK_MS);
    // A turn that nobody knows has no thread either.
    const thread = found(idOf(ThreadId, outcome.thread), 'turn');
    found(await assistant.messages(thread, principal.id), 'turn');
    return { thread, settled: outcome.settled };
  });

  // For a page that was not open when the turn began.
  read('/answering/:id', async ({ principal }, request) => {
    const thread = found(idOf(ThreadId, request.params.id), 'conversation');
    return { turn: await assistant.answering(thread, principal.id) };
  });

  // What became of it stands in the conversation.
  change('/threads/:id/stops', async (caller, request) => {
    bodyOf(StopBody, request);
    await stop(assistant, caller, String(request.params.id));
    return {};
  });

  change('/threads/:id/judgements', async (caller, request) => {
    const { message, positive, words } = bodyOf(JudgementBody, request);
    const key = deliveryKey(request, caller.principal.id);
    await judge(assistant, caller, { key, thread: String(request.params.id), message, positive, words });
    return {};
  });

  change('/requests/:id/decisions', async (caller, request) => {
    const { decision, digest, reason } = bodyOf(DecisionBody, request);
    const key = deliveryKey(request, caller.principal.id);
    return decide(assistant, caller, { key, request: String(request.params.id), decision, digest, reason });
  });

  change('/requests/:id/hand-overs', async (caller, request) => {
    const body = bodyOf(HandOverBody, request);
    return { words: await handOver(assistant, caller, { ...body, request: String(request.params.id) }) };
  });

  change('/requests/:id/edits', async (caller, request) => {
    const { digest, arguments: given } = bodyOf(EditBody, request);
    return edit(assistant, caller, { request: String(request.params.id), digest, arguments: given });
  });

  return router;
}
