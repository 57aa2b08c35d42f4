/**
 * The way in: verify, parse, then hand a delivery to the core. Teams is told 200 only once the delivery is stored;
 * anything else shows the person that it was not taken.
 */
import express, { type Application, type Request, type RequestHandler, type Response } from 'express';
import { AppError } from '../../src/errors.ts';
import type { Message } from '../../src/model/card.ts';
import type { PrincipalId, RequestId } from '../../src/model/ids.ts';
import type { Assistant } from '../../src/model/ports.ts';
import { answerCard, answerSent, answerWords, type InvokeAnswer } from './answer.ts';
import { ANSWER_WITHIN_MS, BODY_MAX_BYTES } from './limits.ts';
import type { Log } from './log.ts';
import { ENDPOINT } from './needs.ts';
import {
  type Feedback,
  parseActivity,
  splitConversation,
  type TeamsAccount,
  type Verified,
} from './parse.ts';
import type { References } from './references.ts';
import { type VerifyParts, verifyActivity } from './verify.ts';

export type ReceiveParts = {
  app: Application;
  assistant: () => Assistant;
  verify: VerifyParts;
  references: References;
  /** The request's card with this person's buttons; null where they may not see it. */
  view: ((request: RequestId, viewer: PrincipalId) => Promise<Message | null>) | null;
  feedback: (feedback: Feedback) => Promise<void>;
  /** Runs before anything is read, e.g. local mode's guards. */
  guard: RequestHandler;
  log: Log;
};

/** Puts the endpoint on the application. No body parser may run before it. */
export function listen(parts: ReceiveParts): void {
  const { app, guard, log } = parts;
  app.post(ENDPOINT, guard, express.json({ limit: BODY_MAX_BYTES, strict: true }), async (req, res) => {
    const verified = await verifyActivity(req.body, req.get('authorization'), parts.verify);
    if (!verified.ok) {
      const { code, cause } = verified;
      log.warn(
        { code: `teams_${code}`, ...(cause === undefined ? {} : { error: nameOf(cause) }) },
        'refused',
      );
      res.sendStatus(verified.status);
      return;
    }
    try {
      await act(parts, verified, res);
    } catch (error) {
      log.error({ code: 'teams_not_stored', error: nameOf(error) }, 'an activity of Teams was not taken');
      res.sendStatus(error instanceof AppError ? error.status : 500);
    }
  });
  app.use(ENDPOINT, (error: unknown, _req: Request, res: Response, next: (error: unknown) => void) => {
    if (res.headersSent || !isUnreadable(error)) return next(error);
    log.warn({ code: 'teams_body_unreadable' }, 'a body could not be read');
    res.sendStatus(error.status);
  });
}

async function act(parts: ReceiveParts, verified: Verified, res: Response): Promise<void> {
  const { assistant, log, feedback } = parts;
  await remember(parts.references, verified);
  const parsed = parseActivity(verified);
  const isInvoke = verified.activity.type === 'invoke';
  switch (parsed.kind) {
    case 'ignored':
      log.info({ code: `teams_ignored_${parsed.code}` }, 'an activity of Teams is not for us');
      res.sendStatus(isInvoke ? 501 : 200);
      return;
    case 'arrival':
      res.sendStatus(200);
      return;
    case 'feedback':
      await feedback(parsed.feedback);
      res.status(200).json({});
      return;
    case 'view':
      res.status(200).json(await viewOf(parts, parsed.account, parsed.request));
      return;
    case 'delivery': {
      const { turn, duplicate } = await assistant().receive(parsed.delivery);
      log.info({ code: duplicate ? 'teams_duplicate' : 'teams_received', turn }, 'a delivery is stored');
      if (!isInvoke) {
        res.sendStatus(200);
        return;
      }
      const isForm = parsed.delivery.content.kind === 'form';
      // Stored is what counts: whatever becomes of the answer, the decision is not lost.
      const answered = isForm
        ? answerSent()
        : await inTime(decided(parts, verified.account, turn, parsed.request), log);
      res.status(200).json(answered);
    }
  }
}

/** The way back, before anything is stored that will need it. */
async function remember(references: References, { activity, account }: Verified): Promise<void> {
  const personal = activity.conversation.conversationType === 'personal';
  await references.set({
    tenant: account.tenant,
    conversation: splitConversation(activity.conversation.id).container,
    serviceUrl: activity.serviceUrl,
    person: personal ? account.user : null,
  });
}

/** The decision was stored; now the card as it stands, or why not, for who pressed the button. */
async function decided(
  { assistant, view }: ReceiveParts,
  account: TeamsAccount,
  turn: Parameters<Assistant['outcome']>[0],
  request: RequestId | null,
): Promise<InvokeAnswer> {
  const outcome = await assistant().outcome(turn, ANSWER_WITHIN_MS);
  if (outcome.reply !== '') return answerWords(outcome.reply);
  if (!outcome.settled) return answerWords('Received. The card will follow.');
  const card = view === null || request === null ? null : await cardFor(assistant(), view, account, request);
  return card ?? answerWords('Recorded.');
}

async function viewOf(
  { assistant, view }: ReceiveParts,
  account: TeamsAccount,
  request: RequestId,
): Promise<InvokeAnswer> {
  const card = view === null ? null : await cardFor(assistant(), view, account, request);
  return card ?? answerWords('Nothing here is for you to decide.');
}

async function cardFor(
  assistant: Assistant,
  view: NonNullable<ReceiveParts['view']>,
  account: TeamsAccount,
  request: RequestId,
): Promise<InvokeAnswer | null> {
  const identity = await assistant.identify(account);
  if (identity.kind !== 'known') return null;
  const message = await view(request, identity.principal.id);
  return message && answerCard(message);
}

/** Teams gives up after 5 s and would show a failure for what has been stored. */
async function inTime(answer: Promise<InvokeAnswer>, log: Log): Promise<InvokeAnswer> {
  const late = Promise.withResolvers<InvokeAnswer>();
  const timer = setTimeout(
    () => late.resolve(answerWords('Received. The card will follow.')),
    ANSWER_WITHIN_MS,
  );
  const safe = answer.catch((error: unknown) => {
    log.error({ code: 'teams_answer_failed', error: nameOf(error) }, 'a click was stored, but not answered');
    return answerWords('Received. The card will follow.');
  });
  try {
    return await Promise.race([safe, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function nameOf(error: unknown): string {
  return error instanceof AppError ? error.code : error instanceof Error ? error.name : 'unknown';
}

/** What express.json raises: not JSON, too large, a strange charset. */
function isUnreadable(error: unknown): error is { status: number } {
  return error instanceof Error && 'type' in error && 'status' in error && typeof error.status === 'number';
}
