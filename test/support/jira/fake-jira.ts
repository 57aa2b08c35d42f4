/**
 * A pretended Jira Service Management, Cloud or Data Center, written from its public API description:
 * https://developer.atlassian.com/cloud/jira/service-desk/rest/, .../cloud/jira/platform/rest/v3/,
 * https://developer.atlassian.com/server/jira-servicedesk/rest/. `coverage.ts` lists what it does.
 */
import { type Asked, basic, type Reply, type Routes, startWire, type Wire } from '../ticketing/wire.ts';
import { documentOf, isDocument } from './texts.ts';

export type Edition = 'cloud' | 'data-center';
type Person = { id: string; displayName: string };
type Comment = { id: string; author: Person; wiki: string; body: unknown; isPublic: boolean };
export type Ticket = {
  key: string;
  project: string;
  summary: string;
  description: unknown;
  status: string;
  priority: string;
  resolution: string | null;
  creator: Person;
  reporter: Person;
  assignee: Person | null;
  comments: Comment[];
  isIndexed: boolean;
};

/** Its own words stand for whatever it says: none of them may reach a person. */
export const SAID = 'the vendor says';
const platform = (
  status: number,
  errors: Record<string, string> = {},
  headers?: Record<string, string>,
): Reply => ({
  status,
  body: { errorMessages: [SAID], errors },
  ...(headers === undefined ? {} : { headers }),
});
const desk = (status: number): Reply => ({
  status,
  body: { errorMessage: SAID, i18nErrorMessage: { i18nKey: 'sd.request.error', parameters: [] } },
});

export const ERRORS = {
  BadField: (field = 'summary') => platform(400, { [field]: SAID }),
  BadRequest: () => desk(400),
  Unauthorized: () => ({ status: 401, body: SAID }),
  Forbidden: () => desk(403),
  NotFound: () => platform(404),
  Conflict: () => platform(409),
  Gone: () => platform(410),
  Limited: () => platform(429, {}, { 'retry-after': '42', 'x-ratelimit-remaining': '0' }),
  Server: () => platform(500),
} satisfies Record<string, (field?: string) => Reply>;
const BY_STATUS: Readonly<Record<number, () => Reply>> = {
  400: ERRORS.BadRequest,
  401: ERRORS.Unauthorized,
  403: ERRORS.Forbidden,
  404: ERRORS.NotFound,
  409: ERRORS.Conflict,
  429: ERRORS.Limited,
};

const DONE = ['Resolved', 'Canceled'];
const OPEN = 'Waiting for support';
const TRANSITIONS: Readonly<Record<string, { id: string; name: string; to: string }[]>> = {
  [OPEN]: [
    { id: '11', name: 'Start', to: 'In progress' },
    { id: '761', name: 'Resolve this issue', to: 'Resolved' },
  ],
  'In progress': [{ id: '762', name: 'Resolve', to: 'Resolved' }],
};
const MAX_PAGE = 100;
const MAX_REQUEST_PAGE = 50;

export class FakeJira {
  readonly edition: Edition;
  readonly people = {
    ours: { id: '712020:bot', displayName: 'Countersign' },
    other: { id: '712020:eve', displayName: 'Eve' },
    customer: { id: '712020:aadams', displayName: 'Alice' },
  } satisfies Record<string, Person>;
  readonly tickets: Ticket[] = [];
  readonly secret = crypto.randomUUID();
  /** Fields of the one request type. */
  fields = [
    { fieldId: 'summary', required: true },
    { fieldId: 'description', required: false },
    { fieldId: 'priority', required: false },
  ];
  /** The project's own rules for what is opened. */
  automation: (ticket: Ticket) => void = () => {};
  deskProject = 'IT';
  asksForResolution = false;
  isIndexBehind = false;
  isCustomerOnly = false;
  /** Whether our account may open requests for others. */
  canRaiseOnBehalfOf = true;
  wire!: Wire;

  constructor(edition: Edition) {
    this.edition = edition;
  }

  static async start(edition: Edition): Promise<FakeJira> {
    const fake = new FakeJira(edition);
    fake.wire = await startWire(fake, ROUTES, {
      account: (authorization) => fake.#accountOf(authorization),
      refusal: (status) => BY_STATUS[status]?.() ?? { ...ERRORS.Server(), status },
    });
    return fake;
  }

  authorization(who: 'ours' | 'other' | 'nobody'): string {
    return basic(`${who}@acme.example`, this.secret);
  }

  #accountOf(authorization: string): string | null {
    return (['ours', 'other'] as const).find((who) => this.authorization(who) === authorization) ?? null;
  }

  get isCloud(): boolean {
    return this.edition === 'cloud';
  }

  personOf(asked: Asked): Person {
    return this.people[asked.account as 'ours' | 'other'];
  }

  find(key: string): Ticket | undefined {
    return this.tickets.find((ticket) => ticket.key === key);
  }

  /** Stores wiki markup as this edition does. */
  say(ticket: Ticket, author: Person, body: string, isPublic: boolean): Comment {
    const stored = this.isCloud ? documentOf(body) : body;
    const comment = { id: String(ticket.comments.length + 1), author, wiki: body, body: stored, isPublic };
    ticket.comments.push(comment);
    return comment;
  }

  shownPerson(person: Person | null): object | null {
    if (person === null) return null;
    const { id, displayName } = person;
    return this.isCloud ? { accountId: id, displayName } : { name: id, key: id, displayName };
  }

  shown(ticket: Ticket): object {
    return {
      id: String(10_000 + this.tickets.indexOf(ticket)),
      key: ticket.key,
      fields: {
        summary: ticket.summary,
        description: ticket.description,
        status: statusOf(ticket.status),
        priority: { name: ticket.priority },
        assignee: this.shownPerson(ticket.assignee),
        creator: this.shownPerson(ticket.creator),
        reporter: this.shownPerson(ticket.reporter),
        project: { key: ticket.project },
      },
    };
  }
}

const statusOf = (name: string): object => ({
  name,
  statusCategory: { key: DONE.includes(name) ? 'done' : 'indeterminate' },
});

/** One handler for a ticket of the platform's API, which has a version for each edition. */
const onTicket =
  (handle: (fake: FakeJira, asked: Asked, ticket: Ticket) => Reply) =>
  (fake: FakeJira, asked: Asked): Reply => {
    if (asked.at.version !== undefined && asked.at.version !== (fake.isCloud ? '3' : '2'))
      return ERRORS.NotFound();
    const ticket = fake.find(asked.at.key ?? '');
    return ticket === undefined ? ERRORS.NotFound() : handle(fake, asked, ticket);
  };

function create(fake: FakeJira, asked: Asked): Reply {
  const { serviceDeskId, requestTypeId, requestFieldValues, isAdfRequest, raiseOnBehalfOf } = asked.body;
  if (serviceDeskId !== '4' || requestTypeId !== '25') return desk(404);
  const values = (requestFieldValues ?? {}) as Record<string, unknown>;
  const strange = Object.keys(values).find((id) => !fake.fields.some((field) => field.fieldId === id));
  const missing = fake.fields.find((field) => field.required && values[field.fieldId] === undefined);
  if (strange !== undefined || missing !== undefined) return ERRORS.BadRequest();
  const { summary, description, priority } = values;
  const isText =
    isAdfRequest === true && fake.isCloud ? isDocument(description) : typeof description === 'string';
  if (typeof summary !== 'string' || /\n/.test(summary) || summary.length > 255 || !isText)
    return ERRORS.BadRequest();
  const creator = fake.personOf(asked);
  const reporter =
    raiseOnBehalfOf === undefined
      ? creator
      : Object.values(fake.people).find(({ id }) => id === raiseOnBehalfOf);
  if (reporter === undefined || (reporter !== creator && !fake.canRaiseOnBehalfOf))
    return ERRORS.BadRequest();
  const ticket: Ticket = {
    key: `IT-${fake.tickets.length + 1}`,
    project: 'IT',
    summary,
    description: fake.isCloud && typeof description === 'string' ? documentOf(description) : description,
    status: OPEN,
    priority: (priority as { name?: string } | undefined)?.name ?? 'Medium',
    resolution: null,
    creator,
    reporter,
    assignee: null,
    comments: [],
    isIndexed: !fake.isIndexBehind,
  };
  fake.automation(ticket);
  fake.tickets.push(ticket);
  return {
    status: 201,
    body: {
      issueId: String(10_000 + fake.tickets.length),
      issueKey: ticket.key,
      reporter: fake.shownPerson(reporter),
      requestFieldValues: [{ fieldId: 'summary', label: 'Summary', value: summary }],
      currentStatus: { status: ticket.status },
    },
  };
}

function addComment(fake: FakeJira, asked: Asked, ticket: Ticket): Reply {
  const { body, public: isPublic } = asked.body;
  if (typeof body !== 'string' || body === '') return ERRORS.BadRequest();
  const author = fake.personOf(asked);
  const comment = fake.say(ticket, author, body, isPublic !== false || fake.isCustomerOnly);
  return {
    status: 201,
    body: { id: comment.id, body, public: comment.isPublic, author: fake.shownPerson(author) },
  };
}

function listComments(fake: FakeJira, { query }: Asked, ticket: Ticket): Reply {
  const sorted = query.get('orderBy') === '-created' ? ticket.comments.toReversed() : ticket.comments;
  const startAt = Number(query.get('startAt') ?? 0);
  const maxResults = Math.min(Number(query.get('maxResults') ?? 50), MAX_PAGE);
  const comments = sorted.slice(startAt, startAt + maxResults).map(({ id, author, body, isPublic }) => ({
    id,
    author: fake.shownPerson(author),
    body,
    // Only Cloud says who reads it; Data Center keeps a property, which comments from elsewhere do not have.
    ...(fake.isCloud ? { jsdPublic: isPublic } : {}),
  }));
  return { status: 200, body: { startAt, maxResults, total: sorted.length, comments } };
}

const shownComment = (fake: FakeJira, { id, author, wiki, isPublic }: Comment): object => ({
  id,
  body: wiki,
  public: isPublic,
  author: fake.shownPerson(author),
  created: { epochMillis: 1_790_000_000_000 + Number(id) * 1_000 },
});

function showComment(fake: FakeJira, { at }: Asked, ticket: Ticket): Reply {
  const comment = ticket.comments.find(({ id }) => id === at.comment);
  return comment === undefined ? desk(404) : { status: 200, body: shownComment(fake, comment) };
}

/** In which order is not documented: oldest first on one edition, newest first on the other. */
function listRequestComments(fake: FakeJira, { query }: Asked, ticket: Ticket): Reply {
  const isAsked = (name: string): boolean => query.get(name) !== 'false';
  const found = ticket.comments.filter(({ isPublic }) => isAsked(isPublic ? 'public' : 'internal'));
  const sorted = fake.isCloud ? found : found.toReversed();
  const start = Number(query.get('start') ?? 0);
  const limit = Math.min(Number(query.get('limit') ?? MAX_REQUEST_PAGE), MAX_REQUEST_PAGE);
  const values = sorted.slice(start, start + limit).map((comment) => shownComment(fake, comment));
  const isLastPage = start + limit >= sorted.length;
  return { status: 200, body: { size: values.length, start, limit, isLastPage, values } };
}

function listTransitions(_fake: FakeJira, _asked: Asked, ticket: Ticket): Reply {
  const transitions = (TRANSITIONS[ticket.status] ?? []).map(({ to, ...rest }) => ({
    ...rest,
    to: statusOf(to),
  }));
  return { status: 200, body: { expand: 'transitions', transitions } };
}

function transition(fake: FakeJira, asked: Asked, ticket: Ticket): Reply {
  const { id } = (asked.body.transition ?? {}) as { id?: string };
  const found = (TRANSITIONS[ticket.status] ?? []).find((candidate) => candidate.id === id);
  if (found === undefined) return ERRORS.BadRequest();
  const { resolution } = (asked.body.fields ?? {}) as { resolution?: { name?: string } };
  if (fake.asksForResolution && !resolution?.name) return ERRORS.BadField('resolution');
  ticket.status = found.to;
  ticket.resolution = resolution?.name ?? null;
  return { status: 204 };
}

const JQL = /^project = "([A-Z0-9_]+)" AND creator = currentUser\(\) ORDER BY created DESC$/;

function searched(fake: FakeJira, asked: Asked): Ticket[] | null {
  const project = JQL.exec(asked.query.get('jql') ?? '')?.[1];
  if (project === undefined) return null;
  const mine = (ticket: Ticket): boolean =>
    ticket.isIndexed && ticket.project === project && ticket.creator === fake.personOf(asked);
  return fake.tickets.filter(mine).toReversed();
}

function searchCloud(fake: FakeJira, asked: Asked): Reply {
  if (!fake.isCloud || asked.at.version !== '3') return ERRORS.NotFound();
  const found = searched(fake, asked);
  if (found === null) return ERRORS.BadRequest();
  const from = Number((asked.query.get('nextPageToken') ?? 'at-0').slice(3));
  const to = from + Number(asked.query.get('maxResults') ?? 50);
  const isLast = to >= found.length;
  const issues = found.slice(from, to).map((ticket) => fake.shown(ticket));
  return { status: 200, body: { issues, isLast, ...(isLast ? {} : { nextPageToken: `at-${to}` }) } };
}

function searchServer(fake: FakeJira, asked: Asked): Reply {
  if (fake.isCloud) return ERRORS.Gone();
  const found = searched(fake, asked);
  if (found === null) return ERRORS.BadRequest();
  const startAt = Number(asked.query.get('startAt') ?? 0);
  const maxResults = Number(asked.query.get('maxResults') ?? 50);
  const issues = found.slice(startAt, startAt + maxResults).map((ticket) => fake.shown(ticket));
  return { status: 200, body: { startAt, maxResults, total: found.length, issues } };
}

const atDesk =
  (body: (fake: FakeJira) => object) =>
  (fake: FakeJira, { at }: Asked): Reply =>
    at.desk === '4' && (at.type === undefined || at.type === '25')
      ? { status: 200, body: body(fake) }
      : desk(404);

export const ROUTES: Routes<FakeJira> = {
  'POST /rest/servicedeskapi/request': create,
  'POST /rest/servicedeskapi/request/:key/comment': onTicket(addComment),
  'GET /rest/servicedeskapi/request/:key/comment': onTicket(listRequestComments),
  'GET /rest/servicedeskapi/request/:key/comment/:comment': onTicket(showComment),
  'GET /rest/servicedeskapi/servicedesk/:desk': atDesk((fake) => ({ id: '4', projectKey: fake.deskProject })),
  'GET /rest/servicedeskapi/servicedesk/:desk/requesttype/:type': atDesk(() => ({
    id: '25',
    name: 'Get IT help',
    serviceDeskId: '4',
  })),
  'GET /rest/servicedeskapi/servicedesk/:desk/requesttype/:type/field': atDesk((fake) => ({
    requestTypeFields: fake.fields,
    canRaiseOnBehalfOf: fake.canRaiseOnBehalfOf,
  })),
  'GET /rest/api/:version/issue/:key': onTicket((fake, _asked, ticket) => ({
    status: 200,
    body: fake.shown(ticket),
  })),
  'GET /rest/api/:version/issue/:key/comment': onTicket(listComments),
  'GET /rest/api/:version/issue/:key/transitions': onTicket(listTransitions),
  'POST /rest/api/:version/issue/:key/transitions': onTicket(transition),
  'GET /rest/api/:version/search/jql': searchCloud,
  'GET /rest/api/:version/search': searchServer,
};
