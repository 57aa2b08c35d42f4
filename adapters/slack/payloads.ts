/** Slack's payloads as far as we rely on them; everything else in them is dropped unread. */
import { z } from 'zod';
import { MessageId, RenderingId } from '../../src/model/ids.ts';

const TeamId = z.string().regex(/^[TE][A-Z0-9]{1,30}$/);
export const EnterpriseId = z.string().regex(/^E[A-Z0-9]{1,30}$/);
const UserId = z.string().regex(/^[UW][A-Z0-9]{1,30}$/);
export const ChannelId = z.string().regex(/^[CDG][A-Z0-9]{1,30}$/);
/** A message's id within its channel, e.g. `1767225600.000100`. */
const Ts = z.string().regex(/^[0-9]{1,12}\.[0-9]{1,9}$/);
const EventId = z.string().regex(/^[A-Za-z0-9_.:-]{1,100}$/);
const TriggerId = z.string().regex(/^[A-Za-z0-9_.:-]{1,200}$/);
/** Slack leaves out, sends null or (in forms) an empty string for what there is not. */
const absent = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === '' || value === null ? undefined : value), schema.optional());

const Words = absent(z.string());
export const Attachment = z.object({
  pretext: Words,
  author_name: Words,
  title: Words,
  text: Words,
  fallback: Words,
  fields: absent(z.array(z.object({ title: Words, value: Words }))),
  blocks: absent(z.array(z.unknown())),
});
export type Attachment = z.infer<typeof Attachment>;

/** A `message` or `app_mention` event. */
export const MessageEvent = z.object({
  type: z.enum(['message', 'app_mention']),
  channel: ChannelId,
  channel_type: absent(z.string()),
  user: absent(UserId),
  text: z.string().default(''),
  ts: Ts,
  thread_ts: absent(Ts),
  subtype: absent(z.string()),
  bot_id: absent(z.string()),
  edited: absent(z.unknown()),
  team: absent(TeamId),
  user_team: absent(TeamId),
  source_team: absent(TeamId),
  /** Read one by one: a shape that we do not know must not cost the person their message. */
  attachments: absent(z.array(z.unknown())),
  /** Counted, and never looked into. */
  files: absent(z.array(z.unknown())),
});
export type MessageEvent = z.infer<typeof MessageEvent>;

/** What a `message` of the subtype `message_changed` says of the message as it reads now, and as it read before. */
export const ChangedMessage = z.object({
  channel: ChannelId,
  message: z.object({
    user: absent(UserId),
    text: z.string().default(''),
    ts: Ts,
    subtype: absent(z.string()),
    bot_id: absent(z.string()),
    edited: absent(z.unknown()),
  }),
  previous_message: absent(z.object({ text: z.string().default('') })),
});

export const EventEnvelope = z.object({
  type: z.literal('event_callback'),
  event_id: EventId,
  team_id: TeamId,
  enterprise_id: absent(EnterpriseId),
  is_ext_shared_channel: absent(z.boolean()),
  event: z.looseObject({ type: z.string() }),
});
export type EventEnvelope = z.infer<typeof EventEnvelope>;

export const SlashCommand = z.object({
  command: z.string(),
  text: z.string().default(''),
  user_id: UserId,
  team_id: TeamId,
  enterprise_id: absent(EnterpriseId),
  channel_id: ChannelId,
  trigger_id: TriggerId,
});
export type SlashCommand = z.infer<typeof SlashCommand>;

/** Who did it and where. `user.team_id` is the person's own workspace; `team` is where it happened. */
const from = {
  user: z.object({ id: UserId, team_id: TeamId }),
  team: absent(z.object({ id: TeamId, enterprise_id: absent(EnterpriseId) })),
  enterprise: absent(z.object({ id: EnterpriseId })),
};
const pressed = z.tuple([z.object({ action_id: z.string(), value: z.string(), action_ts: Ts })]);

/** A press of one of our buttons, in a message. */
export const MessageClick = z
  .object({
    type: z.literal('block_actions'),
    ...from,
    trigger_id: absent(TriggerId),
    container: z.object({
      type: z.literal('message'),
      message_ts: Ts,
      channel_id: ChannelId,
      thread_ts: absent(Ts),
    }),
    message: absent(z.object({ thread_ts: absent(Ts) })),
    actions: pressed,
  })
  .transform(({ message, container, ...rest }) => ({
    ...rest,
    container: { ...container, thread_ts: container.thread_ts ?? message?.thread_ts },
  }));

/** The same on the Home tab, which is no conversation. */
export const HomeClick = z.object({
  type: z.literal('block_actions'),
  ...from,
  trigger_id: absent(TriggerId),
  container: z.object({ type: z.literal('view') }),
  actions: pressed,
});

export type Click = z.infer<typeof MessageClick> | z.infer<typeof HomeClick>;

/** What a dialog holds besides what is typed: ids, so that its answer finds its place again. */
export const Origin = z
  .string()
  .transform((text, context) => {
    try {
      return text === '' ? {} : JSON.parse(text);
    } catch {
      context.addIssue('is no JSON');
      return z.NEVER;
    }
  })
  .pipe(
    z.strictObject({
      container: ChannelId.optional(),
      thread: Ts.optional(),
      rendering: RenderingId.optional(),
      message: MessageId.optional(),
    }),
  );
export type Origin = { container?: string; thread?: string; rendering?: RenderingId; message?: MessageId };

export const ViewSubmission = z.object({
  type: z.literal('view_submission'),
  ...from,
  view: z.object({
    id: z.string().regex(/^V[A-Z0-9]{1,30}$/),
    callback_id: z.string(),
    private_metadata: z.string().default(''),
    state: z.object({
      values: z.record(
        z.string(),
        z.record(
          z.string(),
          z.object({ value: absent(z.string()), selected_option: absent(z.object({ value: z.string() })) }),
        ),
      ),
    }),
  }),
});
export type Submission = z.infer<typeof ViewSubmission>;

/** `shortcut` from anywhere, `message_action` on a message. */
export const Shortcut = z.object({
  type: z.enum(['shortcut', 'message_action']),
  ...from,
  callback_id: z.string(),
  trigger_id: TriggerId,
  message: absent(
    z.object({
      text: absent(z.string()),
      bot_id: absent(z.string()),
      /** Read one by one, as those of an event. */
      attachments: absent(z.array(z.unknown())),
      blocks: absent(z.array(z.unknown())),
      /** Counted, and never looked into. */
      files: absent(z.array(z.unknown())),
    }),
  ),
});

/** Events that are no message. */
export const Happening = z.object({
  type: z.literal('event_callback'),
  event_id: EventId,
  team_id: TeamId,
  enterprise_id: absent(EnterpriseId),
  event: z.discriminatedUnion('type', [
    z.object({
      type: z.literal('app_home_opened'),
      user: UserId,
      channel: ChannelId,
      tab: z.enum(['home', 'messages']),
    }),
    z.object({ type: z.literal('agent_session_stopped'), user: UserId, channel: ChannelId, thread_ts: Ts }),
  ]),
});

/** `good` or `bad`, and the message that it is about. */
export const FeedbackValue = z
  .string()
  .regex(/^(?:good|bad):/)
  .transform((text) => ({ positive: text.startsWith('good:'), message: text.slice(text.indexOf(':') + 1) }))
  .pipe(z.object({ positive: z.boolean(), message: MessageId }));

/** `url_verification` when the endpoint is set up, `ssl_check` of the slash command; Bolt answers both. */
export const Handshake = z.union([
  z.object({ type: z.literal('url_verification'), challenge: z.string() }),
  z.object({ ssl_check: z.string() }),
]);
