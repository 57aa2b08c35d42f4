import { z } from 'zod';
import { MessageId, type PrincipalId, RenderingId, type RequestId, type ThreadId, TurnId } from './ids.ts';
import { Account, Platform } from './principal.ts';

/**
 * Where a thread lives on its platform. `container` is a Slack channel, a Teams conversation or, on the web,
 * the owner's id; `thread` is the thread's root there (a Slack `thread_ts`, a web thread's id).
 * `direct` is true where only the person and the assistant read.
 */
export const Place = z.strictObject({
  platform: Platform,
  tenant: z.string(),
  container: z.string(),
  thread: z.string(),
  direct: z.boolean(),
});
export type Place = z.infer<typeof Place>;

export const DecisionKind = z.enum(['confirm', 'approve', 'deny', 'cancel']);
export type DecisionKind = z.infer<typeof DecisionKind>;

/**
 * The longest message that we take, in UTF-16 code units. About four dense pages: more than anybody types, less
 * than a pasted log, which belongs into a file. The limit also bounds every scan that follows.
 */
export const MESSAGE_MAX_CHARACTERS = 12_000;

/** What came in. A typed command is a `message` that parses as one; a submitted form is its own confirmation. */
export const Content = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('message'),
    text: z.string(),
    /** Forwarded or quoted text that the platform tells apart; always labelled `fetched`. */
    fetched: z.array(z.string()).default([]),
    /** Whom its words name, as the platform vouches for: `words` as they stand in `text`. Absent: nobody. */
    mentions: z.array(z.strictObject({ words: z.string(), account: Account })).optional(),
    /** How many files came with it; absent: none. Nobody opens them, and their names are not read either. */
    files: z.int().positive().optional(),
  }),
  z.strictObject({
    kind: z.literal('form'),
    action: z.string(),
    arguments: z.record(z.string(), z.unknown()),
    /** The message of ours in which it stands; absent where somebody opened it by themselves. */
    message: MessageId.optional(),
  }),
  z.strictObject({
    kind: z.literal('decision'),
    rendering: RenderingId,
    decision: DecisionKind,
    reason: z.string().optional(),
  }),
  /** A press of what a card offers besides deciding, by what was seen there. A press is its own confirmation, but for an action from outside. */
  z.strictObject({ kind: z.literal('undo'), rendering: RenderingId }),
  /** What became of a request whose outcome is unknown, by somebody who looked. */
  z.strictObject({ kind: z.literal('resolve'), rendering: RenderingId, as: z.enum(['succeeded', 'failed']) }),
  z.strictObject({ kind: z.literal('report'), rendering: RenderingId, words: z.string() }),
  /** `to`: whom somebody chose among those to whom it may be handed over, by the directory's id; untrusted, empty where nobody. */
  z.strictObject({ kind: z.literal('delegate'), rendering: RenderingId, to: z.string() }),
  /** The form that changes a pending request, as sent; it changes nothing but what was seen. */
  z.strictObject({
    kind: z.literal('edit'),
    rendering: RenderingId,
    arguments: z.record(z.string(), z.unknown()),
  }),
  /** A message that sent a one-time code, made so at the door: of the code only its hash is kept (SHA-256, hexadecimal). */
  z.strictObject({ kind: z.literal('link'), codeHash: z.string() }),
  /** Somebody edited the message that this turn was made of, after it was taken in; of the new wording nothing is kept. */
  z.strictObject({ kind: z.literal('edited'), turn: TurnId }),
  /** The way to a person is open, as by installing an app: they are told what this is. */
  z.strictObject({ kind: z.literal('arrival') }),
]);
export type Content = z.infer<typeof Content>;

/** What is said in a conversation, and stands there; all other content is pressed or happens. */
export type Spoken = Extract<Content, { kind: 'message' | 'form' }>;
export const isSpoken = (content: Content): content is Spoken =>
  content.kind === 'message' || content.kind === 'form';

/** Kinds that a person presses on a card: what became of it concerns whoever pressed. */
export const PRESSES: readonly Content['kind'][] = [
  'decision',
  'undo',
  'resolve',
  'report',
  'delegate',
  'edit',
];

/**
 * One inbound event, verified and parsed by an adapter, before anybody is identified.
 * `key` is the platform's own unique key for the delivery; the same key is accepted once, ever.
 */
export const Delivery = z.strictObject({
  key: z.string().min(1).max(300),
  account: Account,
  place: Place,
  content: Content,
});
export type Delivery = z.infer<typeof Delivery>;

/** A delivery once stored: what the pipeline works on until it is answered. */
export type Turn = {
  id: TurnId;
  thread: ThreadId;
  place: Place;
  account: Account;
  content: Content;
  /** Set when the directory has identified the account. */
  principal: PrincipalId | null;
  receivedAt: Date;
};

/** How a turn ended, for whoever waits for it. */
export type TurnOutcome = {
  turn: TurnId;
  thread: ThreadId;
  settled: boolean;
  reply: string;
  requests: RequestId[];
};
