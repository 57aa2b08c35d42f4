/**
 * A pretended Slack at the wire: a real HTTP server for the Web API and a client that sends signed deliveries. It
 * grants what `manifest.json` asks for and nothing else. `coverage.ts` lists what it does.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parse as parseForm } from 'node:querystring';
import { Sender, type Sent } from './sender.ts';
import { type Answer, type Args, METHODS } from './web-api.ts';
import { BOT_USER, type FakeMessage, TEAM, Workspace } from './workspace.ts';

export type Manifest = {
  features: { slash_commands: { command: string }[] };
  oauth_config: { scopes: { bot: string[] } };
  settings: {
    event_subscriptions: { bot_events: string[] };
    interactivity: { is_enabled: boolean };
  };
};
export type Call = { method: string; args: Args; answer: Answer; status: number; atMs: number };
type Fault = {
  method: string | null;
  channel: string | null;
  left: number;
  status: number;
  error: string;
  after: number;
};
/** A message that a person has sent, and how the app took it. */
export type Said = { channel: string; ts: string; thread: string; sent: Sent };

export class FakeSlack {
  readonly workspace = new Workspace();
  readonly token = ['xoxb', 'fake', crypto.randomUUID()].join('-');
  readonly signingSecret = crypto.randomUUID().replaceAll('-', '');
  readonly calls: Call[] = [];
  readonly bot = BOT_USER;
  readonly team = TEAM;
  readonly #manifest: Manifest;
  readonly #faults: Fault[] = [];
  readonly #server: Server;
  #sender: Sender | null = null;
  #serial = 0;
  #port = 0;

  private constructor(manifest: Manifest) {
    this.#manifest = manifest;
    this.#server = createServer((req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const method = (req.url ?? '').replace(/^\/api\//, '');
        const args = readArgs(Buffer.concat(chunks).toString('utf8'), req.headers['content-type']);
        const reply = this.#answer(method, args, req.headers.authorization);
        this.calls.push({ method, args, answer: reply.answer, status: reply.status, atMs: Date.now() });
        res.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
        res.end(JSON.stringify(reply.answer));
      });
    });
  }

  static async start(manifest: Manifest): Promise<FakeSlack> {
    const fake = new FakeSlack(manifest);
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    fake.#port = (fake.#server.address() as AddressInfo).port;
    return fake;
  }

  /** After `stop`, on the same port and with the same state: Slack's outage is over. */
  async restart(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.#port}/api/`;
  }

  /** Where the app listens, e.g. `http://127.0.0.1:3000/slack/events`. */
  connect(url: string): void {
    this.#sender = new Sender(url, this.signingSecret);
  }

  get sender(): Sender {
    if (this.#sender === null) throw new Error('connect() the app first');
    return this.#sender;
  }

  /** The next `times` matching calls are answered 429. */
  rateLimit(
    times: number,
    retryAfterSeconds: number,
    where: { method?: string; channel?: string } = {},
  ): void {
    const { method = null, channel = null } = where;
    this.#faults.push({
      method,
      channel,
      left: times,
      status: 429,
      error: 'ratelimited',
      after: retryAfterSeconds,
    });
  }

  /** The next `times` calls of `method` fail, with Slack's `error` (200) or as a broken server (`status`). */
  fail(times: number, method: string, error: string, status = 200): void {
    this.#faults.push({ method, channel: null, left: times, status, error, after: 0 });
  }

  messages(channel?: string): FakeMessage[] {
    return this.workspace.messages(channel);
  }

  /**
   * A person writes: in their direct message with the app, or in a channel, where the app hears only what mentions
   * it (`@countersign`). Escaped as Slack escapes.
   */
  async say(user: string, text: string, channel?: string, options: SayOptions = {}): Promise<Said> {
    const where = channel ?? this.workspace.directWith(user);
    const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
    const wire = escaped.replaceAll('@countersign', `<@${BOT_USER}>`);
    const thread = options.thread ?? null;
    const { ts } = this.workspace.add({ channel: where, thread, user, text: wire, blocks: [] });
    const payload = this.eventPayload(user, wire, where, ts, options);
    const subscribed = this.#manifest.settings.event_subscriptions.bot_events;
    const heard = where.startsWith('D')
      ? subscribed.includes('message.im')
      : subscribed.includes('app_mention') && wire.includes(`<@${BOT_USER}>`);
    const sent = heard ? await this.sender.event(payload) : { status: 200, body: '', attempts: 0 };
    return { channel: where, ts, thread: thread ?? ts, sent };
  }

  /** The event as Slack would send it; for tests that change it before it leaves. */
  eventPayload(user: string, text: string, channel: string, ts: string, options: SayOptions = {}) {
    const direct = channel.startsWith('D');
    return {
      token: 'unused',
      team_id: TEAM,
      api_app_id: 'A0COUNTERSIGN',
      type: 'event_callback',
      event_id: `Ev0${this.#next()}`,
      event_time: Math.floor(Date.now() / 1000),
      is_ext_shared_channel: false,
      authorizations: [{ enterprise_id: null, team_id: TEAM, user_id: BOT_USER, is_bot: true }],
      event: {
        type: direct ? 'message' : 'app_mention',
        ...(direct ? { channel_type: 'im' } : {}),
        user,
        text,
        ts,
        channel,
        team: this.workspace.users.get(user)?.team ?? TEAM,
        event_ts: ts,
        ...(options.thread === undefined ? {} : { thread_ts: options.thread }),
        ...(options.attachments === undefined ? {} : { attachments: options.attachments }),
      },
    };
  }

  /** A person presses a button of a message, as they see it: a copy from before a rewrite is an old card. */
  click(user: string, message: FakeMessage, action: string): Promise<Sent> {
    return this.sender.form({ payload: JSON.stringify(this.clickPayload(user, message, action)) });
  }

  clickPayload(user: string, message: FakeMessage, action: string) {
    if (!this.#manifest.settings.interactivity.is_enabled) throw new Error('interactivity is off');
    const buttons = message.blocks.flatMap((block) => (block.type === 'actions' ? block.elements : []));
    const button = buttons.find((candidate) => candidate.action_id === action);
    if (button === undefined) throw new Error(`there is no button ${action}`);
    const { channel, ts, thread } = message;
    return {
      type: 'block_actions',
      api_app_id: 'A0COUNTERSIGN',
      team: { id: TEAM, domain: 'acme' },
      enterprise: null,
      is_enterprise_install: false,
      user: { id: user, username: user.toLowerCase(), team_id: this.workspace.users.get(user)?.team ?? TEAM },
      trigger_id: `${this.#next()}.${this.#next()}.t`,
      container: {
        type: 'message',
        message_ts: ts,
        channel_id: channel,
        is_ephemeral: false,
        ...(thread === null ? {} : { thread_ts: thread }),
      },
      channel: { id: channel, name: 'any' },
      message: { type: 'message', user: BOT_USER, ts, text: message.text },
      actions: [{ ...button, block_id: 'b', action_ts: this.workspace.nextTs() }],
    };
  }

  /** A person types `/countersign text`, in any conversation. */
  command(user: string, text: string, channel?: string): Promise<Sent> {
    return this.sender.form(this.commandFields(user, text, channel));
  }

  commandFields(user: string, text: string, channel = this.workspace.directWith(user)) {
    const [declared] = this.#manifest.features.slash_commands;
    if (declared === undefined) throw new Error('the manifest declares no command');
    return {
      command: declared.command,
      text,
      user_id: user,
      team_id: this.workspace.users.get(user)?.team ?? TEAM,
      team_domain: 'acme',
      channel_id: channel,
      channel_name: 'any',
      api_app_id: 'A0COUNTERSIGN',
      is_enterprise_install: 'false',
      trigger_id: `${this.#next()}.${this.#next()}.t`,
    };
  }

  #next(): string {
    this.#serial += 1;
    return String(this.#serial).padStart(8, '0');
  }

  #answer(name: string, args: Args, authorization: string | undefined): Reply {
    const method = METHODS[name];
    if (method === undefined) return ok({ ok: false, error: 'unknown_method' });
    const given = authorization?.replace(/^Bearer /, '') ?? args.token;
    if (given === undefined) return ok({ ok: false, error: 'not_authed' });
    if (given !== this.token) return ok({ ok: false, error: 'invalid_auth' });
    if (method.scope !== null && !this.#manifest.oauth_config.scopes.bot.includes(method.scope)) {
      return ok({ ok: false, error: 'missing_scope', needed: method.scope });
    }
    const fault = this.#faults.find(
      (candidate) =>
        candidate.left > 0 &&
        (candidate.method === null || candidate.method === name) &&
        (candidate.channel === null || candidate.channel === args.channel),
    );
    if (fault === undefined) return ok(method.run(args, this.workspace));
    fault.left -= 1;
    const headers: Record<string, string> =
      fault.status === 429 ? { 'retry-after': String(fault.after) } : {};
    return { status: fault.status, headers, answer: { ok: false, error: fault.error } };
  }
}

export type SayOptions = { thread?: string; attachments?: unknown[] };
type Reply = { status: number; headers: Record<string, string>; answer: Answer };
const ok = (answer: Answer): Reply => ({ status: 200, headers: {}, answer });

function readArgs(body: string, contentType: string | undefined): Args {
  return contentType?.startsWith('application/json') ? (JSON.parse(body) as Args) : { ...parseForm(body) };
}
