/** The Web API: each method checks what Slack checks, in Slack's order, and answers in Slack's words. */
import { checkBlocks, checkHome, checkModal, type SlackBlock } from './block-schema.ts';
import { appendStream, isStreaming, startStream, stopStream } from './streaming.ts';
import { BOT_ID, BOT_USER, type FakeMessage, TEAM, type Workspace } from './workspace.ts';

export type Args = Readonly<Record<string, unknown>>;
export type Answer = Record<string, unknown>;
type Method = { scope: string | null; run: (args: Args, workspace: Workspace) => Answer };

const POST_TEXT_MAX = 40_000;
const UPDATE_TEXT_MAX = 4_000;

const error = (code: string, why?: string): Answer => ({ ok: false, error: code, ...(why ? { why } : {}) });

export const METHODS: Readonly<Record<string, Method>> = {
  // Answered by the fake itself: it takes the app's own token, and what it opens is no part of the workspace.
  'apps.connections.open': { scope: null, run: () => error('not_allowed_token_type') },
  'auth.test': {
    scope: null,
    run: () => ({ ok: true, team_id: TEAM, user_id: BOT_USER, bot_id: BOT_ID, url: 'https://acme.example/' }),
  },
  'chat.postMessage': { scope: 'chat:write', run: post },
  'chat.postEphemeral': { scope: 'chat:write', run: whisper },
  'chat.startStream': { scope: 'chat:write', run: startStream },
  'chat.appendStream': { scope: 'chat:write', run: appendStream },
  'chat.stopStream': { scope: 'chat:write', run: stopStream },
  'chat.update': { scope: 'chat:write', run: update },
  'conversations.open': { scope: 'im:write', run: open },
  'views.open': { scope: null, run: openView },
  'views.publish': {
    scope: null,
    run: (args, workspace) => {
      const home = checkHome(structured(args.view));
      if (!workspace.users.has(String(args.user_id))) return error('user_not_found');
      if (home === null) return error('invalid_arguments');
      workspace.homes.set(String(args.user_id), home);
      workspace.touch();
      return { ok: true };
    },
  },
  'assistant.threads.setSuggestedPrompts': {
    scope: 'assistant:write',
    run: (args, workspace) => {
      const prompts = structured(args.prompts);
      if (!Array.isArray(prompts) || prompts.length > 4) return error('invalid_arguments');
      // With a thread Slack says yes and shows nothing.
      if (args.thread_ts === undefined) workspace.prompts.set(String(args.channel_id), prompts);
      workspace.touch();
      return { ok: true };
    },
  },
  'agents.sessions.setStatus': {
    scope: 'chat:write',
    run: (args, workspace) => {
      if (!['active', 'processing', 'suspended', 'closed'].includes(String(args.status)))
        return error('invalid_arguments');
      const channel = workspace.channels.get(String(args.channel_id));
      if (channel === undefined) return error('channel_not_found');
      if (!channel.members.has(BOT_USER)) return error('not_in_channel');
      // A session is a thread's, in a channel as in a direct message, and is named by its root.
      const root = workspace.find(channel.id, String(args.thread_ts));
      if (root === undefined || root.thread !== null) return error('thread_not_found');
      workspace.sessions.set(`${channel.id} ${root.ts}`, String(args.status));
      workspace.touch();
      return { ok: true };
    },
  },
  'users.info': {
    scope: 'users:read',
    run: (args, workspace) => {
      const user = workspace.users.get(String(args.user));
      if (user === undefined) return error('user_not_found');
      const { id, team, name, guest, described } = user;
      const isStranger = team !== TEAM;
      return {
        ok: true,
        user: {
          id,
          team_id: team,
          name,
          real_name: `${name} of Slack`,
          deleted: false,
          is_bot: id === BOT_USER,
          is_restricted: guest,
          is_ultra_restricted: false,
          ...(isStranger ? { is_stranger: true } : {}),
          ...described,
        },
      };
    },
  },
};

function post(args: Args, workspace: Workspace): Answer {
  const target = String(args.channel ?? '');
  const id = workspace.users.has(target) ? workspace.directWith(target) : target;
  const channel = workspace.channels.get(id);
  if (channel === undefined) return error('channel_not_found');
  if (channel.archived) return error('is_archived');
  if (!channel.members.has(BOT_USER)) return error('not_in_channel');
  const content = contentOf(args, POST_TEXT_MAX);
  if ('error' in content) return content;
  const thread = args.thread_ts === undefined ? null : String(args.thread_ts);
  const root = thread === null ? null : workspace.find(id, thread);
  // Slack takes a thread only by its root.
  if (root === undefined || (root !== null && root.thread !== null)) return error('thread_not_found');
  const { ts } = workspace.add({ channel: id, thread, user: BOT_USER, ...content });
  return { ok: true, channel: id, ts, message: { ts, text: content.text } };
}

function whisper(args: Args, workspace: Workspace): Answer {
  const channel = workspace.channels.get(String(args.channel ?? ''));
  if (channel === undefined) return error('channel_not_found');
  const user = String(args.user);
  if (!channel.members.has(BOT_USER)) return error('not_in_channel');
  if (!channel.members.has(user)) return error('user_not_in_channel');
  const content = contentOf(args, POST_TEXT_MAX);
  if ('error' in content) return content;
  const thread = args.thread_ts === undefined ? null : String(args.thread_ts);
  // Slack says yes, and shows what is said in a thread only where that is active already.
  if (thread === null || workspace.hasReplies(channel.id, thread))
    workspace.whispers.push({ channel: channel.id, user, thread, ...content });
  workspace.touch();
  return { ok: true, message_ts: workspace.nextTs() };
}

function openView(args: Args, workspace: Workspace): Answer {
  const trigger = String(args.trigger_id);
  const given = workspace.triggers.get(trigger);
  // Good for three seconds and one dialog.
  if (given === undefined || workspace.clockMs > given.lateMs) return error('expired_trigger_id');
  const { user } = given;
  workspace.triggers.delete(trigger);
  const view = checkModal(structured(args.view));
  if (view === null) return error('invalid_arguments');
  const id = `V${String(workspace.views.length + 1).padStart(8, '0')}`;
  workspace.views.push({ id, user, view });
  workspace.touch();
  return { ok: true, view: { id } };
}

function update(args: Args, workspace: Workspace): Answer {
  const id = String(args.channel ?? '');
  if (!workspace.channels.has(id)) return error('channel_not_found');
  const message = workspace.find(id, String(args.ts ?? ''));
  if (message === undefined) return error('message_not_found');
  if (message.user !== BOT_USER) return error('cant_update_message');
  if (isStreaming(workspace, message)) return error('streaming_state_conflict');
  const content = contentOf(args, UPDATE_TEXT_MAX);
  if ('error' in content) return content;
  workspace.rewrite(message, content);
  return { ok: true, channel: id, ts: message.ts, text: content.text };
}

function open(args: Args, workspace: Workspace): Answer {
  const user = workspace.users.get(String(args.users ?? ''));
  if (user === undefined || user.team !== TEAM) return error('user_not_found');
  if (user.id === BOT_USER) return error('cannot_dm_bot');
  return { ok: true, channel: { id: workspace.directWith(user.id) } };
}

function contentOf(
  args: Args,
  max: number,
): Pick<FakeMessage, 'text' | 'blocks'> | { ok: false; error: string } {
  const refuse = (code: string, why?: string) => error(code, why) as { ok: false; error: string };
  // Without it notifications and screen readers have nothing to say; Slack warns, we refuse.
  if (typeof args.text !== 'string' || args.text === '') return refuse('no_text');
  if (args.text.length > max) return refuse('msg_too_long');
  const raw = typeof args.blocks === 'string' ? parseJson(args.blocks) : (args.blocks ?? []);
  const checked = checkBlocks(raw);
  if (!checked.ok) return refuse(checked.error, checked.why);
  return { text: args.text, blocks: checked.blocks as SlackBlock[] };
}

const structured = (value: unknown): unknown => (typeof value === 'string' ? parseJson(value) : value);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (problem) {
    if (problem instanceof SyntaxError) return null;
    throw problem;
  }
}
