/** The few Web API methods that we call, with Slack's answers as values and its errors by our codes. */
import { webApi } from '@slack/bolt';
import { z } from 'zod';
import { AppError } from '../../src/errors.ts';
import { RateLimited } from '../../src/surface/paced-queue.ts';
import type { Block } from './blocks.ts';
import type { HomeView } from './home-view.ts';
import { CALL_TIMEOUT_MS, DEFAULT_RETRY_AFTER_MS } from './limits.ts';
import type { Modal } from './modals.ts';
import type { LINKING, METHODS } from './needs.ts';
import type { Self } from './parse.ts';

type Method = (typeof METHODS | typeof LINKING)[number]['method'];
type BoltLogger = NonNullable<ConstructorParameters<typeof webApi.WebClient>[1]>['logger'];

export type SlackMessage = {
  channel: string;
  text: string;
  blocks: Block[];
  thread?: string;
  /** Of an answer in a thread: shown in the channel too. */
  broadcast?: true;
};
export type Posted = { channel: string; ts: string };
/** What a stream goes on with: a task of ours, or blocks. */
export type Chunk =
  | { type: 'task_update'; id: string; title: string; status: 'in_progress' | 'complete' }
  | { type: 'blocks'; blocks: Block[] };

/** Slack's words for "come back later". */
const LATER = new Set([
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
  'ratelimited',
  'rate_limited',
  'message_limit_exceeded',
  // Being streamed, or not yet stopped to be.
  'streaming_state_conflict',
  'messaging_processing_failed',
]);
const NOT_THERE = new Set([
  'channel_not_found',
  'message_not_found',
  'user_not_found',
  'thread_not_found',
  'is_archived',
  'user_disabled',
  'account_not_found',
  'expired_trigger_id',
  'user_not_in_channel',
]);
const NOT_ALLOWED = new Set([
  'not_in_channel',
  'cannot_dm_bot',
  'restricted_action',
  'cant_update_message',
  'edit_window_closed',
  'access_denied',
]);
/** The token or the app's installation is wrong; nothing goes out until an operator acts. */
const CONFIG = new Set([
  'invalid_auth',
  'not_authed',
  'token_revoked',
  'token_expired',
  'account_inactive',
  'missing_scope',
  'no_permission',
  'not_allowed_token_type',
]);

const Answer = z.object({ channel: z.string(), ts: z.string() });
const Whispered = z.object({ message_ts: z.string() });
const Done = z.object({ ok: z.literal(true) });
const Opened = z.object({ channel: z.object({ id: z.string() }) });
/** Flags that are missing say nothing: then nobody is taken for one of our own. */
const Described = z.object({
  user: z.object({
    id: z.string(),
    team_id: z.string().optional(),
    name: z.string().optional(),
    real_name: z.string().optional(),
    deleted: z.boolean().optional(),
    is_bot: z.boolean().optional(),
    is_restricted: z.boolean().optional(),
    is_ultra_restricted: z.boolean().optional(),
    /** Of another organisation, by Slack Connect. */
    is_stranger: z.boolean().optional(),
  }),
});
export type SlackUser = z.infer<typeof Described>['user'];
const Tested = z.object({ team_id: z.string(), user_id: z.string(), bot_id: z.string() });

export class SlackClient {
  readonly #web: webApi.WebClient;

  constructor(config: { botToken: string; apiUrl: string | null }, logger: NonNullable<BoltLogger>) {
    this.#web = new webApi.WebClient(config.botToken, {
      ...(config.apiUrl === null ? {} : { slackApiUrl: config.apiUrl }),
      // Waiting and order are the queue's: the client must neither retry nor sleep on its own.
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      timeout: CALL_TIMEOUT_MS,
      logger,
    });
  }

  async whoAmI(): Promise<Self> {
    const answer = await this.#call('auth.test', {}, Tested);
    return { team: answer.team_id, botUser: answer.user_id, bot: answer.bot_id };
  }

  async post(message: SlackMessage): Promise<Posted> {
    const { thread, broadcast, ...rest } = message;
    const replying =
      thread === undefined ? {} : { thread_ts: thread, ...(broadcast ? { reply_broadcast: true } : {}) };
    // No markup, names or links are made of the fallback text, and no link is fetched for a preview.
    const literal = { mrkdwn: false, parse: 'none', unfurl_links: false, unfurl_media: false };
    return this.#call('chat.postMessage', { ...rest, ...replying, ...literal }, Answer);
  }

  async update(ts: string, message: SlackMessage): Promise<void> {
    const { channel, text, blocks } = message;
    await this.#call('chat.update', { channel, ts, text, blocks, parse: 'none' }, Answer);
  }

  /** A message that grows, in a direct message's thread. */
  async startStream(to: { channel: string; thread: string; chunks: Chunk[] }): Promise<Posted> {
    const { channel, thread, chunks } = to;
    return this.#call('chat.startStream', { channel, thread_ts: thread, chunks }, Answer);
  }

  /** @throws AppError `conflict` when it does not grow any more. */
  async appendStream({ channel, ts }: Posted, chunks: Chunk[]): Promise<void> {
    await this.#call('chat.appendStream', { channel, ts, chunks }, Answer);
  }

  /** Until then `update` is refused. @throws AppError `conflict` when it was stopped already, by Slack for one. */
  async stopStream({ channel, ts }: Posted, blocks: Block[] = []): Promise<void> {
    const last = blocks.length === 0 ? {} : { blocks };
    await this.#call('chat.stopStream', { channel, ts, ...last }, Answer);
  }

  /** To one reader of a channel; nobody else sees it, and it cannot be rewritten. */
  async postEphemeral(user: string, { channel, text, blocks, thread }: SlackMessage): Promise<Posted> {
    const replying = thread === undefined ? {} : { thread_ts: thread };
    const args = { channel, user, text, blocks, ...replying, parse: 'none' };
    const { message_ts: ts } = await this.#call('chat.postEphemeral', args, Whispered);
    return { channel, ts };
  }

  /** Within 3 s of the press that `trigger` comes from. */
  async openView(trigger: string, view: Modal): Promise<void> {
    await this.#call('views.open', { trigger_id: trigger, view }, Done);
  }

  async publishHome(user: string, view: HomeView): Promise<void> {
    await this.#call('views.publish', { user_id: user, view }, Done);
  }

  /** For a whole conversation: with a thread, Slack would silently show nothing. */
  async suggest(channel: string, prompts: { title: string; message: string }[]): Promise<void> {
    await this.#call('assistant.threads.setSuggestedPrompts', { channel_id: channel, prompts }, Done);
  }

  /** `processing` shows Slack's own Stop button. */
  async setSession(channel: string, thread: string, status: 'processing' | 'active'): Promise<void> {
    await this.#call('agents.sessions.setStatus', { channel_id: channel, thread_ts: thread, status }, Done);
  }

  /** What Slack says of a user; `missing_scope` is `config_invalid`, as for everything that the app may not do. */
  async describe(user: string): Promise<SlackUser> {
    return (await this.#call('users.info', { user }, Described)).user;
  }

  /** The direct message with a person, opened if need be. */
  async openDirect(user: string): Promise<string> {
    return (await this.#call('conversations.open', { users: user }, Opened)).channel.id;
  }

  async #call<T>(method: Method, args: Record<string, unknown>, answer: z.ZodType<T>): Promise<T> {
    try {
      return answer.parse(await this.#web.apiCall(method, args));
    } catch (error) {
      throw translate(error);
    }
  }
}

/** Slack's own words stay in `cause`, for the operator; people read ours. */
function translate(error: unknown): unknown {
  if (error instanceof webApi.WebAPIRateLimitedError) {
    return new RateLimited(error.retryAfter > 0 ? error.retryAfter * 1000 : DEFAULT_RETRY_AFTER_MS);
  }
  if (error instanceof webApi.WebAPIRequestError || error instanceof webApi.WebAPIHTTPError) {
    return new AppError('platform_unavailable', 'Slack cannot be reached at the moment.', { cause: error });
  }
  if (error instanceof webApi.WebAPIPlatformError) return refused(error.data.error, error);
  if (error instanceof z.ZodError) {
    return new AppError('upstream_failed', 'Slack gave an answer that we do not understand.', {
      cause: error,
    });
  }
  return error;
}

function refused(code: string, cause: Error): AppError {
  if (LATER.has(code)) {
    return new AppError('platform_unavailable', 'Slack does not take messages at the moment.', { cause });
  }
  if (code === 'message_not_in_streaming_state') {
    return new AppError('conflict', 'That message does not grow any more.', { cause });
  }
  if (NOT_THERE.has(code)) {
    return new AppError('not_found', 'That Slack channel, message or person is not there any more.', {
      cause,
    });
  }
  if (NOT_ALLOWED.has(code)) {
    return new AppError('not_allowed', 'The app may not write there; invite it to the channel.', { cause });
  }
  if (CONFIG.has(code)) {
    return new AppError('config_invalid', 'Slack refuses SLACK_BOT_TOKEN or a scope is missing.', { cause });
  }
  return new AppError('upstream_failed', 'Slack refused the message.', { cause });
}
