/**
 * A pretended Zendesk Support account, written from its public API description:
 * https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/, .../ticket_comments/, .../introduction/#idempotency.
 * `coverage.ts` lists what it does.
 */
import { type Asked, basic, type Reply, type Routes, startWire, type Wire } from '../ticketing/wire.ts';

type User = { id: number; name: string; email: string; isLight: boolean };
type Comment = {
  id: number;
  author_id: number;
  html_body: string;
  plain_body: string;
  body: string;
  public: boolean;
  created_at: string;
};
export type Ticket = {
  id: number;
  subject: string;
  description: string;
  external_id: string | null;
  status: string;
  priority: string | null;
  group_id: number | null;
  submitter_id: number;
  requester_id: number;
  assignee_id: number | null;
  comments: Comment[];
};

const STATES = ['new', 'open', 'pending', 'hold', 'solved', 'closed'];
const PRIORITIES = ['low', 'normal', 'high', 'urgent'];
const WRITABLE = [
  'subject',
  'comment',
  'external_id',
  'priority',
  'group_id',
  'status',
  'requester_id',
  'submitter_id',
];
const PER_PAGE = 100;

/** Its own words stand for whatever it says: none of them may reach a person. */
export const SAID = 'the vendor says';
const refused = (
  status: number,
  error: string,
  details?: object,
  headers?: Record<string, string>,
): Reply => ({
  status,
  body: { error, description: SAID, ...(details === undefined ? {} : { details }) },
  ...(headers === undefined ? {} : { headers }),
});

/** https://developer.zendesk.com/api-reference/introduction/requests/ */
export const ERRORS = {
  CouldNotAuthenticate: () => ({ status: 401, body: { error: "Couldn't authenticate you" } }),
  Forbidden: () => ({ status: 403, body: { error: { title: 'Forbidden', message: SAID } } }),
  NotFound: () => refused(404, 'RecordNotFound'),
  IdempotentRequestError: () => refused(400, 'IdempotentRequestError'),
  UpdateConflict: () => refused(409, 'UpdateConflict'),
  InvalidRecord: (field = 'subject') =>
    refused(422, 'RecordInvalid', {
      base: [{ description: `${SAID}: cannot be blank`, error: 'BlankValue', field_key: field }],
    }),
  ClosedTicket: () =>
    refused(422, 'RecordInvalid', {
      status: [{ description: 'Status: closed prevents ticket update', error: 'ClosedTicket' }],
    }),
  APIRateLimitExceeded: () => refused(429, 'APIRateLimitExceeded', undefined, { 'retry-after': '42' }),
  InternalError: () => refused(500, 'InternalError'),
} satisfies Record<string, (field?: string) => Reply>;

const BY_STATUS: Readonly<Record<number, () => Reply>> = {
  401: ERRORS.CouldNotAuthenticate,
  403: ERRORS.Forbidden,
  404: ERRORS.NotFound,
  409: ERRORS.UpdateConflict,
  422: ERRORS.InvalidRecord,
  429: ERRORS.APIRateLimitExceeded,
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export class FakeZendesk {
  readonly users = {
    ours: { id: 900, name: 'Countersign', email: 'bot@acme.example', isLight: false } as User,
    other: { id: 901, name: 'Eve', email: 'eve@acme.example', isLight: false } as User,
    customer: { id: 902, name: 'Alice', email: 'alice@acme.example', isLight: false } as User,
  };
  readonly tickets: Ticket[] = [];
  readonly secret = crypto.randomUUID();
  /** The account's own rules for what is opened, with the first text of it. */
  trigger: (ticket: Ticket, first: Comment) => void = () => {};
  readonly keys = new Map<string, { body: string; reply: Reply }>();
  wire!: Wire;

  static async start(): Promise<FakeZendesk> {
    const fake = new FakeZendesk();
    fake.wire = await startWire(fake, ROUTES, {
      account: (authorization) => fake.#accountOf(authorization),
      refusal: (status) => BY_STATUS[status]?.() ?? { ...ERRORS.InternalError(), status },
    });
    return fake;
  }

  authorization(who: 'ours' | 'other' | 'nobody'): string {
    return who === 'nobody'
      ? basic('nobody@acme.example/token', this.secret)
      : basic(`${this.users[who].email}/token`, this.secret);
  }

  #accountOf(authorization: string): string | null {
    const who = (['ours', 'other'] as const).find((name) => this.authorization(name) === authorization);
    return who ?? null;
  }

  userOf(asked: Asked): User {
    return this.users[asked.account as 'ours' | 'other'];
  }

  userBy(id: unknown): User | undefined {
    return Object.values(this.users).find((user) => user.id === id);
  }

  find(id: string): Ticket | undefined {
    return this.tickets.find((ticket) => String(ticket.id) === id);
  }

  people(): object[] {
    return Object.values(this.users).map(({ id, name }) => ({ id, name }));
  }

  /** Adds a comment as Zendesk would take it; null where it would not. */
  say(ticket: Ticket, author: User, comment: Record<string, unknown>): Comment | null {
    const html = comment.html_body ?? comment.body;
    if (typeof html !== 'string' || html === '') return null;
    const filled = html.replace(/\{\{[^}]*\}\}/g, '[filled in by Zendesk]');
    const plain = textOf(filled);
    const said = {
      id: ticket.comments.length + 1,
      author_id: author.id,
      html_body: `<div class="zd-comment" dir="auto">${filled}</div>`,
      plain_body: plain,
      body: plain,
      public: comment.public !== false && !author.isLight,
      created_at: new Date(1_790_000_000_000 + ticket.comments.length * 1_000).toISOString(),
    };
    ticket.comments.push(said);
    return said;
  }
}

/** What remains of HTML as text: lines end twice, one space in five is not to be broken. */
function textOf(html: string): string {
  const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' };
  return html
    .replace(/<br>/g, '\n')
    .replace(/<[^>]*>/g, '')
    .replace(/&(lt|gt|quot|#39|amp);/g, (_whole, name: string) => entities[name] ?? '')
    .replaceAll('\n\n', '\n&nbsp;\n');
}

/** `is_public`: whether anybody but agents may read one of its texts. */
const shown = ({ comments, ...ticket }: Ticket): object => ({
  ...ticket,
  is_public: comments.some((comment) => comment.public),
});

/** The values of `{ticket: {...}}`, or what is wrong with them. */
function given(asked: Asked): Record<string, unknown> | Reply {
  const ticket = asked.body.ticket;
  if (!isObject(ticket)) return ERRORS.InvalidRecord('base');
  const strange = Object.keys(ticket).find((name) => !WRITABLE.includes(name));
  if (strange !== undefined) return ERRORS.InvalidRecord(strange);
  if (ticket.status !== undefined && !STATES.includes(String(ticket.status)))
    return ERRORS.InvalidRecord('status');
  if (ticket.priority !== undefined && !PRIORITIES.includes(String(ticket.priority)))
    return ERRORS.InvalidRecord('priority');
  return ticket;
}
const isReply = (value: Record<string, unknown> | Reply): value is Reply => typeof value.status === 'number';

function create(fake: FakeZendesk, asked: Asked): Reply {
  const key = asked.headers['idempotency-key'];
  const body = JSON.stringify(asked.body);
  const earlier = typeof key === 'string' ? fake.keys.get(key) : undefined;
  if (earlier !== undefined && earlier.body !== body) return ERRORS.IdempotentRequestError();
  if (earlier !== undefined) return { ...earlier.reply, headers: { 'x-idempotency-lookup': 'hit' } };
  const values = given(asked);
  if (isReply(values)) return values;
  if (typeof values.subject !== 'string' || values.subject === '') return ERRORS.InvalidRecord('subject');
  const requester =
    fake.userBy(values.requester_id) ?? (values.requester_id === undefined ? fake.userOf(asked) : null);
  // By default the requester of a ticket is its submitter, who is the author of its first text.
  const author = fake.userBy(values.submitter_id) ?? (values.submitter_id === undefined ? requester : null);
  if (requester === null || author === null) return ERRORS.InvalidRecord('requester');
  const ticket: Ticket = {
    id: fake.tickets.length + 1_001,
    subject: values.subject,
    description: '',
    external_id: typeof values.external_id === 'string' ? values.external_id : null,
    status: 'new',
    priority: typeof values.priority === 'string' ? values.priority : null,
    group_id: typeof values.group_id === 'number' ? values.group_id : null,
    submitter_id: author.id,
    requester_id: requester.id,
    assignee_id: null,
    comments: [],
  };
  const first = fake.say(ticket, author, isObject(values.comment) ? values.comment : {});
  if (first === null) return ERRORS.InvalidRecord('description');
  ticket.description = first.plain_body;
  fake.trigger(ticket, first);
  fake.tickets.push(ticket);
  const reply = { status: 201, body: { ticket: shown(ticket), audit: { events: [] } } };
  if (typeof key === 'string') fake.keys.set(key, { body, reply });
  return { ...reply, headers: { 'x-idempotency-lookup': 'miss' } };
}

function update(fake: FakeZendesk, asked: Asked): Reply {
  const ticket = fake.find(asked.at.id ?? '');
  if (ticket === undefined) return ERRORS.NotFound();
  if (ticket.status === 'closed') return ERRORS.ClosedTicket();
  const values = given(asked);
  if (isReply(values)) return values;
  const said = isObject(values.comment) ? fake.say(ticket, fake.userOf(asked), values.comment) : undefined;
  if (said === null) return ERRORS.InvalidRecord('comment');
  if (typeof values.status === 'string') ticket.status = values.status;
  const events = said ? [{ type: 'Comment', ...said }] : [];
  return { status: 200, body: { ticket: shown(ticket), audit: { events } } };
}

function list(fake: FakeZendesk, { query }: Asked): Reply {
  const external = query.get('external_id');
  const found = fake.tickets.filter((ticket) => external === null || ticket.external_id === external);
  return { status: 200, body: { tickets: found.map(shown), meta: { has_more: false } } };
}

function show(fake: FakeZendesk, asked: Asked): Reply {
  const ticket = fake.find(asked.at.id ?? '');
  if (ticket === undefined) return ERRORS.NotFound();
  const users = asked.query.get('include') === 'users' ? { users: fake.people() } : {};
  return { status: 200, body: { ticket: shown(ticket), ...users } };
}

function comments(fake: FakeZendesk, asked: Asked): Reply {
  const ticket = fake.find(asked.at.id ?? '');
  if (ticket === undefined) return ERRORS.NotFound();
  const sorted = asked.query.get('sort') === '-created_at' ? ticket.comments.toReversed() : ticket.comments;
  const size = Math.min(Number(asked.query.get('page[size]') ?? PER_PAGE), PER_PAGE);
  const from = Number(Buffer.from(asked.query.get('page[after]') ?? '', 'base64url').toString() || 0);
  const users = asked.query.get('include') === 'users' ? { users: fake.people() } : {};
  const hasMore = from + size < sorted.length;
  const cursor = Buffer.from(String(from + size)).toString('base64url');
  const meta = { has_more: hasMore, ...(hasMore ? { after_cursor: cursor } : {}) };
  return { status: 200, body: { comments: sorted.slice(from, from + size), meta, ...users } };
}

export const ROUTES: Routes<FakeZendesk> = {
  'POST /api/v2/tickets': create,
  'GET /api/v2/tickets': list,
  'GET /api/v2/tickets/:id': show,
  'PUT /api/v2/tickets/:id': update,
  'GET /api/v2/tickets/:id/comments': comments,
};
