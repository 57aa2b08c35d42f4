/**
 * A pretended PagerDuty account with incidents, written from its public API description (REST API v2: Incidents, Services,
 * On-Calls, Errors, Rate Limits; https://developer.pagerduty.com/api-reference/). `coverage.ts` lists what it does; what it does
 * not implement it answers as PagerDuty answers an address that is not there.
 */
import { type Reply, type Routes, startWire, type Wire } from '../ticketing/wire.ts';

type Reference = { id: string; type: string; summary: string };
export type Incident = {
  id: string;
  incident_number: number;
  incident_key: string;
  title: string;
  status: 'triggered' | 'acknowledged' | 'resolved';
  urgency: 'high' | 'low';
  service: Reference;
  escalation_policy: Reference;
  assignments: { at: string; assignee: Reference }[];
  body: { type: string; details: string };
  html_url: string;
};
type Note = { id: string; content: string; created_at: string; user: Reference };

/** Its own words: none of them may reach a person. */
export const SAID = 'the vendor says';
const refused = (
  status: number,
  code: number,
  errors: string[] = [SAID],
  headers?: Record<string, string>,
): Reply => ({
  status,
  body: { error: { message: SAID, code, errors } },
  ...(headers === undefined ? {} : { headers }),
});
export const ERRORS = {
  unauthorized: () => refused(401, 2006),
  forbidden: () => refused(403, 2010),
  notFound: () => refused(404, 2100),
  invalid: (...errors: string[]) => refused(400, 2001, errors),
  taken: () => refused(400, 2002, ['Open incident with matching dedup key already exists on this service']),
  limited: () =>
    refused(429, 2020, [SAID], {
      'ratelimit-limit': '960',
      'ratelimit-remaining': '0',
      'ratelimit-reset': '42',
    }),
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const idIn = (value: unknown): string => (isObject(value) && typeof value.id === 'string' ? value.id : '');

export class FakePagerDuty {
  wire!: Wire;
  readonly token: string;
  /** `from` must be one of these; the first one is the assistant's. */
  readonly users = [
    { id: 'PASSIST', email: 'assistant@example.com', summary: 'Assistant' },
    { id: 'PBOB001', email: 'bob@example.com', summary: 'Bob B.' },
  ];
  readonly services = [
    { id: 'PWEB001', summary: 'Web', status: 'active', policy: 'PPOLWEB' },
    { id: 'PPAGES1', summary: 'Pages', status: 'active', policy: 'PPOLPLA' },
    { id: 'POTHER1', summary: 'Not ours', status: 'active', policy: 'PPOLWEB' },
    { id: 'POFF001', summary: 'Off', status: 'disabled', policy: 'PPOLWEB' },
  ];
  /** What of an opened incident a rule of its service makes otherwise than asked. */
  stores: Partial<Pick<Incident, 'title' | 'urgency' | 'escalation_policy'>> = {};
  readonly incidents: Incident[] = [];
  readonly notes = new Map<string, Note[]>();

  private constructor(token: string) {
    this.token = token;
  }

  static async start(token: string): Promise<FakePagerDuty> {
    const fake = new FakePagerDuty(token);
    fake.wire = await startWire(fake, ROUTES, {
      account: (authorization) => (authorization === `Token token=${token}` ? 'PASSIST' : null),
      refusal: (status) => {
        if (status === 401) return ERRORS.unauthorized();
        if (status === 403) return ERRORS.forbidden();
        if (status === 429) return ERRORS.limited();
        return status === 404 ? ERRORS.notFound() : refused(status, 2000);
      },
    });
    return fake;
  }

  stop = (): Promise<void> => this.wire.stop();

  reference(user: { id: string; summary: string }): Reference {
    return { id: user.id, type: 'user_reference', summary: user.summary };
  }

  open(asked: {
    title: string;
    service: string;
    key: string;
    details: string;
    urgency?: string;
    policy?: string;
  }): Incident {
    const service = this.services.find(({ id }) => id === asked.service)!;
    const id = `Q${String(this.incidents.length + 1).padStart(6, '0')}`;
    const incident: Incident = {
      id,
      incident_number: this.incidents.length + 1,
      incident_key: asked.key,
      title: asked.title,
      status: 'triggered',
      urgency: asked.urgency === 'low' ? 'low' : 'high',
      service: { id: service.id, type: 'service_reference', summary: service.summary },
      escalation_policy: {
        id: asked.policy || service.policy,
        type: 'escalation_policy_reference',
        summary: 'Policy',
      },
      assignments: [{ at: '2026-01-05T09:00:00Z', assignee: this.reference(this.users[1]!) }],
      body: { type: 'incident_body', details: asked.details },
      html_url: `https://acme.pagerduty.com/incidents/${id}`,
      ...this.stores,
    };
    this.incidents.push(incident);
    return incident;
  }

  /** One more, a minute after the one before it. */
  addNote(incident: string, content: string, author: { id: string; summary: string }): Note {
    const before = this.notes.get(incident) ?? [];
    const note: Note = {
      id: `PNOTE${incident}${before.length + 1}`,
      content,
      created_at: new Date(Date.UTC(2026, 0, 5, 9, before.length)).toISOString(),
      user: this.reference(author),
    };
    this.notes.set(incident, [note, ...before]);
    return note;
  }

  /** What PagerDuty asks of whoever writes: the user in whose name it is done. */
  author(from: string | undefined): { id: string; summary: string } | null {
    return this.users.find(({ email }) => email === from) ?? null;
  }
}

export const ROUTES: Routes<FakePagerDuty> = {
  'GET /incidents': (fake, { query }) => {
    const found = fake.incidents.filter(({ incident_key }) => incident_key === query.get('incident_key'));
    return {
      status: 200,
      body: { incidents: found.slice(0, 25), limit: 25, offset: 0, more: found.length > 25 },
    };
  },
  'POST /incidents': (fake, { body, headers }) => {
    if (fake.author(headers.from) === null) return ERRORS.invalid('Requester User Not Found');
    const asked = isObject(body.incident) ? body.incident : {};
    const { title, incident_key: key } = asked;
    const service = fake.services.find(({ id }) => id === idIn(asked.service));
    if (typeof title !== 'string' || title === '') return ERRORS.invalid('Title cannot be empty');
    if (service === undefined) return ERRORS.invalid('Service cannot be empty');
    if (service.status === 'disabled') return ERRORS.invalid('Service is disabled');
    const isOpen = fake.incidents.some(
      (it) => it.incident_key === key && it.service.id === service.id && it.status !== 'resolved',
    );
    if (isOpen) return ERRORS.taken();
    const incident = fake.open({
      title,
      service: service.id,
      key: String(key ?? ''),
      details: isObject(asked.body) ? String(asked.body.details) : '',
      ...(typeof asked.urgency === 'string' ? { urgency: asked.urgency } : {}),
      policy: idIn(asked.escalation_policy),
    });
    return { status: 201, body: { incident } };
  },
  'GET /incidents/:id': (fake, { at }) => {
    const incident = fake.incidents.find(({ id }) => id === at.id);
    return incident === undefined ? ERRORS.notFound() : { status: 200, body: { incident } };
  },
  'PUT /incidents/:id': (fake, { at, body, headers }) => {
    if (fake.author(headers.from) === null) return ERRORS.invalid('Requester User Not Found');
    const incident = fake.incidents.find(({ id }) => id === at.id);
    if (incident === undefined) return ERRORS.notFound();
    const asked = isObject(body.incident) ? body.incident : {};
    if (incident.status === 'resolved') return ERRORS.invalid('Incident Already Resolved');
    if (asked.status === 'resolved') incident.status = 'resolved';
    return { status: 200, body: { incident } };
  },
  'GET /incidents/:id/notes': (fake, { at }) => ({
    status: 200,
    body: { notes: fake.notes.get(at.id ?? '') ?? [] },
  }),
  'POST /incidents/:id/notes': (fake, { at, body, headers }) => {
    const author = fake.author(headers.from);
    const incident = fake.incidents.find(({ id }) => id === at.id);
    if (author === null) return ERRORS.invalid('Requester User Not Found');
    if (incident === undefined) return ERRORS.notFound();
    const content = isObject(body.note) ? String(body.note.content) : '';
    const note = fake.addNote(incident.id, content, author);
    return { status: 201, body: { note } };
  },
  'GET /services/:id': (fake, { at }) => {
    const service = fake.services.find(({ id }) => id === at.id);
    if (service === undefined) return ERRORS.notFound();
    const policy = { id: service.policy, type: 'escalation_policy_reference', summary: 'Policy' };
    return {
      status: 200,
      body: { service: { ...service, name: service.summary, escalation_policy: policy } },
    };
  },
  'GET /oncalls': (fake, { query }) => {
    const policy = query.get('escalation_policy_ids[]') ?? '';
    const entry = (level: number, user: { id: string; summary: string }) => ({
      escalation_level: level,
      user: fake.reference(user),
      escalation_policy: { id: policy, type: 'escalation_policy_reference' },
    });
    const oncalls = policy === 'PPOLPLA' ? [] : [entry(2, fake.users[0]!), entry(1, fake.users[1]!)];
    return { status: 200, body: { oncalls, limit: 25, offset: 0, more: false } };
  },
};
