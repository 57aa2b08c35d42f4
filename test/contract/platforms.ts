/** What each platform has, as data: what the suite may leave out there and why, and what stands beside the rules. */
import type { RuleId } from './rules.ts';

export type PlatformName = 'Slack' | 'Teams' | 'Workspace';

/** A rule that a platform cannot or does not yet keep, with the reason that the table shows. */
export type Exception = { rule: RuleId; why: string };

export type Declaration = {
  /** What the suite talks to. */
  through: string;
  exceptions: readonly Exception[];
};

export const PLATFORMS: Readonly<Record<PlatformName, Declaration>> = {
  Slack: {
    through: 'signed HTTP deliveries and the Web API of a pretended Slack',
    exceptions: [],
  },
  Teams: {
    through: 'activities with tokens of a real issuer and the REST API of a pretended Bot Connector',
    exceptions: [],
  },
  Workspace: {
    through: 'sign-in at a real OpenID Connect provider and the HTTP API of our pages',
    exceptions: [
      {
        rule: 'answered-shared',
        why: 'a conversation in the workspace is one person’s; several people meet on a request’s page',
      },
      {
        rule: 'mention-alone',
        why: 'a conversation in the workspace is one person’s; several people meet on a request’s page',
      },
      {
        rule: 'mention-refused-alone',
        why: 'a conversation in the workspace is one person’s; several people meet on a request’s page',
      },
      {
        rule: 'missing-argument-shared',
        why: 'a conversation in the workspace is one person’s; several people meet on a request’s page',
      },
      {
        rule: 'handed-over-by-mention',
        why: 'there are no mentions in the workspace; the button lists everybody, and the command takes names and ids',
      },
      {
        rule: 'foreign-form',
        why: 'a conversation in the workspace is one person’s; several people meet on a request’s page',
      },
      { rule: 'answered-elsewhere', why: 'nobody can take the assistant out of its own pages' },
      { rule: 'place-lost', why: 'nobody can take the assistant out of its own pages' },
      { rule: 'message-edited', why: 'nothing that was said can be edited on a page' },
      { rule: 'card-deleted', why: 'nothing can be deleted from a page' },
    ],
  },
};

/** `yes`, or why not. */
type Has = true | string;

/** Beside the rules: what one platform offers and another does differently or not yet. */
export const OFFERS: readonly ({ what: string } & Record<PlatformName, Has>)[] = [
  {
    what: 'Cards follow while a request runs',
    Slack: true,
    Teams: true,
    Workspace: true,
  },
  {
    what: 'Buttons are those of the person who looks',
    Slack:
      'in direct messages and on the Home tab; a channel’s card is the same for all, and buttons are never authority',
    Teams:
      'in conversations of up to 60 members, where Teams asks for each one’s view by itself; in larger ones after Refresh, or in one’s own chat, as the card that all see has no buttons to decide',
    Workspace: true,
  },
  {
    what: 'A form shows an error at its field',
    Slack: true,
    Teams: true,
    Workspace: 'the browser checks each field; what else is wrong is answered in words',
  },
  {
    what: 'Answers that only one person sees, where others read along',
    Slack: true,
    Teams: 'as the answer to a press; what comes too late for that, in their own chat',
    Workspace: 'not needed: every page is one person’s',
  },
  {
    what: 'My requests and what waits for me, in one place',
    Slack: true,
    Teams: 'one card, by the word home',
    Workspace: true,
  },
  {
    what: 'Words beside a thumb on an answer',
    Slack: 'its thumbs ask for none; Report does',
    Teams: true,
    Workspace: true,
  },
  {
    what: 'Streamed answers of a model',
    Slack: 'in direct messages; in channels an answer comes when it is complete',
    Teams:
      'in personal chats; in groups and channels, where Teams takes none, an answer comes when it is complete',
    Workspace: true,
  },
  {
    what: 'Stop what is being planned, by a control of the platform',
    Slack: true,
    Teams:
      'on an answer that grows, and only that is dropped; what waits for a decision is cancelled on its card',
    Workspace: true,
  },
];

export const exceptionOf = (platform: PlatformName, rule: RuleId): string | null =>
  PLATFORMS[platform].exceptions.find((it) => it.rule === rule)?.why ?? null;
