/**
 * Verified bytes to a delivery, or to the reason why there is none. Pure and total: never throws, whatever came.
 * Who the person is and what they may do is decided elsewhere; this only reads what Slack vouches for.
 */
import { parse as parseForm } from 'node:querystring';
import type { Account } from '../../src/model/principal.ts';
import type { Content, Delivery } from '../../src/model/turn.ts';
import { mentionsIn, plainText, splitQuotes, withoutMention } from './inbound-text.ts';
import {
  type Interaction,
  type Read,
  readClick,
  readHappening,
  readShortcut,
  readSubmission,
} from './interactions.ts';
import { COMMAND, COMMAND_WORDS } from './needs.ts';
import { ChangedMessage, EventEnvelope, Handshake, MessageEvent, SlashCommand } from './payloads.ts';
import { wordsOfAttachments } from './quoted-words.ts';

/** Who we are in this workspace, from `auth.test`. */
export type Self = { team: string; botUser: string; bot: string };

export type IgnoredCode =
  | 'malformed'
  | 'unhandled'
  | 'bot_message'
  | 'subtype'
  | 'unchanged'
  | 'not_direct'
  | 'team_unknown'
  | 'not_ours'
  | 'empty';

/** A slash command has no message of its own: its place is made once the command is stored, as a direct message. */
export type CommandDelivery = { key: string; account: Account & { platform: 'slack' }; content: Content };

export type Parsed =
  | { kind: 'delivery'; delivery: Delivery; hasReplies: boolean }
  /** Somebody edited a message of theirs, known by the key under which it is delivered. */
  | { kind: 'edited'; message: string }
  | { kind: 'command'; command: CommandDelivery; text: string }
  | { kind: 'interaction'; interaction: Interaction }
  | { kind: 'handshake' }
  | { kind: 'ignored'; code: IgnoredCode };

/** Subtypes that are still a person's own words: with a file attached, or sent to the channel as well. */
const OWN_WORDS = new Set(['file_share', 'thread_broadcast']);
const HAPPENINGS = new Set(['app_home_opened', 'agent_session_stopped']);
export const FORM = 'application/x-www-form-urlencoded';
/** Slack's own reminders and notices. */
const SLACKBOT = 'USLACKBOT';
/** People that one message mentions, read at most. */
const MENTIONS_MAX = 20;

const ignored = (code: IgnoredCode): Parsed => ({ kind: 'ignored', code });

/** Reads a body as Slack encodes it: JSON, or a form whose `payload` is JSON. Undefined: it is neither. */
export function decodeBody(text: string, contentType: string | undefined): unknown {
  try {
    if (!isForm(contentType)) return JSON.parse(text);
    const form = parseForm(text);
    return typeof form.payload === 'string' ? JSON.parse(form.payload) : { ...form };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Commands and clicks come as forms; a parameter such as a charset changes nothing. */
export function isForm(contentType: string | undefined): boolean {
  return contentType?.split(';')[0]?.trim().toLowerCase() === FORM;
}

/** Slack asks whether the address is ours; that can be answered before we know who we are. */
export const isHandshake = (body: unknown): boolean => Handshake.safeParse(body).success;

/** What a decoded body means to us. */
export function parsePayload(body: unknown, self: Self): Parsed {
  if (isHandshake(body)) return { kind: 'handshake' };
  if (typeof body !== 'object' || body === null) return ignored('malformed');
  if ('command' in body) return parseCommand(body, self);
  switch ('type' in body ? body.type : undefined) {
    case 'event_callback':
      return parseEvent(body, self);
    case 'block_actions':
      return interaction(readClick(body));
    case 'view_submission':
      return interaction(readSubmission(body));
    case 'shortcut':
    case 'message_action':
      return interaction(readShortcut(body));
    default:
      return ignored('type' in body && typeof body.type === 'string' ? 'unhandled' : 'malformed');
  }
}

function parseEvent(body: object, self: Self): Parsed {
  const envelope = EventEnvelope.safeParse(body);
  if (!envelope.success) return ignored('malformed');
  const { type } = envelope.data.event;
  if (HAPPENINGS.has(type)) return interaction(readHappening(body));
  if (type !== 'message' && type !== 'app_mention') return ignored('unhandled');
  // Edits, deletions and joins have shapes of their own: told apart before the shape of a message is asked for.
  const { subtype, bot_id: bot } = envelope.data.event;
  if (bot !== undefined && bot !== null) return ignored('bot_message');
  if (subtype === 'message_changed') return parseChange(envelope.data, self);
  if (typeof subtype === 'string' && !OWN_WORDS.has(subtype)) return ignored('subtype');
  const event = MessageEvent.safeParse(envelope.data.event);
  if (!event.success) return ignored('malformed');
  return parseMessage(envelope.data, event.data, self);
}

/**
 * A message in a conversation with us reads otherwise now. Slack says so too where nobody edited anything: where it shows what a
 * link leads to, notes the language, or leaves a mark in the place of what was deleted.
 */
function parseChange({ team_id: team, event }: EventEnvelope, self: Self): Parsed {
  const changed = ChangedMessage.safeParse(event);
  if (!changed.success) return ignored('malformed');
  const { channel, message, previous_message: before } = changed.data;
  if (message.user === undefined) return ignored('malformed');
  if (message.bot_id !== undefined || isNobody(message.user, self)) return ignored('bot_message');
  if (message.subtype !== undefined && !OWN_WORDS.has(message.subtype)) return ignored('subtype');
  const isEdited = message.edited !== undefined && message.text !== before?.text;
  return isEdited ? { kind: 'edited', message: keyOf(team, channel, message.ts) } : ignored('unchanged');
}

const isNobody = (user: string, self: Self): boolean => user === self.botUser || user === SLACKBOT;

/** One message has one key, whichever events tell of it: an edited mention comes as a new event. */
const keyOf = (team: string, channel: string, ts: string): string => `slack:message:${team}:${channel}:${ts}`;

function parseMessage(envelope: EventEnvelope, event: MessageEvent, self: Self): Parsed {
  if (event.user === undefined) return ignored('malformed');
  if (isNobody(event.user, self)) return ignored('bot_message');
  const key = keyOf(envelope.team_id, event.channel, event.ts);
  if (event.edited !== undefined) return { kind: 'edited', message: key };
  const direct = event.channel.startsWith('D');
  // A mention inside a direct message arrives as a message too; only that one counts.
  if (direct !== (event.type === 'message')) return ignored('not_direct');
  const team = ownTeam(envelope, event);
  if (team === null) return ignored('team_unknown');
  const { own, quoted } = splitQuotes(withoutMention(event.text, self.botUser));
  const words = plainText(own);
  const fetched = [plainText(quoted), ...wordsOfAttachments(event.attachments ?? [])];
  const kept = fetched.filter((words) => words !== '');
  const files = event.files?.length ?? 0;
  const isBare = words === '' && kept.length === 0 && files === 0;
  if (isBare && direct) return ignored('empty');
  // Whoever mentions us and says nothing wants to know what to say.
  const text = isBare ? 'help' : words;
  const speaker = account(event.user, team, envelope.team_id, envelope.enterprise_id);
  return {
    kind: 'delivery',
    hasReplies: event.thread_ts !== undefined,
    delivery: {
      key,
      account: speaker,
      place: {
        platform: 'slack',
        tenant: envelope.team_id,
        container: event.channel,
        thread: event.thread_ts ?? event.ts,
        direct,
      },
      content: {
        kind: 'message',
        text,
        fetched: kept,
        ...mentioned(own, speaker),
        ...(files === 0 ? {} : { files }),
      },
    },
  };
}

/**
 * The sender's own workspace, not the channel's. In a channel shared with another company an event that does not
 * say whose employee spoke is nobody's.
 */
function ownTeam(envelope: EventEnvelope, event: MessageEvent): string | null {
  const said = new Set([event.user_team, event.source_team, event.team].filter((team) => team !== undefined));
  if (said.size > 1) return event.user_team ?? null;
  return [...said][0] ?? (envelope.is_ext_shared_channel === true ? null : envelope.team_id);
}

/** The organisation in the payload is the installation's; it is the person's only where their workspace is too. */
function account(user: string, team: string, installed: string, enterprise: string | undefined) {
  return {
    platform: 'slack' as const,
    enterprise: team === installed ? (enterprise ?? null) : null,
    team,
    user,
  };
}

/** Slack says who is mentioned, and not where they belong: to the speaker's workspace, or to nobody whom the directory knows. */
function mentioned(own: string, speaker: CommandDelivery['account']) {
  const mentions = mentionsIn(own)
    .slice(0, MENTIONS_MAX)
    .map(({ user, words }) => ({ words, account: { ...speaker, user } }));
  return mentions.length === 0 ? {} : { mentions };
}

function parseCommand(body: object, self: Self): Parsed {
  const command = SlashCommand.safeParse(body);
  if (!command.success) return ignored('malformed');
  const { command: name, text, user_id: user, team_id: team, enterprise_id, trigger_id } = command.data;
  if (name !== COMMAND) return ignored('not_ours');
  const typed = plainText(text.trim()) || 'help';
  const words = COMMAND_WORDS.get(typed.toLowerCase()) ?? typed;
  const speaker = account(user, team, self.team, enterprise_id);
  return {
    kind: 'command',
    text: typed,
    command: {
      key: `slack:trigger:${trigger_id}`,
      account: speaker,
      content: { kind: 'message', text: words, fetched: [], ...mentioned(text, speaker) },
    },
  };
}

function interaction(read: Read): Parsed {
  if (read === undefined) return ignored('malformed');
  return read === null ? ignored('not_ours') : { kind: 'interaction', interaction: read };
}
