/**
 * What this adapter asks Slack for, in one place: the code registers from these lists and a test compares
 * `manifest.json` with them, so that the app never asks for more than it uses.
 */
import { DecisionKind } from '../../src/model/turn.ts';

/** Events, interactivity and slash commands all arrive here. */
export const ENDPOINT = '/slack/events';
export const COMMAND = '/countersign';
/** A button's `action_id` is the decision itself; its value is the opaque id of the rendering and nothing else. */
export const BUTTONS: readonly DecisionKind[] = DecisionKind.options;

/** As subscribed in the manifest; `type` is what the event calls itself (`message.im` arrives as `message`). */
export const EVENTS = [
  { subscription: 'message.im', type: 'message', scope: 'im:history' },
  { subscription: 'app_mention', type: 'app_mention', scope: 'app_mentions:read' },
] as const;

export const METHODS = [
  { method: 'auth.test', scope: null },
  { method: 'chat.postMessage', scope: 'chat:write' },
  { method: 'chat.update', scope: 'chat:write' },
  { method: 'conversations.open', scope: 'im:write' },
] as const;

/** What the manifest's features need besides. `agent_view` may not be declared without `assistant:write`. */
export const FEATURES = [
  { feature: 'slash_commands', scope: 'commands' },
  { feature: 'agent_view', scope: 'assistant:write' },
] as const;

/** Every bot scope, each once, in alphabetical order. */
export const SCOPES: readonly string[] = [
  ...new Set([...EVENTS, ...METHODS, ...FEATURES].flatMap(({ scope }) => (scope === null ? [] : [scope]))),
].sort();
