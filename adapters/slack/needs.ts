/**
 * What this adapter asks Slack for, in one place: the code registers from these lists and a test compares
 * `manifest.json` with them, so that the app never asks for more than it uses.
 */
import { DecisionKind } from '../../src/model/turn.ts';

/** Events, interactivity and slash commands all arrive here. */
export const ENDPOINT = '/slack/events';
export const COMMAND = '/countersign';
/** The command's own short words, and what each is in a conversation; anything else is what somebody needs. */
export const COMMAND_WORDS: ReadonlyMap<string, string> = new Map([
  ['help', 'help'],
  ['status', 'my requests'],
  ['kill', 'kill status'],
  ['whoami', 'whoami'],
]);
/** As in the manifest: what is typed must arrive escaped, as messages do, and be taken apart in one way. */
export const COMMAND_SETTINGS = {
  usage_hint: `[${['what you need', ...COMMAND_WORDS.keys()].join(' | ')}]`,
  should_escape: true,
} as const;
/** Both tabs are there, and people can write in theirs. */
export const HOME_SETTINGS = {
  home_tab_enabled: true,
  messages_tab_enabled: true,
  messages_tab_read_only_enabled: false,
} as const;
/** What stands there before we know who looks; pressed, one is sent as it is, and is understood without a model. */
export const PROMPTS = [
  { title: 'What can you do?', message: 'help' },
  { title: 'Where do my requests stand?', message: 'my requests' },
  { title: 'Open a ticket', message: 'ticket create' },
] as const;
/** What is pressed besides decisions, each with an opaque id as its value. */
export const ACTION_IDS = {
  form: 'form',
  feedback: 'feedback',
  newRequest: 'new_request',
  edit: 'edit',
  hand_over: 'hand_over',
  undo: 'undo',
  happened: 'happened',
  did_not_happen: 'did_not_happen',
  report: 'report',
} as const;
/** A decision's button is called as the decision is; its value is the opaque id of the rendering and nothing else. */
export const BUTTONS: readonly string[] = [...DecisionKind.options, ...Object.values(ACTION_IDS)];
/** Dialogs and shortcuts; a form's dialog is called `form:` and its action. */
export const CALLBACKS = {
  reason: 'reason',
  edit: 'edit',
  handOver: 'hand_over',
  report: 'report',
  choice: 'choice',
  newRequest: 'new_request',
  quote: 'ticket_from_message',
} as const;
export const FORM_VIEW = 'form:';
/** An input's block is called `field:` and the field. */
export const FIELD = 'field:';
/** As declared in the manifest. */
export const SHORTCUTS = [
  { callback: CALLBACKS.newRequest, type: 'global' },
  { callback: CALLBACKS.quote, type: 'message' },
] as const;

/** As subscribed in the manifest; `type` is what the event calls itself (`message.im` arrives as `message`). */
export const EVENTS = [
  { subscription: 'message.im', type: 'message', scope: 'im:history' },
  { subscription: 'app_mention', type: 'app_mention', scope: 'app_mentions:read' },
  { subscription: 'app_home_opened', type: 'app_home_opened', scope: null },
  { subscription: 'agent_session_stopped', type: 'agent_session_stopped', scope: null },
] as const;

export const METHODS = [
  { method: 'auth.test', scope: null },
  { method: 'chat.postMessage', scope: 'chat:write' },
  { method: 'chat.update', scope: 'chat:write' },
  { method: 'chat.postEphemeral', scope: 'chat:write' },
  { method: 'chat.startStream', scope: 'chat:write' },
  { method: 'chat.appendStream', scope: 'chat:write' },
  { method: 'chat.stopStream', scope: 'chat:write' },
  { method: 'conversations.open', scope: 'im:write' },
  { method: 'views.open', scope: null },
  { method: 'views.publish', scope: null },
  { method: 'assistant.threads.setSuggestedPrompts', scope: 'assistant:write' },
  { method: 'agents.sessions.setStatus', scope: 'chat:write' },
] as const;

/**
 * Asked only where people link accounts of their own, and in no manifest of ours: an operator who wants that adds the scope. Without it
 * Slack refuses, and nothing is linked.
 */
export const LINKING = [{ method: 'users.info', scope: 'users:read' }] as const;

/** What the manifest's features need besides. `agent_view` may not be declared without `assistant:write`. */
export const FEATURES = [
  { feature: 'slash_commands', scope: 'commands' },
  { feature: 'shortcuts', scope: 'commands' },
  { feature: 'app_home', scope: null },
  { feature: 'agent_view', scope: 'assistant:write' },
] as const;

/** Every bot scope, each once, in alphabetical order. */
export const SCOPES: readonly string[] = [
  ...new Set([...EVENTS, ...METHODS, ...FEATURES].flatMap(({ scope }) => (scope === null ? [] : [scope]))),
].sort();
