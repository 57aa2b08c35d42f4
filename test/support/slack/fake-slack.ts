/**
 * A pretended Slack at the wire: a real HTTP server for the Web API and a client that sends signed deliveries. It
 * grants what `manifest.json` asks for and nothing else. `coverage.ts` lists what it does.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parse as parseForm } from 'node:querystring';
import { checkModal, inputsOf } from './block-schema.ts';
import { Deliveries, type Manifest, type SayOptions } from './deliveries.ts';
import { Sender, type Sent } from './sender.ts';
import { Sockets } from './sockets.ts';
import { streamsIn, timeOut } from './streaming.ts';
import { type Answer, type Args, METHODS } from './web-api.ts';
import { BOT_USER, type FakeMessage, type FakeView, TEAM, Workspace } from './workspace.ts';

export type { Manifest } from './deliveries.ts';
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
  /** Payloads as Slack would send them; for tests that change one before it leaves. */
  readonly make: Deliveries;
  readonly token = ['xoxb', 'fake', crypto.randomUUID()].join('-');
  readonly appToken = ['xapp', 'fake', crypto.randomUUID()].join('-');
  readonly signingSecret = crypto.randomUUID().replaceAll('-', '');
  readonly calls: Call[] = [];
  readonly bot = BOT_USER;
  readonly team = TEAM;
  readonly #manifest: Manifest;
  readonly #faults: Fault[] = [];
  /** By method: what its answers wait for. */
  readonly #held = new Map<string, Promise<void>>();
  readonly #server: Server;
  #sender: Sender | null = null;
  #sockets: Sockets | null = null;
  #port = 0;

  private constructor(manifest: Manifest) {
    this.#manifest = manifest;
    this.make = new Deliveries(manifest, this.workspace);
    this.#server = createServer((req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const method = (req.url ?? '').replace(/^\/api\//, '');
        const args = readArgs(Buffer.concat(chunks).toString('utf8'), req.headers['content-type']);
        void Promise.resolve(this.#held.get(method)).then(() => {
          const reply = this.#answer(method, args, req.headers.authorization);
          this.calls.push({ method, args, answer: reply.answer, status: reply.status, atMs: Date.now() });
          res.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
          res.end(JSON.stringify(reply.answer));
        });
      });
    });
  }

  static async start(manifest: Manifest): Promise<FakeSlack> {
    const fake = new FakeSlack(manifest);
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    fake.#port = (fake.#server.address() as AddressInfo).port;
    // Whoever fetched one would be seen among the calls.
    fake.make.filesUrl = `http://127.0.0.1:${fake.#port}/files-pri/`;
    if (manifest.settings.socket_mode_enabled) fake.#sockets = await Sockets.listen();
    return fake;
  }

  /** After `stop`, on the same port and with the same state: Slack's outage is over. */
  async restart(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    await this.#sockets?.close();
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

  get sockets(): Sockets {
    if (this.#sockets === null) throw new Error('the manifest has no Socket Mode');
    return this.#sockets;
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

  /** Calls of `method` are not taken before the answer of this is called. */
  hold(method: string): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(method, promise);
    return () => {
      this.#held.delete(method);
      resolve();
    };
  }

  /** Slack waits no longer for the answers that have not come yet: it sends events again, and calls everything else failed. */
  giveUp(): void {
    this.#sockets?.giveUp();
    this.#sender?.giveUp();
  }

  /** Slack's own time passes: triggers run out. */
  pass(ms: number): void {
    this.workspace.clockMs += ms;
  }

  /** Nothing that was to fail fails any more. */
  mend(): void {
    this.#faults.splice(0);
  }

  /** Slack ends by itself every stream that is open. */
  endStreams(): void {
    timeOut(this.workspace);
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
    const payload = this.make.event(user, wire, where, ts, options);
    const sent = this.#hears(where, wire)
      ? await this.#event(payload)
      : { status: 200, body: '', attempts: 0 };
    return { channel: where, ts, thread: thread ?? ts, sent };
  }

  /** A person edits a message of theirs; `text` as for `say`. What does not mention the app in a channel is not told to it. */
  async reword({ channel, ts }: Pick<Said, 'channel' | 'ts'>, text: string): Promise<Sent> {
    const message = this.workspace.find(channel, ts);
    if (message === undefined) throw new Error('there is no such message');
    const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
    const wire = escaped.replaceAll('@countersign', `<@${BOT_USER}>`);
    const payload = this.make.changed(message, wire, message.user);
    this.workspace.rewrite(message, { text: wire, blocks: [] });
    return this.#hears(channel, wire) ? this.#event(payload) : { status: 200, body: '', attempts: 0 };
  }

  /** Slack shows below a direct message what its link leads to: the message is changed, and its words are not. */
  unfurl({ channel, ts }: Pick<Said, 'channel' | 'ts'>): Promise<Sent> {
    const message = this.workspace.find(channel, ts);
    if (message === undefined) throw new Error('there is no such message');
    return this.#event(this.make.changed(message, message.text, null));
  }

  /** A person presses a button of a message, as they see it: a copy from before a rewrite is an old card. */
  click(user: string, message: FakeMessage, action: string): Promise<Sent> {
    return this.#interactive(this.make.click(user, message, action));
  }

  /** A person opens a tab of the app. */
  openHome(user: string, tab: 'home' | 'messages'): Promise<Sent> {
    const channel = this.workspace.directWith(user);
    return this.#event(this.make.happening({ type: 'app_home_opened', user, channel, tab, event_ts: '1.1' }));
  }

  /** A person presses Slack's own Stop button, which is there while the app says that it is working. */
  pressStop(user: string, channel: string, thread: string): Promise<Sent> {
    const event = {
      type: 'agent_session_stopped',
      user,
      channel,
      thread_ts: thread,
      streaming_message_ts: streamsIn(this.workspace, channel, thread),
    };
    return this.#event(this.make.happening(event));
  }

  clickHome(user: string, action: string, nth?: number): Promise<Sent> {
    return this.#interactive(this.make.clickHome(user, action, nth));
  }

  shortcut(user: string, name: string, message?: FakeMessage): Promise<Sent> {
    return this.#interactive(this.make.shortcut(user, name, message));
  }

  /** The dialog that a person has before them. */
  dialog(user: string): FakeView {
    const view = this.workspace.views.findLast((it) => it.user === user);
    if (view === undefined) throw new Error('there is no dialog');
    return view;
  }

  /** Sends that dialog; answers the errors by field, none where it closed or went on to the next. */
  async submit(
    user: string,
    values: Record<string, string>,
  ): Promise<Sent & { errors: Record<string, string> }> {
    const open = this.dialog(user);
    const sent = await this.#interactive(this.make.submission(open, values));
    const answer = sent.body === '' ? {} : (JSON.parse(sent.body) as Record<string, unknown>);
    const errors = answer.response_action === 'errors' ? (answer.errors as Record<string, string>) : {};
    const fields = inputsOf(open.view).map(({ block_id: id }) => id);
    if (Object.keys(errors).some((id) => !fields.includes(id))) throw new Error('an error at no field');
    if (answer.response_action === 'update') {
      const view = checkModal(answer.view);
      if (view === null) throw new Error('the next dialog is invalid');
      open.view = view;
    }
    return { ...sent, errors };
  }

  /** A person types `/countersign text`, in any conversation. */
  command(user: string, text: string, channel?: string): Promise<Sent> {
    const command = this.make.command(user, text, channel);
    return this.#sockets?.deliver('slash_commands', command) ?? this.sender.form(command);
  }

  #hears(channel: string, wire: string): boolean {
    const subscribed = this.#manifest.settings.event_subscriptions.bot_events;
    return channel.startsWith('D')
      ? subscribed.includes('message.im')
      : subscribed.includes('app_mention') && wire.includes(`<@${BOT_USER}>`);
  }

  /** By sockets where the manifest says so: then nothing comes by HTTP. */
  #event(payload: unknown): Promise<Sent> {
    return this.#sockets?.deliver('events_api', payload) ?? this.sender.event(payload);
  }

  #interactive(payload: unknown): Promise<Sent> {
    return (
      this.#sockets?.deliver('interactive', payload) ?? this.sender.form({ payload: JSON.stringify(payload) })
    );
  }

  #answer(name: string, args: Args, authorization: string | undefined): Reply {
    const method = METHODS[name];
    if (method === undefined) return ok({ ok: false, error: 'unknown_method' });
    const given = authorization?.replace(/^Bearer /, '') ?? (args.token as string | undefined);
    if (given === undefined) return ok({ ok: false, error: 'not_authed' });
    if (name === 'apps.connections.open') return this.#openSocket(given);
    if (given !== this.token) return ok({ ok: false, error: 'invalid_auth' });
    if (method.scope !== null && !this.#manifest.oauth_config.scopes.bot.includes(method.scope)) {
      return ok({ ok: false, error: 'missing_scope', needed: method.scope });
    }
    return this.#fault(name, args.channel) ?? ok(method.run(args, this.workspace));
  }

  /** The one method that the app's own token is for. */
  #openSocket(given: string): Reply {
    if (given === this.token) return ok({ ok: false, error: 'not_allowed_token_type' });
    if (given !== this.appToken) return ok({ ok: false, error: 'invalid_auth' });
    if (this.#sockets === null) return ok({ ok: false, error: 'socket_mode_disabled' });
    const fault = this.#fault('apps.connections.open', undefined);
    return fault ?? ok({ ok: true, url: this.#sockets.ticket() });
  }

  #fault(name: string, channel: unknown): Reply | undefined {
    const fault = this.#faults.find(
      (candidate) =>
        candidate.left > 0 &&
        (candidate.method === null || candidate.method === name) &&
        (candidate.channel === null || candidate.channel === channel),
    );
    if (fault === undefined) return undefined;
    fault.left -= 1;
    const headers: Record<string, string> =
      fault.status === 429 ? { 'retry-after': String(fault.after) } : {};
    return { status: fault.status, headers, answer: { ok: false, error: fault.error } };
  }
}

type Reply = { status: number; headers: Record<string, string>; answer: Answer };
const ok = (answer: Answer): Reply => ({ status: 200, headers: {}, answer });

function readArgs(body: string, contentType: string | undefined): Args {
  return contentType?.startsWith('application/json') ? (JSON.parse(body) as Args) : { ...parseForm(body) };
}
