/**
 * The way in: verify, parse, then hand a delivery to the core. Teams is told 200 only once the delivery is stored;
 * anything else shows the person that it was not taken.
 */
import express, { type Application, type Request, type RequestHandler, type Response } from 'express';
import { AppError } from '../../src/errors.ts';
import type { Delivered, Message } from '../../src/model/card.ts';
import type { PrincipalId, RenderingId, RequestId, TurnId } from '../../src/model/ids.ts';
import type { ChatAssistant } from '../../src/model/ports.ts';
import type { Content, Delivery } from '../../src/model/turn.ts';
import {
  answerCard,
  answerEdit,
  answerForm,
  answerSent,
  answerTakers,
  answerWords,
  type InvokeAnswer,
} from './answer.ts';
import { ANSWER_WITHIN_MS, BODY_MAX_BYTES } from './limits.ts';
import type { Log } from './log.ts';
import { ENDPOINT } from './needs.ts';
import {
  type Edit,
  type Feedback,
  type HandOver,
  isFarewell,
  type Parsed,
  parseActivity,
  splitConversation,
  type TeamsAccount,
  type Verified,
} from './parse.ts';
import type { References } from './references.ts';
import { typedInto } from './render-form.ts';
import { type VerifyParts, verifyActivity } from './verify.ts';
import type { Whispers } from './whisper.ts';

/**
 * The request's card with this person's buttons; null where they may not see it. `shownAt`: the message at which they look,
 * as whoever reads that one reads the card anyway.
 */
export type View = (
  request: RequestId,
  viewer: PrincipalId,
  shownAt: Delivered | null,
) => Promise<Message | null>;

export type ReceiveParts = {
  app: Application;
  assistant: () => ChatAssistant;
  verify: VerifyParts;
  references: References;
  view: View | null;
  whispers: Whispers;
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
  const { log } = parts;
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
    case 'edited':
      await storeEdit(parts, parsed.message);
      res.sendStatus(200);
      return;
    case 'feedback':
      await judged(parts, parsed.feedback);
      res.status(200).json({});
      return;
    case 'view':
      res.status(200).json(await viewOf(parts, parsed));
      return;
    case 'ask-edit':
    case 'ask-taker':
    case 'delivery': {
      const { delivery, request } = parsed;
      if (!isInvoke) {
        await store(parts, delivery);
        res.sendStatus(200);
        return;
      }
      const instead = await insteadOf(parts, verified.account, parsed);
      res.status(200).json(instead ?? (await pressed(parts, verified.account, delivery, request)));
    }
  }
}

/** What is shown before anything is stored: a form, a list; null where a press is all there is. */
async function insteadOf(
  parts: ReceiveParts,
  account: TeamsAccount,
  parsed: Extract<Parsed, { kind: 'ask-edit' | 'ask-taker' | 'delivery' }>,
): Promise<InvokeAnswer | null> {
  if (parsed.kind === 'ask-edit') return editForm(parts, account, parsed.delivery.content, parsed.request);
  if (parsed.kind === 'ask-taker') return takerList(parts, account, parsed.delivery.content, parsed.request);
  return formAgain(parts, account, parsed.delivery.content, parsed.request);
}

/** What somebody says of an answer by the model; of a stranger, or of what is no answer of ours, nothing is kept. */
async function judged(parts: ReceiveParts, { account, ...judgement }: Feedback): Promise<void> {
  const principal = await knownAs(parts, account);
  const isKept = principal !== null && (await parts.assistant().feedback({ ...judgement, principal }));
  parts.log.info({ code: isKept ? 'teams_feedback' : 'teams_ignored_feedback' }, 'an answer was judged');
}

async function store({ assistant, log }: ReceiveParts, delivery: Delivery) {
  const { turn, duplicate } = await assistant().receive(delivery);
  log.info({ code: duplicate ? 'teams_duplicate' : 'teams_received', turn }, 'a delivery is stored');
  return turn;
}

/** What was not taken in, as it did not mention us or came before us, is nobody's concern. */
async function storeEdit({ assistant, log }: ReceiveParts, message: string): Promise<void> {
  const received = await assistant().edited('teams', message);
  if (received === null) {
    log.info({ code: 'teams_ignored_edited' }, 'a message was edited that had not been taken in');
    return;
  }
  const { turn, duplicate } = received;
  log.info({ code: duplicate ? 'teams_duplicate' : 'teams_received', turn }, 'an edit is stored');
}

/** Stored is what counts: whatever becomes of the answer, what was pressed is not lost. */
async function pressed(
  parts: ReceiveParts,
  account: TeamsAccount,
  delivery: Delivery,
  request: RequestId | null,
): Promise<InvokeAnswer> {
  const { place, content } = delivery;
  if (content.kind === 'form') {
    await store(parts, delivery);
    return answerSent();
  }
  let words: string | null = null;
  await parts.whispers.begin(place, account.user);
  try {
    const turn = await store(parts, delivery);
    const became = await inTime(decided(parts, account, turn, request), parts.log);
    words = became.words;
    return became.answer;
  } finally {
    await parts.whispers.end(place, account.user, words);
  }
}

/** Null where this person may not change it, or it does not stand so any more: the core says why. */
async function editForm(
  parts: ReceiveParts,
  account: TeamsAccount,
  { rendering }: Edit,
  request: RequestId | null,
): Promise<InvokeAnswer | null> {
  const person = await knownAs(parts, account);
  const form = person === null ? null : await parts.assistant().editFormOf(rendering, person);
  return form && answerEdit(form, dataOf(rendering, request));
}

/** Null where there is nobody to whom this person may hand it over: the core says why. */
async function takerList(
  parts: ReceiveParts,
  account: TeamsAccount,
  { rendering }: HandOver,
  request: RequestId | null,
): Promise<InvokeAnswer | null> {
  const person = await knownAs(parts, account);
  const takers = person === null ? [] : await parts.assistant().takersOf(rendering, person);
  return takers.length === 0 ? null : answerTakers(takers, dataOf(rendering, request));
}

/** What was typed with what is wrong with it, at its fields; null where nothing is, and for the core to decide. */
async function formAgain(
  parts: ReceiveParts,
  account: TeamsAccount,
  content: Content,
  request: RequestId | null,
): Promise<InvokeAnswer | null> {
  if (content.kind !== 'form' && content.kind !== 'edit') return null;
  const person = await knownAs(parts, account);
  if (person === null) return null;
  const assistant = parts.assistant();
  const { arguments: values } = content;
  const form =
    content.kind === 'form'
      ? await assistant.form(content.action, person)
      : await assistant.editFormOf(content.rendering, person);
  const checked = form && (await assistant.checkForm(form.action, values, person));
  if (form === null || checked?.ok !== false) return null;
  const typed = typedInto(form, values);
  return content.kind === 'form'
    ? answerForm(typed, content.message ?? null, checked.problems)
    : answerEdit(typed, dataOf(content.rendering, request), checked.problems);
}

const dataOf = (rendering: RenderingId, request: RequestId | null): Record<string, string> =>
  request === null ? { rendering } : { rendering, request };

async function knownAs({ assistant }: ReceiveParts, account: TeamsAccount): Promise<PrincipalId | null> {
  const found = await assistant().identify(account);
  return found.kind === 'known' ? found.principal.id : null;
}

/** The way back, before anything is stored that will need it. */
async function remember(references: References, { activity, account }: Verified): Promise<void> {
  const personal = activity.conversation.conversationType === 'personal';
  await references.set({
    tenant: account.tenant,
    conversation: splitConversation(activity.conversation.id).container,
    serviceUrl: activity.serviceUrl,
    // Whoever has taken the app away cannot be called there: nobody is counted upon who does not hear it.
    person: personal && !isFarewell(activity) ? account.user : null,
  });
}

/** `words`: of the core, shown as they are; null where it answered with the card, or has not answered yet. */
type Became = { answer: InvokeAnswer; words: string | null };
const LATER: Became = { answer: answerWords('Received. The card will follow.'), words: null };

/** What was pressed is stored; now the card as it stands, or why not, for who pressed the button. */
async function decided(
  parts: ReceiveParts,
  account: TeamsAccount,
  turn: TurnId,
  request: RequestId | null,
): Promise<Became> {
  const outcome = await parts.assistant().outcome(turn, ANSWER_WITHIN_MS);
  if (outcome.reply !== '') return { answer: answerWords(outcome.reply), words: outcome.reply };
  if (!outcome.settled) return LATER;
  const card = request === null ? null : await cardFor(parts, account, request);
  return { answer: card ?? answerWords('Recorded.'), words: null };
}

async function viewOf(
  parts: ReceiveParts,
  { account, request, shownAt }: Extract<Parsed, { kind: 'view' }>,
): Promise<InvokeAnswer> {
  const card = await cardFor(parts, account, request, shownAt);
  return card ?? answerWords('Nothing here is for you to decide.');
}

async function cardFor(
  parts: ReceiveParts,
  account: TeamsAccount,
  request: RequestId,
  shownAt: Delivered | null = null,
): Promise<InvokeAnswer | null> {
  if (parts.view === null) return null;
  const person = await knownAs(parts, account);
  const message = person === null ? null : await parts.view(request, person, shownAt);
  return message && answerCard(message);
}

/** Teams gives up after 5 s and would show a failure for what has been stored. */
async function inTime(answer: Promise<Became>, log: Log): Promise<Became> {
  const late = Promise.withResolvers<Became>();
  const timer = setTimeout(() => late.resolve(LATER), ANSWER_WITHIN_MS);
  const safe = answer.catch((error: unknown) => {
    log.error({ code: 'teams_answer_failed', error: nameOf(error) }, 'a click was stored, but not answered');
    return LATER;
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
