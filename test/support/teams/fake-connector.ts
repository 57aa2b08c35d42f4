/**
 * A pretended Bot Connector at the wire: a real HTTP server that takes what a bot sends, and a client that sends
 * activities with tokens of a real issuer. `coverage.ts` lists what it does.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OAuth2Server } from 'oauth2-mock-server';
import { Card, executesOf } from './card-schema.ts';
import { Streams } from './streams.ts';

export const APP = '11111111-2222-4333-8444-555555555555';
export const TENANT = '99999999-8888-4777-8666-555555555555';
export const BOT = `28:${APP}`;
const SIZE_MAX_BYTES = 28 * 1024;
const SENDS_PER_SECOND = 7;

export type FakeMessage = {
  conversation: string;
  id: string;
  text: string | null;
  card: Card | null;
  summary: string | null;
  entities: unknown[];
  channelData: unknown;
  /** How often it was rewritten. */
  edits: number;
};
export type Call = { method: string; path: string; status: number; body: Record<string, unknown> };
type Answer = { status: number; body: unknown; headers?: Record<string, string> };
type Conversation = { type: 'personal' | 'groupChat' | 'channel'; members: Set<string>; hasApp: boolean };
export type Claims = Record<string, unknown>;

const error = (status: number, code: string, message = code): Answer => ({
  status,
  body: { error: { code, message } },
});

export class FakeConnector {
  readonly calls: Call[] = [];
  readonly messages: FakeMessage[] = [];
  readonly streams = new Streams();
  readonly conversations = new Map<string, Conversation>();
  /** What is said of somebody otherwise than of an employee of the tenant. */
  readonly described = new Map<string, Record<string, unknown>>();
  /** What our calls must carry. */
  readonly botToken = ['bot', crypto.randomUUID()].join('-');
  readonly #issuer = new OAuth2Server();
  readonly #server: Server;
  readonly #personal = new Map<string, string>();
  /** When each conversation was last sent to, by the clock of whoever paces the bot. */
  readonly #sends = new Map<string, number[]>();
  readonly #faults: { left: number; status: number; retryAfter: string | null; method: string | null }[] = [];
  #now: () => number = () => performance.now();
  #serial = 1_790_000_000_000;
  #url = '';

  static async start(): Promise<FakeConnector> {
    const fake = new FakeConnector();
    await fake.#issuer.issuer.keys.generate('RS256');
    await fake.#issuer.start(0, '127.0.0.1');
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  constructor() {
    this.#server = createServer((req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
        const method = req.method ?? 'GET';
        const path = (req.url ?? '').replace(/^\/teams/, '');
        const answer = this.#answer(method, path, body, req.headers.authorization);
        this.calls.push({ method, path, status: answer.status, body });
        res.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
        res.end(JSON.stringify(answer.body));
      });
    });
  }

  async stop(): Promise<void> {
    await this.#issuer.stop();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  get serviceUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/teams/`;
  }

  get issuerUrl(): string {
    return String(this.#issuer.issuer.url);
  }

  /** Where the bot listens, and by which clock it paces itself. */
  connect(url: string, now?: () => number): void {
    this.#url = url;
    if (now !== undefined) this.#now = now;
  }

  /** A valid token of the channel for us, with claims changed at will; null removes one. */
  async token(change: Claims = {}, issuer = this.#issuer): Promise<string> {
    return issuer.issuer.buildToken({
      scopesOrTransform: (_header, payload) => {
        Object.assign(payload, { aud: APP, iss: this.issuerUrl, serviceurl: this.serviceUrl }, change);
        for (const [name, value] of Object.entries(change)) if (value === null) delete payload[name];
      },
    });
  }

  addConversation(
    id: string,
    type: Conversation['type'],
    options: { hasApp?: boolean; members?: string[] } = {},
  ): string {
    const { hasApp = true, members = [] } = options;
    this.conversations.set(id, { type, hasApp, members: new Set(members) });
    return id;
  }

  /** The personal chat of somebody with the app; made when first asked for. */
  personalChat(user: string): string {
    const id =
      this.#personal.get(user) ?? this.addConversation(`a:personal-${user}`, 'personal', { members: [user] });
    this.#personal.set(user, id);
    return id;
  }

  member(conversation: string, user: string): Answer {
    if (!this.conversations.get(conversation)?.members.has(user))
      return error(404, 'MemberNotFoundInConversation');
    return {
      status: 200,
      body: {
        id: `29:${user}`,
        aadObjectId: user,
        name: `${user} of Teams`,
        tenantId: TENANT,
        userPrincipalName: `${user}@acme.example`,
        userRole: 'user',
        ...this.described.get(user),
      },
    };
  }

  /** Somebody who has not got the app. */
  withoutApp(user: string): void {
    this.conversations.get(this.personalChat(user))!.hasApp = false;
  }

  /** The next `times` calls are answered so. */
  fail(times: number, status: number, retryAfter: string | null = null, method: string | null = null): void {
    this.#faults.push({ left: times, status, retryAfter, method });
  }

  in(conversation: string): FakeMessage[] {
    return structuredClone(
      this.messages.filter((message) => message.conversation.split(';')[0] === conversation),
    );
  }

  /** An activity as Teams would send it from `user` in `conversation`. */
  activity(user: string, conversation: string, more: Record<string, unknown> = {}): Record<string, unknown> {
    const [container = ''] = conversation.split(';');
    return {
      type: 'message',
      id: this.#nextId(),
      timestamp: '2026-11-21T11:00:00.000Z',
      channelId: 'msteams',
      serviceUrl: this.serviceUrl,
      from: { id: `29:${user}`, name: 'Somebody', aadObjectId: user },
      recipient: { id: BOT, name: 'Countersign' },
      conversation: {
        id: conversation,
        tenantId: TENANT,
        conversationType: this.conversations.get(container)?.type ?? 'personal',
      },
      channelData: { tenant: { id: TENANT } },
      ...more,
    };
  }

  /** Words; in a chat of several people, the app hears only what mentions it. */
  said(user: string, conversation: string, text: string, more: Record<string, unknown> = {}) {
    const personal = this.conversations.get(conversation.split(';')[0] ?? '')?.type === 'personal';
    const mention = '<at>Countersign</at>';
    return this.activity(user, conversation, {
      text: personal ? text : `${mention} ${text}`,
      textFormat: 'plain',
      ...(personal ? {} : { entities: [{ type: 'mention', text: mention, mentioned: { id: BOT } }] }),
      ...more,
    });
  }

  /** A person edits a message of theirs, which keeps its id; by `eventType` it was taken back, or put there again. */
  edited(said: Record<string, unknown>, text: string, eventType = 'editMessage') {
    const channelData = { ...(said.channelData as object), eventType };
    return { ...said, type: 'messageUpdate', text, channelData };
  }

  /** A press of one of a message's buttons, as a client sends it; `fields` are what was typed into its inputs. */
  click(user: string, message: FakeMessage, verb: string, fields: Record<string, string> = {}) {
    const button = executesOf(message.card).find((action) => action.verb === verb);
    if (button === undefined) throw new Error(`there is no button ${verb}`);
    return this.activity(user, message.conversation, {
      type: 'invoke',
      name: 'adaptiveCard/action',
      value: {
        action: { type: 'Action.Execute', verb, data: { ...button.data, ...fields } },
        trigger: 'manual',
      },
      replyToId: message.id,
    });
  }

  /** The same press in a client that knows no Action.Execute. */
  submit(user: string, message: FakeMessage, verb: string) {
    const button = executesOf(message.card).find((action) => action.verb === verb);
    if (button === undefined || button.fallback === 'drop') throw new Error(`there is no button ${verb}`);
    return this.activity(user, message.conversation, { value: button.fallback.data, replyToId: message.id });
  }

  /** Teams asks for a person's own view of a card. */
  looks(user: string, message: FakeMessage) {
    const action = message.card?.refresh?.action;
    if (action === undefined) throw new Error('the card does not ask to be refreshed');
    return this.activity(user, message.conversation, {
      type: 'invoke',
      name: 'adaptiveCard/action',
      value: { action, trigger: 'automatic' },
      replyToId: message.id,
    });
  }

  /** The message as this person sees it: with the card that the bot gives them in place of the one that all see. */
  async seen(user: string, message: FakeMessage): Promise<FakeMessage> {
    if (message.card?.refresh === undefined) return message;
    const { status, body } = await this.send(this.looks(user, message));
    if (status !== 200) throw new Error(`a look was answered ${status}`);
    const { type, value } = JSON.parse(body) as { type: string; value: unknown };
    return type === 'application/vnd.microsoft.card.adaptive'
      ? { ...message, card: Card.parse(value) }
      : message;
  }

  feedback(user: string, message: FakeMessage, reaction: string, words: string) {
    return this.activity(user, message.conversation, {
      type: 'invoke',
      name: 'message/submitAction',
      value: {
        actionName: 'feedback',
        actionValue: { reaction, feedback: JSON.stringify({ feedbackText: words }) },
      },
      replyToId: message.id,
    });
  }

  /**
   * Stop, on the answer that grows there. `stays`: what had grown stands there as a message of the bot; the documentation
   * does not say whether it does.
   */
  pressStop(conversation: string, { stays = true } = {}): void {
    const { id, text, status } = this.streams.stop(conversation);
    const words = { text: text || status, card: null, summary: null, entities: [], channelData: null };
    if (stays) this.messages.push({ conversation, id, edits: 0, ...words });
  }

  /** Somebody installs the app, where they talk to it. */
  installed(user: string) {
    return this.activity(user, this.personalChat(user), { type: 'installationUpdate', action: 'add' });
  }

  /** Somebody takes the app away; by either of the two activities that say so. */
  removed(user: string, by: 'installation' | 'members' = 'installation') {
    const chat = this.personalChat(user);
    this.withoutApp(user);
    const update = by === 'installation' ? { action: 'remove' } : { membersRemoved: [{ id: BOT }] };
    const type = by === 'installation' ? 'installationUpdate' : 'conversationUpdate';
    return this.activity(user, chat, { type, ...update });
  }

  added(user: string, conversation: string) {
    return this.activity(user, conversation, { type: 'conversationUpdate', membersAdded: [{ id: BOT }] });
  }

  /** Sends to the bot; `token` null leaves it out. */
  async send(activity: unknown, token?: string | null): Promise<{ status: number; body: string }> {
    const bearer = token === undefined ? await this.token() : token;
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
      },
      body: typeof activity === 'string' ? activity : JSON.stringify(activity),
    });
    return { status: response.status, body: await response.text() };
  }

  #answer(
    method: string,
    path: string,
    body: Record<string, unknown>,
    authorization: string | undefined,
  ): Answer {
    if (authorization !== `Bearer ${this.botToken}`) {
      return error(401, 'Authorization has been denied for this request.');
    }
    const fault = this.#faults.find((one) => one.left > 0 && (one.method === null || one.method === method));
    if (fault !== undefined) {
      fault.left -= 1;
      const code = fault.status === 429 ? 'Throttled' : 'BadArgument';
      const headers = fault.retryAfter === null ? {} : { headers: { 'retry-after': fault.retryAfter } };
      return { ...error(fault.status, code), ...headers };
    }
    for (const [route, run] of Object.entries(ROUTES)) {
      const [verb = '', pattern = ''] = route.split(' ');
      const found = new RegExp(`^${pattern.replace(/:[a-z]+/g, '([^/]+)')}$`).exec(path);
      if (verb === method && found !== null) return run(this, found.slice(1).map(decodeURIComponent), body);
    }
    return error(404, 'BadArgument');
  }

  #nextId(): string {
    this.#serial += 1;
    return String(this.#serial);
  }

  /** Null: the app may write there. */
  refusal(conversation: string): Answer | null {
    const known = this.conversations.get(conversation.split(';')[0] ?? '');
    if (known === undefined) return error(404, 'ConversationNotFound');
    return known.hasApp ? null : error(403, 'BotNotInConversationRoster');
  }

  create(body: Record<string, unknown>): Answer {
    const members = body.members as { id: string }[] | undefined;
    if (body.isGroup !== false || members?.length !== 1) return error(400, 'BadSyntax');
    if (body.tenantId !== TENANT) return error(403, 'ForbiddenOperationException');
    const user = members[0]!.id;
    if (!this.#personal.has(user)) return error(404, 'ConversationNotFound');
    const chat = this.personalChat(user);
    return this.refusal(chat) === null
      ? { status: 201, body: { id: chat } }
      : error(403, 'ForbiddenOperationException');
  }

  post(conversation: string, body: Record<string, unknown>): Answer {
    const [container = ''] = conversation.split(';');
    const now = this.#now();
    const sends = (this.#sends.get(container) ?? []).filter((at) => now - at < 1_000);
    if (sends.length >= SENDS_PER_SECOND)
      return { ...error(429, 'Throttled'), headers: { 'retry-after': '1' } };
    const personal = this.conversations.get(container)?.type === 'personal';
    const part = this.streams.take(conversation, body, { ms: now, personal, nextId: () => this.#nextId() });
    if (part?.kind === 'refused') return error(part.refusal.status, part.refusal.code, part.refusal.message);
    if (part !== null) this.#sends.set(container, [...sends, now]);
    if (part?.kind === 'began') return { status: 201, body: { id: part.id } };
    if (part?.kind === 'taken') return { status: 202, body: {} };
    const content = contentOf(body);
    if ('status' in content) return content;
    this.#sends.set(container, [...sends, now]);
    const id = part?.id ?? this.#nextId();
    this.messages.push({ conversation, id, edits: 0, ...content });
    return part === null ? { status: 201, body: { id } } : { status: 202, body: {} };
  }

  update(conversation: string, id: string, body: Record<string, unknown>): Answer {
    const message = this.messages.find((one) => one.id === id && one.conversation === conversation);
    if (message === undefined) return error(404, 'ActivityNotFoundInConversation');
    const content = contentOf(body);
    if ('status' in content) return content;
    Object.assign(message, content, { edits: message.edits + 1 });
    return { status: 200, body: { id } };
  }
}

type Run = (fake: FakeConnector, params: string[], body: Record<string, unknown>) => Answer;

export const ROUTES: Readonly<Record<string, Run>> = {
  'GET /v3/conversations/:conversation/pagedmembers': (fake, [conversation = '']) =>
    fake.refusal(conversation) ?? {
      status: 200,
      body: {
        members: [...(fake.conversations.get(conversation)?.members ?? [])].map((id) => ({
          id: `29:${id}`,
          aadObjectId: id,
        })),
      },
    },
  'GET /v3/conversations/:conversation/members/:member': (fake, [conversation = '', member = '']) =>
    fake.refusal(conversation) ?? fake.member(conversation, member),
  'POST /v3/conversations': (fake, _params, body) => fake.create(body),
  'POST /v3/conversations/:conversation/activities': (fake, [conversation = ''], body) =>
    fake.refusal(conversation) ?? fake.post(conversation, body),
  'PUT /v3/conversations/:conversation/activities/:activity': (fake, [conversation = '', id = ''], body) =>
    fake.refusal(conversation) ?? fake.update(conversation, id, body),
};

/** A message of words or of one card; what Teams would refuse is refused. */
function contentOf(
  body: Record<string, unknown>,
): Omit<FakeMessage, 'conversation' | 'id' | 'edits'> | Answer {
  if (body.type !== 'message') return error(400, 'BadSyntax');
  // Teams counts characters of two bytes.
  if (JSON.stringify(body).length * 2 > SIZE_MAX_BYTES) return error(413, 'MessageSizeTooBig');
  const attachments = (body.attachments ?? []) as { contentType: string; content: unknown }[];
  const text = typeof body.text === 'string' ? body.text : null;
  if (text === null && attachments.length === 0) return error(400, 'BadSyntax', 'No valid activities found');
  const [attachment] = attachments;
  const card = attachment === undefined ? null : Card.safeParse(attachment.content);
  if (card !== null && !card.success) return error(400, 'BadArgument', card.error.message);
  return {
    text,
    card: card?.data ?? null,
    summary: typeof body.summary === 'string' ? body.summary : null,
    entities: (body.entities ?? []) as unknown[],
    channelData: body.channelData ?? null,
  };
}
