/**
 * What people do besides writing: dialogs, shortcuts, the Home tab, the Stop button. Pure and total, as `parse.ts` is.
 * What comes back in a view was set by us or typed by the person; only Slack's own ids are believed.
 */
import type { z } from 'zod';
import { MessageId, RenderingId } from '../../src/model/ids.ts';
import type { Account } from '../../src/model/principal.ts';
import { DecisionKind, type Place } from '../../src/model/turn.ts';
import { ACTION_IDS, CALLBACKS, FIELD, FORM_VIEW } from './needs.ts';
import {
  type ChannelId,
  type Click,
  type EnterpriseId,
  FeedbackValue,
  Happening,
  HomeClick,
  MessageClick,
  Origin,
  Shortcut,
  type Submission,
  ViewSubmission,
} from './payloads.ts';
import { wordsOfMessage } from './quoted-words.ts';

export type Who = Account & { platform: 'slack' };
/** Where an answer goes; null: a thread must be made in the direct message. */
export type Where = Place | null;

/** `hasReplies`: somebody answered in the thread already in which it was pressed. */
export type Interaction = { who: Who; key: string; hasReplies?: true } & (
  | { kind: 'ask-form'; trigger: string; place: Place; message: MessageId }
  | { kind: 'ask-reason'; trigger: string; place: Where; rendering: RenderingId }
  | { kind: 'ask-choice'; trigger: string }
  | { kind: 'chosen'; action: string }
  | { kind: 'filled'; place: Where; action: string; values: Record<string, string>; message?: MessageId }
  | { kind: 'decided'; place: Where; rendering: RenderingId; decision: DecisionKind; reason?: string }
  | { kind: 'ask-edit'; trigger: string; place: Where; rendering: RenderingId }
  | { kind: 'edited'; place: Where; rendering: RenderingId; values: Record<string, string> }
  | { kind: 'ask-taker'; trigger: string; place: Where; rendering: RenderingId }
  | { kind: 'handed-over'; place: Where; rendering: RenderingId; to: string }
  | { kind: 'ask-report'; trigger: string; place: Where; rendering: RenderingId }
  | { kind: 'reported'; place: Where; rendering: RenderingId; words: string }
  | { kind: 'undone'; place: Where; rendering: RenderingId }
  | { kind: 'resolved'; place: Where; rendering: RenderingId; as: 'succeeded' | 'failed' }
  | { kind: 'quoted'; words: string[]; files: number }
  | { kind: 'feedback'; message: MessageId; positive: boolean }
  | { kind: 'home' }
  | { kind: 'opened'; channel: string }
  | { kind: 'stopped'; place: Place }
);

/** Null: a payload of this type that is not one of ours; undefined: malformed. */
export type Read = Interaction | null | undefined;

export function readClick(body: unknown): Read {
  const onHome = HomeClick.safeParse(body);
  const click = onHome.success ? onHome : MessageClick.safeParse(body);
  if (!click.success) return undefined;
  const { trigger_id: trigger, actions } = click.data;
  const [{ action_id: name, value }] = actions;
  const base = {
    who: whoOf(click.data),
    key: keyOf(click.data),
    ...(isAnswered(click.data) ? { hasReplies: true as const } : {}),
  };
  const place = 'channel_id' in click.data.container ? placeOf(click.data.container, click.data) : null;
  if (name === ACTION_IDS.feedback) return readFeedback(base, value);
  if (name === ACTION_IDS.newRequest)
    return trigger === undefined ? null : { ...base, kind: 'ask-choice', trigger };
  if (name === ACTION_IDS.form) {
    const message = MessageId.safeParse(value);
    return message.success && place !== null && trigger !== undefined
      ? { ...base, kind: 'ask-form', trigger, place, message: message.data }
      : null;
  }
  const rendering = RenderingId.safeParse(value);
  if (!rendering.success) return null;
  const pressed = { ...base, place, rendering: rendering.data };
  switch (name) {
    case ACTION_IDS.undo:
      return { ...pressed, kind: 'undone' };
    case ACTION_IDS.happened:
      return { ...pressed, kind: 'resolved', as: 'succeeded' };
    case ACTION_IDS.did_not_happen:
      return { ...pressed, kind: 'resolved', as: 'failed' };
    case ACTION_IDS.edit:
      return trigger === undefined ? null : { ...pressed, kind: 'ask-edit', trigger };
    case ACTION_IDS.hand_over:
      return trigger === undefined ? null : { ...pressed, kind: 'ask-taker', trigger };
    case ACTION_IDS.report:
      // Without a dialog it is reported without words.
      return trigger === undefined
        ? { ...pressed, kind: 'reported', words: '' }
        : { ...pressed, kind: 'ask-report', trigger };
  }
  const decision = DecisionKind.safeParse(name);
  if (!decision.success) return null;
  return decision.data === 'deny' && trigger !== undefined
    ? { ...pressed, kind: 'ask-reason', trigger }
    : { ...pressed, kind: 'decided', decision: decision.data };
}

/** Slack names the thread of a reply, and of a root only once it has replies. */
const isAnswered = ({ container }: Click): boolean =>
  'channel_id' in container && container.thread_ts !== undefined;

/** By its trigger; where there is none, by message, moment and person. */
function keyOf({ trigger_id, container, actions: [{ action_ts }], user }: Click): string {
  if (trigger_id !== undefined) return `slack:trigger:${trigger_id}`;
  const at = 'channel_id' in container ? `${container.channel_id}:${container.message_ts}` : 'home';
  return `slack:click:${at}:${action_ts}:${user.id}`;
}

function readFeedback(base: { who: Who; key: string; hasReplies?: true }, value: string): Read {
  const read = FeedbackValue.safeParse(value);
  return read.success ? { ...base, kind: 'feedback', ...read.data } : null;
}

export function readSubmission(body: unknown): Read {
  const read = ViewSubmission.safeParse(body);
  if (!read.success) return undefined;
  const { view } = read.data;
  const base = { who: whoOf(read.data), key: `slack:view:${view.id}` };
  const values = valuesOf(read.data);
  if (view.callback_id === CALLBACKS.choice) {
    const action = values.action;
    return action === undefined ? null : { ...base, kind: 'chosen', action };
  }
  const origin = Origin.safeParse(view.private_metadata);
  if (!origin.success) return null;
  const { container, thread, rendering, message } = origin.data;
  const place =
    container === undefined ? null : placeOf({ channel_id: container, thread_ts: thread ?? '' }, read.data);
  if (view.callback_id === CALLBACKS.reason && rendering !== undefined) {
    const reason = values.reason?.trim() ?? '';
    return {
      ...base,
      kind: 'decided',
      place,
      rendering,
      decision: 'deny',
      ...(reason === '' ? {} : { reason }),
    };
  }
  if (view.callback_id === CALLBACKS.edit && rendering !== undefined)
    return { ...base, kind: 'edited', place, rendering, values };
  if (view.callback_id === CALLBACKS.handOver && rendering !== undefined)
    return { ...base, kind: 'handed-over', place, rendering, to: values.to ?? '' };
  if (view.callback_id === CALLBACKS.report && rendering !== undefined)
    return { ...base, kind: 'reported', place, rendering, words: values.words?.trim() ?? '' };
  if (!view.callback_id.startsWith(FORM_VIEW)) return null;
  const action = view.callback_id.slice(FORM_VIEW.length);
  return { ...base, kind: 'filled', place, action, values, ...(message === undefined ? {} : { message }) };
}

/** What stands in each field, by its name; an empty one is an absent one. */
function valuesOf({ view }: Submission): Record<string, string> {
  const entries = Object.entries(view.state.values).flatMap(([block, inputs]): [string, string][] => {
    const [input] = Object.values(inputs);
    const value = input?.selected_option?.value ?? input?.value;
    return block.startsWith(FIELD) && value !== undefined && value !== ''
      ? [[block.slice(FIELD.length), value]]
      : [];
  });
  return Object.fromEntries(entries);
}

export function readShortcut(body: unknown): Read {
  const read = Shortcut.safeParse(body);
  if (!read.success) return undefined;
  const { callback_id: name, trigger_id: trigger, message } = read.data;
  const base = { who: whoOf(read.data), key: `slack:trigger:${trigger}` };
  if (name === CALLBACKS.newRequest) return { ...base, kind: 'ask-choice', trigger };
  if (name !== CALLBACKS.quote || message === undefined) return null;
  const { text = '', bot_id, attachments = [], blocks = [], files = [] } = message;
  const words = wordsOfMessage({ text, isByApp: bot_id !== undefined, attachments, blocks });
  return { ...base, kind: 'quoted', words, files: files.length };
}

/** Events that are no message. */
export function readHappening(body: unknown): Read {
  const read = Happening.safeParse(body);
  if (!read.success) return undefined;
  const { event, event_id, team_id: team, enterprise_id } = read.data;
  const who: Who = { platform: 'slack', enterprise: enterprise_id ?? null, team, user: event.user };
  const base = { who, key: `slack:event:${event_id}` };
  if (event.type === 'app_home_opened')
    return event.tab === 'home'
      ? { ...base, kind: 'home' }
      : { ...base, kind: 'opened', channel: event.channel };
  const place = { channel_id: event.channel, thread_ts: event.thread_ts };
  return { ...base, kind: 'stopped', place: placeIn(place, team) };
}

type Placed = { channel_id: z.output<typeof ChannelId>; thread_ts?: string | undefined };
type From = {
  user: { id: string; team_id: string };
  team?: { id: string; enterprise_id?: string | undefined } | undefined;
  enterprise?: { id: z.output<typeof EnterpriseId> } | undefined;
};

/** The organisation is the person's only where their workspace is the one that it was said of. */
function whoOf({ user, team, enterprise }: From): Who {
  const installed = team?.id ?? user.team_id;
  const org = enterprise?.id ?? team?.enterprise_id ?? null;
  return {
    platform: 'slack',
    enterprise: user.team_id === installed ? org : null,
    team: user.team_id,
    user: user.id,
  };
}

function placeOf(at: Placed & { message_ts?: string }, { user, team }: From): Place {
  const thread = at.thread_ts ?? at.message_ts ?? '';
  return placeIn({ channel_id: at.channel_id, thread_ts: thread }, team?.id ?? user.team_id);
}

function placeIn({ channel_id: container, thread_ts }: Placed, tenant: string): Place {
  return { platform: 'slack', tenant, container, thread: thread_ts ?? '', direct: container.startsWith('D') };
}
