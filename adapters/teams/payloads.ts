/** Activities of Teams as far as we rely on them; everything else in them is dropped unread. */
import { z } from 'zod';

/** Entra's ids, in lower case so that one person or tenant has one spelling. */
export const Guid = z
  .string()
  .regex(/^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$/)
  .toLowerCase();
/** Opaque ids of conversations, messages and accounts; bounded, and without what would break a key of ours. */
const Opaque = z.string().regex(/^[\x21-\x7e]{1,400}$/);
/** Teams leaves out, or sends null or an empty string for, what there is not. */
const absent = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === '' || value === null ? undefined : value), schema.optional());

export const Mention = z.object({
  type: z.literal('mention'),
  text: absent(z.string()),
  mentioned: z.object({ id: z.string(), aadObjectId: absent(Guid) }),
});
export const HtmlAttachment = z.object({ contentType: z.literal('text/html'), content: z.string() });

/**
 * What came with a message besides words: a file of a personal chat, a picture in the text. Counted, and never looked into
 * (learn.microsoft.com, "Send and receive files from a Teams bot").
 */
export const FileAttachment = z.object({
  contentType: z.string().regex(/^(?:application\/vnd\.microsoft\.teams\.file\.|image\/|audio\/|video\/)/),
});

export const Activity = z.object({
  type: z.string(),
  id: absent(Opaque),
  name: absent(z.string()),
  channelId: z.string(),
  serviceUrl: z.url().max(500),
  timestamp: absent(z.string().max(60)),
  from: z.object({ id: Opaque, aadObjectId: absent(Opaque.toLowerCase()), role: absent(z.string()) }),
  recipient: z.object({ id: Opaque }),
  conversation: z.object({
    id: Opaque,
    conversationType: absent(z.string()),
    tenantId: absent(z.string()),
  }),
  channelData: absent(
    z.object({
      tenant: absent(z.object({ id: absent(z.string()) })),
      /** Of a `messageUpdate`: what happened to the message. */
      eventType: absent(z.string()),
    }),
  ),
  text: absent(z.string()),
  /** Read one by one: a shape that we do not know must not cost the person their message. */
  entities: absent(z.array(z.unknown())),
  attachments: absent(z.array(z.unknown())),
  value: absent(z.unknown()),
  replyToId: absent(Opaque),
  /** Of a `conversationUpdate`. */
  membersAdded: absent(z.array(z.object({ id: Opaque }))),
  membersRemoved: absent(z.array(z.object({ id: Opaque }))),
  /** Of an `installationUpdate`: `add`, `remove` and their kin. */
  action: absent(z.string()),
});
export type Activity = z.infer<typeof Activity>;

/** What our own buttons send, as far as anybody may choose it: checked again like everything else. */
export const ButtonData = z.record(z.string(), z.unknown());
/** `adaptiveCard/action`: a press of Action.Execute, or Teams asking for a person's own view of a card. */
export const CardAction = z.object({
  action: z.object({ type: z.literal('Action.Execute'), verb: z.string(), data: absent(ButtonData) }),
});
/** `message/submitAction`: thumbs up or down below an answer by the model. */
export const FeedbackAction = z.object({
  actionName: z.literal('feedback'),
  actionValue: z.object({ reaction: z.enum(['like', 'dislike']), feedback: absent(z.string()) }),
});
/** What people write beside their thumb, as JSON inside of JSON. */
export const FeedbackWords = z.object({ feedbackText: z.string() });
