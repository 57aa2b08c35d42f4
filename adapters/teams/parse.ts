/**
 * A verified activity to what it means to us, or to the reason why it means nothing. Pure and total: never throws,
 * whatever came. Who the person is and what they may do is decided elsewhere; this only reads what Teams vouches for.
 */
import type { Delivered } from '../../src/model/card.ts';
import { MessageId, RenderingId, RequestId } from '../../src/model/ids.ts';
import type { Account } from '../../src/model/principal.ts';
import type { Content, Delivery, Place } from '../../src/model/turn.ts';
import { DecisionKind } from '../../src/model/turn.ts';
import { handle } from './handle.ts';
import { plainText, quotes, splitQuotes, withoutMention } from './inbound-text.ts';
import { decodeJson } from './json.ts';
import { REASON_MAX, REPORT_MAX, TAKER_MAX } from './limits.ts';
import {
  DID_NOT_HAPPEN_VERB,
  EDIT_VERB,
  FIELD_PREFIX,
  FORM_VERB,
  HAND_OVER_VERB,
  HANDED_OVER_VERB,
  HAPPENED_VERB,
  REASON_FIELD,
  REFRESH_VERB,
  REPORT_FIELD,
  REPORT_VERB,
  SAVE_VERB,
  TAKER_FIELD,
  UNDO_VERB,
} from './needs.ts';
import { clip } from './outbound-text.ts';
import {
  type Activity,
  ButtonData,
  CardAction,
  FeedbackAction,
  FeedbackWords,
  FileAttachment,
  HtmlAttachment,
  Mention,
} from './payloads.ts';

export type TeamsAccount = Extract<Account, { platform: 'teams' }>;
/** An activity whose sender and tenant are certain. */
export type Verified = { activity: Activity; account: TeamsAccount };

export type IgnoredCode = 'malformed' | 'unhandled' | 'not_mentioned' | 'not_ours' | 'empty';

export type Edit = Extract<Content, { kind: 'edit' }>;
export type HandOver = Extract<Content, { kind: 'delegate' }>;

export type Feedback = {
  account: TeamsAccount;
  /** The message that was judged. */
  message: Delivered;
  positive: boolean;
  words: string;
};

export type Parsed =
  | { kind: 'delivery'; delivery: Delivery; request: RequestId | null }
  /** Somebody edited a message of theirs, known by the key under which it is delivered. */
  | { kind: 'edited'; message: string }
  /** Asks for the form that changes a request; `delivery` is what says why not, where it may not be changed. */
  | { kind: 'ask-edit'; delivery: Delivery & { content: Edit }; request: RequestId | null }
  /** Asks to whom this may be handed over; `delivery` is what says why not, where there is nobody. */
  | { kind: 'ask-taker'; delivery: Delivery & { content: HandOver }; request: RequestId | null }
  /** Teams asks how this person sees the card of a message; null where it does not say which. */
  | { kind: 'view'; account: TeamsAccount; request: RequestId; shownAt: Delivered | null }
  | { kind: 'feedback'; feedback: Feedback }
  /** Somebody added the app or took it away, or the members changed: nothing to do but to know the way there. */
  | { kind: 'arrival' }
  | { kind: 'ignored'; code: IgnoredCode };

/** Mentions of one message read at most. */
const MENTIONS_MAX = 20;
/** Forwarded or quoted texts read at most. */
const ATTACHMENTS_MAX = 20;
/** More than a model or a person needs to hear of one thumb. */
const FEEDBACK_MAX = 2_000;
/** Teams' mark of a thread inside of a channel's conversation id. */
const THREAD = ';messageid=';

const ignored = (code: IgnoredCode): Parsed => ({ kind: 'ignored', code });

export function parseActivity({ activity, account }: Verified): Parsed {
  switch (activity.type) {
    case 'message':
      return activity.value === undefined || activity.text !== undefined
        ? parseMessage(activity, account)
        : parseAction(ButtonData.safeParse(activity.value).data, activity, account);
    case 'messageUpdate':
      return parseUpdate(activity, account);
    case 'invoke':
      return parseInvoke(activity, account);
    case 'conversationUpdate':
    case 'installationUpdate':
      return parseArrival(activity, account);
    default:
      return ignored('unhandled');
  }
}

/** A message that was edited keeps its id; one that was taken back, and put there again, is what it was. */
function parseUpdate(activity: Activity, account: TeamsAccount): Parsed {
  if (activity.channelData?.eventType !== 'editMessage') return ignored('unhandled');
  const message = keyOf({ ...activity, type: 'message' }, account);
  return message === null ? ignored('malformed') : { kind: 'edited', message };
}

/** Whoever installs the app for themselves is told what it is; in a team or a group nobody asked to hear it. */
function parseArrival(activity: Activity, account: TeamsAccount): Parsed {
  const { membersAdded, action, recipient, conversation } = activity;
  const isNew = action === 'add' || membersAdded?.some(({ id }) => id === recipient.id) === true;
  if (!isNew || conversation.conversationType !== 'personal') return { kind: 'arrival' };
  const parsed = deliver(activity, account, { kind: 'arrival' }, null);
  return parsed.kind === 'delivery' ? parsed : { kind: 'arrival' };
}

/** The app was taken away there; an update of it, which says `remove-upgrade`, puts it back at once. */
export function isFarewell({ action, membersRemoved, recipient }: Activity): boolean {
  return action === 'remove' || membersRemoved?.some(({ id }) => id === recipient.id) === true;
}

/** `19:x@thread.tacv2;messageid=1` is a thread of a channel; other conversations have none. */
export function splitConversation(id: string): { container: string; thread: string } {
  const at = id.indexOf(THREAD);
  return at < 0
    ? { container: id, thread: '' }
    : { container: id.slice(0, at), thread: id.slice(at + THREAD.length) };
}

export function joinConversation(container: string, thread: string): string {
  return thread === '' ? container : `${container}${THREAD}${thread}`;
}

function parseMessage(activity: Activity, account: TeamsAccount): Parsed {
  const place = placeOf(activity, account);
  const mentions = mentionsOf(activity);
  if (!place.direct && mentions.length === 0) return ignored('not_mentioned');
  const html = (activity.attachments ?? [])
    .slice(0, ATTACHMENTS_MAX)
    .flatMap((one) => HtmlAttachment.safeParse(one).data?.content ?? [])
    .filter(quotes)
    .map(splitQuotes);
  const written = html.length === 0 ? (activity.text ?? '') : html.map(({ own }) => own).join('\n');
  const names = html.length === 0 ? mentions : mentions.map(plainText);
  const said = plainText(withoutMention(written, names));
  const fetched = html.map(({ quoted }) => quoted).filter((quoted) => quoted !== '');
  const files = (activity.attachments ?? []).filter((one) => FileAttachment.safeParse(one).success).length;
  const isBare = said === '' && fetched.length === 0 && files === 0;
  if (isBare && place.direct) return ignored('empty');
  // Whoever mentions us and says nothing wants to know what to say.
  const words = isBare ? 'help' : said;
  const came = files === 0 ? {} : { files };
  const content = {
    kind: 'message' as const,
    text: words,
    fetched,
    ...mentionedIn(activity, account),
    ...came,
  };
  return deliver(activity, account, content, null);
}

/** People whom Teams says a message mentions, by their id in Entra; where it gives none, their names are words like any other. */
function mentionedIn({ entities, recipient }: Activity, { tenant }: TeamsAccount) {
  const mentions = (entities ?? []).slice(0, MENTIONS_MAX).flatMap((entity) => {
    const { mentioned, text = '' } = Mention.safeParse(entity).data ?? {};
    const user = mentioned?.id === recipient.id ? undefined : mentioned?.aadObjectId;
    const words = plainText(text);
    return user === undefined || words === ''
      ? []
      : [{ words, account: { platform: 'teams' as const, tenant, user } }];
  });
  return mentions.length === 0 ? {} : { mentions };
}

function parseInvoke(activity: Activity, account: TeamsAccount): Parsed {
  switch (activity.name) {
    case 'adaptiveCard/action': {
      const pressed = CardAction.safeParse(activity.value);
      if (!pressed.success) return ignored('malformed');
      const { verb, data } = pressed.data.action;
      return parseAction({ ...data, verb }, activity, account);
    }
    case 'message/submitAction':
      return parseFeedback(activity, account);
    default:
      return ignored('unhandled');
  }
}

function parseAction(
  data: Record<string, unknown> | undefined,
  activity: Activity,
  account: TeamsAccount,
): Parsed {
  if (data === undefined) return ignored('malformed');
  const request = RequestId.safeParse(data.request).data ?? null;
  if (data.verb === REFRESH_VERB) {
    if (request === null) return ignored('not_ours');
    return { kind: 'view', account, request, shownAt: pressedMessage(activity, account) };
  }
  if (data.verb === FORM_VERB) return parseForm(data, activity, account);
  const rendering = RenderingId.safeParse(data.rendering);
  const content = rendering.success ? pressedOn(rendering.data, data) : null;
  if (content === null) return ignored('not_ours');
  const parsed = deliver(activity, account, content, request);
  if (parsed.kind !== 'delivery') return parsed;
  if (data.verb === EDIT_VERB && content.kind === 'edit')
    return { kind: 'ask-edit', delivery: { ...parsed.delivery, content }, request };
  if (data.verb === HAND_OVER_VERB && content.kind === 'delegate')
    return { kind: 'ask-taker', delivery: { ...parsed.delivery, content }, request };
  return parsed;
}

/** Null: no verb of ours. */
function pressedOn(rendering: RenderingId, data: Record<string, unknown>): Content | null {
  switch (data.verb) {
    case UNDO_VERB:
      return { kind: 'undo', rendering };
    case HAPPENED_VERB:
      return { kind: 'resolve', rendering, as: 'succeeded' };
    case DID_NOT_HAPPEN_VERB:
      return { kind: 'resolve', rendering, as: 'failed' };
    case REPORT_VERB:
      return { kind: 'report', rendering, words: wordsIn(data, REPORT_FIELD, REPORT_MAX) };
    case HAND_OVER_VERB:
      return { kind: 'delegate', rendering, to: '' };
    case HANDED_OVER_VERB:
      return { kind: 'delegate', rendering, to: wordsIn(data, TAKER_FIELD, TAKER_MAX) };
    case EDIT_VERB:
      return { kind: 'edit', rendering, arguments: {} };
    case SAVE_VERB:
      return { kind: 'edit', rendering, arguments: fieldsIn(data) };
  }
  const decision = DecisionKind.safeParse(data.verb);
  if (!decision.success) return null;
  const reason = decision.data === 'deny' ? wordsIn(data, REASON_FIELD, REASON_MAX) : '';
  return {
    kind: 'decision',
    rendering,
    decision: decision.data,
    ...(reason === '' ? {} : { reason }),
  };
}

/** What a client lets nobody type is cut: a press is never lost for its words. */
function wordsIn(data: Record<string, unknown>, field: string, max: number): string {
  const given = data[field];
  return typeof given === 'string' && given.trim() !== '' ? clip(given.trim(), max) : '';
}

function parseForm(data: Record<string, unknown>, activity: Activity, account: TeamsAccount): Parsed {
  if (typeof data.action !== 'string') return ignored('not_ours');
  const message = MessageId.safeParse(data.message).data;
  const stands = message === undefined ? {} : { message };
  const content = { kind: 'form' as const, action: data.action, arguments: fieldsIn(data), ...stands };
  return deliver(activity, account, content, null);
}

/** What stands in a form's inputs, by field. */
function fieldsIn(data: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(data)
    .filter(([name]) => name.startsWith(FIELD_PREFIX))
    .map(([name, value]) => [
      name.slice(FIELD_PREFIX.length),
      typeof value === 'number' ? String(value) : value,
    ]);
  return Object.fromEntries(entries);
}

function parseFeedback(activity: Activity, account: TeamsAccount): Parsed {
  const given = FeedbackAction.safeParse(activity.value);
  if (!given.success) return ignored('not_ours');
  const { reaction, feedback } = given.data.actionValue;
  const message = pressedMessage(activity, account);
  if (message === null) return ignored('malformed');
  const words = FeedbackWords.safeParse(decodeJson(feedback ?? '')).data?.feedbackText ?? '';
  return {
    kind: 'feedback',
    feedback: { account, message, positive: reaction === 'like', words: clip(words.trim(), FEEDBACK_MAX) },
  };
}

function deliver(
  activity: Activity,
  account: TeamsAccount,
  content: Content,
  request: RequestId | null,
): Parsed {
  const key = keyOf(activity, account);
  if (key === null) return ignored('malformed');
  return {
    kind: 'delivery',
    delivery: { key, account, place: placeOf(activity, account), content },
    request,
  };
}

/** Teams' own id of the activity; an invoke without one is known by its message, moment and person. */
function keyOf(
  { id, type, conversation, replyToId, timestamp }: Activity,
  { user }: TeamsAccount,
): string | null {
  const { container } = splitConversation(conversation.id);
  if (id !== undefined) return bounded(`teams:${type}:${container}:${id}`);
  if (type !== 'invoke' || replyToId === undefined || timestamp === undefined) return null;
  return bounded(`teams:click:${container}:${replyToId}:${timestamp}:${user}`);
}

/** A key longer than the core takes is no key. */
function bounded(key: string): string | null {
  const longest = 300;
  return key.length <= longest ? key : null;
}

/** The message of ours that somebody pressed at, as it was noted when it was posted. */
function pressedMessage(activity: Activity, account: TeamsAccount): Delivered | null {
  const place = placeOf(activity, account);
  return activity.replyToId === undefined ? null : handle(place, place.thread, activity.replyToId);
}

function placeOf({ id, type, conversation, replyToId }: Activity, { tenant }: TeamsAccount): Place {
  const { container, thread } = splitConversation(conversation.id);
  const channel = conversation.conversationType === 'channel';
  // The first message of a channel's thread is its root; Teams names the thread from the second on, as a rule.
  const root = thread === '' && channel ? ((type === 'message' ? id : replyToId) ?? '') : thread;
  return {
    platform: 'teams',
    tenant,
    container,
    thread: root,
    direct: conversation.conversationType === 'personal',
  };
}

/** The words that Teams says mention us. */
function mentionsOf({ entities, recipient }: Activity): string[] {
  return (entities ?? []).flatMap((entity) => {
    const mention = Mention.safeParse(entity).data;
    return mention?.mentioned.id === recipient.id ? [mention.text ?? ''] : [];
  });
}
