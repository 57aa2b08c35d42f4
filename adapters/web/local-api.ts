/** `/api/local`: local mode's API for scripts and checks (contracts.md, "HTTP"). */
import { Router } from 'express';
import { z } from 'zod';
import { AppError } from '../../src/errors.ts';
import { RequestId } from '../../src/model/ids.ts';
import type { Assistant } from '../../src/model/ports.ts';
import { DecisionKind } from '../../src/model/turn.ts';
import { bodyOf, checkedText, deliveryKey, idOf } from './body.ts';
import { localPerson } from './caller.ts';
import { decide, say } from './conversation.ts';

/** How long a caller waits for a turn, in milliseconds: longer than a model's whole budget for one turn. */
const TURN_WAIT_MS = 120_000;

const TurnBody = z.strictObject({ principal: z.string(), text: z.string(), thread: z.string().optional() });
const DecisionBody = z.strictObject({
  principal: z.string(),
  decision: DecisionKind,
  digest: z.string(),
  reason: z.string().optional(),
});

/** The routes, relative to `/api/local`; bodies are parsed and the caller is guarded before them. */
export function localApi(assistant: Assistant): Router {
  const router = Router();

  router.get('/people', async (_request, response) => {
    const people = await assistant.people();
    response.json(people.map(({ id, name, groups }) => ({ id, name, groups })));
  });

  router.post('/turns', async (request, response) => {
    const body = bodyOf(TurnBody, request);
    const text = checkedText(body.text);
    const caller = await localPerson(assistant, body.principal);
    const { turn, thread } = await say(assistant, caller, {
      key: deliveryKey(request, caller.principal.id),
      content: { kind: 'message', text, fetched: [] },
      thread: body.thread,
    });
    const outcome = await assistant.outcome(turn, TURN_WAIT_MS);
    const requests = await Promise.all(outcome.requests.map((id) => assistant.request(id)));
    response.json({
      turn,
      thread,
      reply: outcome.reply,
      requests: requests.filter((view) => view !== null),
    });
  });

  router.get('/requests/:id', async (request, response) => {
    const id = idOf(RequestId, request.params.id);
    const view = id === null ? null : await assistant.request(id);
    if (view === null) throw new AppError('not_found', 'There is no such request.');
    response.json(view);
  });

  router.post('/requests/:id/decisions', async (request, response) => {
    const body = bodyOf(DecisionBody, request);
    const caller = await localPerson(assistant, body.principal);
    response.json(
      await decide(assistant, caller, {
        key: deliveryKey(request, caller.principal.id),
        request: request.params.id,
        decision: body.decision,
        digest: body.digest,
        reason: body.reason,
      }),
    );
  });

  return router;
}
