/**
 * Streams of the Web API: chat.startStream, chat.appendStream, chat.stopStream as documented, and what developers report of a
 * message that is being streamed: chat.update is refused (`streaming_state_conflict`).
 */
import { z } from 'zod';
import { checkBlocks, type SlackBlock } from './block-schema.ts';
import type { Answer, Args } from './web-api.ts';
import { BOT_USER, type FakeMessage, type Workspace } from './workspace.ts';

/** Documented for text in chunks of tasks and plans; for markdown; and for blocks in all chunks of one stream. */
const TITLE_MAX = 256;
const MARKDOWN_MAX = 12_000;
const CHUNK_BLOCKS_MAX = 50;

const Chunk = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('markdown_text'), text: z.string().min(1).max(MARKDOWN_MAX) }),
  z.strictObject({ type: z.literal('plan_update'), title: z.string().min(1).max(TITLE_MAX) }),
  z.strictObject({
    type: z.literal('task_update'),
    id: z.string().min(1),
    title: z.string().min(1).max(TITLE_MAX),
    status: z.enum(['pending', 'in_progress', 'complete', 'error']),
    details: z.string().max(TITLE_MAX).optional(),
    output: z.string().max(TITLE_MAX).optional(),
  }),
  z.strictObject({ type: z.literal('blocks'), blocks: z.array(z.unknown()).min(1).max(CHUNK_BLOCKS_MAX) }),
]);

/** By message: how many blocks came in chunks. Only what is open is in here. */
const open = new WeakMap<Workspace, Map<string, number>>();
const streamsOf = (workspace: Workspace): Map<string, number> => {
  const known = open.get(workspace) ?? new Map<string, number>();
  open.set(workspace, known);
  return known;
};
const error = (code: string, why?: string): Answer => ({ ok: false, error: code, ...(why ? { why } : {}) });

export const isStreaming = (workspace: Workspace, { ts }: FakeMessage): boolean =>
  streamsOf(workspace).has(ts);

/** What is open in a thread; what `agent_session_stopped` names. */
export const streamsIn = (workspace: Workspace, channel: string, thread: string): string[] =>
  workspace
    .messages(channel)
    .filter((message) => message.thread === thread && isStreaming(workspace, message))
    .map(({ ts }) => ts);

/** Slack ends by itself what has not grown for a while. */
export function timeOut(workspace: Workspace): void {
  streamsOf(workspace).clear();
}

export function startStream(args: Args, workspace: Workspace): Answer {
  const channel = workspace.channels.get(String(args.channel ?? ''));
  if (channel === undefined) return error('channel_not_found');
  if (channel.archived) return error('is_archived');
  if (!channel.direct && args.recipient_team_id === undefined) return error('missing_recipient_team_id');
  if (!channel.direct && args.recipient_user_id === undefined) return error('missing_recipient_user_id');
  const thread = String(args.thread_ts ?? '');
  const root = workspace.find(channel.id, thread);
  if (root === undefined || root.thread !== null) return error('thread_not_found');
  const grown = grow([], args, 0);
  if ('error' in grown) return grown;
  const message = { channel: channel.id, thread, user: BOT_USER, text: '', blocks: grown.blocks };
  const { ts } = workspace.add(message);
  streamsOf(workspace).set(ts, grown.count);
  return { ok: true, channel: channel.id, ts };
}

export function appendStream(args: Args, workspace: Workspace): Answer {
  return change(args, workspace, []);
}

export function stopStream(args: Args, workspace: Workspace): Answer {
  const checked = checkBlocks(structured(args.blocks ?? []));
  if (!checked.ok) return error(checked.error, checked.why);
  const changed = change(args, workspace, checked.blocks);
  if (changed.ok === true) streamsOf(workspace).delete(String(args.ts));
  return changed;
}

function change(args: Args, workspace: Workspace, last: SlackBlock[]): Answer {
  const channel = String(args.channel ?? '');
  if (!workspace.channels.has(channel)) return error('channel_not_found');
  const message = workspace.find(channel, String(args.ts ?? ''));
  if (message === undefined) return error('message_not_found');
  const count = streamsOf(workspace).get(message.ts);
  if (count === undefined) return error('message_not_in_streaming_state');
  const grown = grow(message.blocks, args, count);
  if ('error' in grown) return grown;
  workspace.grow(message, [...grown.blocks, ...last]);
  streamsOf(workspace).set(message.ts, grown.count);
  return { ok: true, channel, ts: message.ts };
}

type Grown = { blocks: SlackBlock[]; count: number } | { ok: false; error: string; why?: string };

/** The message with these chunks: a task is added or changed by its id, everything else comes last. */
function grow(before: readonly SlackBlock[], args: Args, already: number): Grown {
  const chunks = z.array(Chunk).safeParse(structured(args.chunks ?? []));
  if (!chunks.success) return error('invalid_chunks', z.prettifyError(chunks.error)) as Grown;
  const blocks = [...before];
  let count = already;
  for (const chunk of chunks.data) {
    if (chunk.type === 'blocks') {
      const checked = checkBlocks(chunk.blocks);
      count += chunk.blocks.length;
      if (!checked.ok) return error(checked.error, checked.why) as Grown;
      if (count > CHUNK_BLOCKS_MAX) return error('invalid_blocks', `${count} blocks in chunks`) as Grown;
      blocks.push(...checked.blocks);
    } else if (chunk.type === 'task_update') {
      const { id, title, status } = chunk;
      const card = { type: 'task_card' as const, task_id: id, title, status };
      const at = blocks.findIndex((block) => block.type === 'task_card' && block.task_id === id);
      if (at < 0) blocks.push(card);
      else blocks[at] = card;
    } else if (chunk.type === 'markdown_text') {
      blocks.push({ type: 'section', text: { type: 'mrkdwn', text: chunk.text } });
    }
  }
  return { blocks, count };
}

function structured(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch (problem) {
    if (problem instanceof SyntaxError) return null;
    throw problem;
  }
}
