/**
 * A pretended ServiceNow instance with its Table API on incidents, written from its public description ("Table API", "REST API
 * HTTP response codes", "Journal field type", "Encoded query strings"). `coverage.ts` lists what it does.
 */
import { type Asked, basic, type Reply, type Routes, startWire, type Wire } from '../ticketing/wire.ts';

export type Row = Record<string, string>;

/** Its own words stand for whatever it says: none of them may reach a person. */
export const SAID = 'the vendor says';
const refused = (
  status: number,
  message: string,
  detail: string,
  headers?: Record<string, string>,
): Reply => ({
  status,
  body: { error: { message: `${SAID} ${message}`, detail }, status: 'failure' },
  ...(headers === undefined ? {} : { headers }),
});

const LIMITED = {
  'retry-after': '42',
  'x-ratelimit-limit': '5000',
  'x-ratelimit-reset': '1790000000',
  'x-ratelimit-rule': 'countersign',
};
export const ERRORS = {
  UserNotAuthenticated: () => refused(401, 'User Not Authenticated', 'Required to provide Auth information'),
  InvalidInput: () => refused(400, 'Exception while reading request', 'The payload is not valid JSON.'),
  AclException: () =>
    refused(403, 'Operation Failed', 'ACL Exception Update Failed due to security constraints'),
  DataPolicy: (fields = 'Resolution code, Resolution notes') =>
    refused(403, 'Operation Failed', `Data Policy Exception: The following fields are mandatory: ${fields}`),
  BusinessRule: () =>
    refused(403, 'Operation Failed', "Operation against file 'incident' was aborted by Business Rule 'x'"),
  NoRecord: () =>
    refused(404, 'No Record found', "Record doesn't exist or ACL restricts the record retrieval"),
  Conflict: () => refused(409, 'Conflict', 'The record was changed'),
  RateLimit: () => refused(429, 'Rate limit exceeded', 'REST API: Table', LIMITED),
  ServerError: () => refused(500, 'Internal error', ''),
} satisfies Record<string, (fields?: string) => Reply>;

const BY_STATUS: Readonly<Record<number, () => Reply>> = {
  400: ERRORS.InvalidInput,
  401: ERRORS.UserNotAuthenticated,
  403: ERRORS.AclException,
  404: ERRORS.NoRecord,
  409: ERRORS.Conflict,
  429: ERRORS.RateLimit,
};

const LENGTHS: Readonly<Record<string, number>> = { short_description: 160, description: 4_000 };
const REFERENCES = ['assigned_to', 'assignment_group', 'caller_id'];
const JOURNALS: Readonly<Record<string, string>> = {
  work_notes: 'Work notes',
  comments: 'Additional comments',
};
const SHOWN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  state: { 1: 'New', 2: 'In Progress', 6: 'Resolved', 7: 'Closed', 8: 'Canceled' },
  priority: { 1: '1 - Critical', 3: '3 - Moderate', 5: '5 - Planning' },
};

export class FakeServiceNow {
  readonly incidents: Row[] = [];
  readonly journal: Row[] = [];
  readonly users = { ours: 'countersign', other: 'eve' } as const;
  readonly names: Readonly<Record<string, string>> = {
    e0: 'Eve Example',
    ['ca'.repeat(16)]: 'Callers of the desk',
  };
  readonly secret = crypto.randomUUID();
  /** Fields that our account may not write. */
  readonly unwritable = new Set<string>();
  isJournalHidden = false;
  wire!: Wire;

  static async start(): Promise<FakeServiceNow> {
    const fake = new FakeServiceNow();
    fake.wire = await startWire(fake, ROUTES, {
      account: (authorization) => fake.#accountOf(authorization),
      refusal: (status) => BY_STATUS[status]?.() ?? { ...ERRORS.ServerError(), status },
    });
    return fake;
  }

  authorization(who: 'ours' | 'other' | 'nobody'): string {
    return basic(who === 'nobody' ? who : this.users[who], this.secret);
  }

  #accountOf(authorization: string): string | null {
    const who = (['ours', 'other'] as const).find((name) => this.authorization(name) === authorization);
    return who === undefined ? null : this.users[who];
  }

  note(incident: Row, element: string, author: string, value: string): void {
    this.journal.push({
      sys_id: crypto.randomUUID().replaceAll('-', ''),
      name: 'incident',
      element,
      element_id: incident.sys_id ?? '',
      value,
      sys_created_by: author,
      sys_created_on: String(1_790_000_000 + this.journal.length),
    });
  }

  /** The journal as forms show it: all entries in one text, newest first, with what stands in [code] as HTML. */
  shownJournal(incident: Row, element: string): string {
    return this.journal
      .filter((row) => row.element_id === incident.sys_id && row.element === element)
      .toReversed()
      .map(
        (row) =>
          `${row.sys_created_on} - ${row.sys_created_by} (${JOURNALS[element]})\n${asHtml(row.value)}\n\n`,
      )
      .join('');
  }
}

export const asHtml = (text = ''): string => text.replace(/\[code\].*?\[\/code\]/gis, '[shown as HTML]');

type Condition = (row: Row) => boolean;

function conditionOf(part: string, known: (name: string) => boolean): Condition | null {
  const within = /^([a-z_]+)IN(.*)$/.exec(part);
  if (within) {
    const [, name = '', list = ''] = within;
    return known(name) ? (row) => list.split(',').includes(row[name] ?? '') : null;
  }
  const [name = '', value = ''] = part.split('=');
  return part.includes('=') && known(name) ? (row) => row[name] === value : null;
}

function queried(rows: readonly Row[], query: string): Row[] {
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  const parts = query.split('^').filter((part) => part !== '');
  const conditions = parts.map((part) => conditionOf(part, (name) => names.has(name)));
  const found = rows.filter((row) => conditions.every((condition) => condition === null || condition(row)));
  const order = parts.find((part) => part.startsWith('ORDERBYDESC'))?.slice('ORDERBYDESC'.length);
  if (order === undefined) return found;
  return found.toSorted((a, b) => ((a[order] ?? '') < (b[order] ?? '') ? 1 : -1));
}

function field(fake: FakeServiceNow, row: Row, name: string, query: URLSearchParams): unknown {
  const value = row[name] ?? '';
  const mode = query.get('sysparm_display_value') ?? 'false';
  if (name in JOURNALS)
    return mode === 'true'
      ? fake.shownJournal(row, name)
      : mode === 'all'
        ? { display_value: '', value: '' }
        : '';
  const display = SHOWN[name]?.[value] ?? (REFERENCES.includes(name) ? (fake.names[value] ?? value) : value);
  if (mode === 'all') return { display_value: display, value };
  if (mode === 'true') return display;
  const isLink = REFERENCES.includes(name) && query.get('sysparm_exclude_reference_link') !== 'true';
  return isLink && value !== '' ? { link: `https://instance.example/${value}`, value } : value;
}

function shown(fake: FakeServiceNow, row: Row, query: URLSearchParams): Record<string, unknown> {
  const names = query.get('sysparm_fields')?.split(',') ?? Object.keys(row);
  return Object.fromEntries(names.map((name) => [name, field(fake, row, name, query)]));
}

function list(fake: FakeServiceNow, { at, query }: Asked): Reply {
  if (at.table !== 'incident' && at.table !== 'sys_journal_field') return ERRORS.InvalidInput();
  const hidden = at.table === 'sys_journal_field' && fake.isJournalHidden;
  const rows = hidden ? [] : at.table === 'incident' ? fake.incidents : fake.journal;
  const found = queried(rows, query.get('sysparm_query') ?? '');
  const from = Number(query.get('sysparm_offset') ?? 0);
  const page = found.slice(from, from + Number(query.get('sysparm_limit') ?? 10_000));
  return {
    status: 200,
    headers: { 'x-total-count': String(found.length) },
    body: { result: page.map((row) => shown(fake, row, query)) },
  };
}

/** Takes what an account may write, as long as it fits; journal fields become rows. */
function assign(fake: FakeServiceNow, row: Row, asked: Asked): void {
  for (const [name, given] of Object.entries(asked.body)) {
    if (fake.unwritable.has(name)) continue;
    const value = String(given);
    if (name in JOURNALS) fake.note(row, name, asked.account, value);
    else row[name] = value.slice(0, LENGTHS[name] ?? 4_000);
  }
}

function create(fake: FakeServiceNow, asked: Asked): Reply {
  const row: Row = {
    sys_id: crypto.randomUUID().replaceAll('-', ''),
    number: `INC${String(10_001 + fake.incidents.length).padStart(7, '0')}`,
    short_description: '',
    description: '',
    state: '1',
    priority: '5',
    urgency: '3',
    caller_id: '',
    assigned_to: '',
    assignment_group: '',
    correlation_id: '',
    sys_created_by: asked.account,
  };
  assign(fake, row, asked);
  fake.incidents.push(row);
  return { status: 201, body: { result: shown(fake, row, asked.query) } };
}

function show(fake: FakeServiceNow, asked: Asked): Reply {
  const row = fake.incidents.find((incident) => incident.sys_id === asked.at.id);
  if (row === undefined) return ERRORS.NoRecord();
  return { status: 200, body: { result: shown(fake, row, asked.query) } };
}

function update(fake: FakeServiceNow, asked: Asked): Reply {
  const row = fake.incidents.find((incident) => incident.sys_id === asked.at.id);
  if (row === undefined) return ERRORS.NoRecord();
  const { state, close_code: code, close_notes: notes } = { ...row, ...asked.body } as Row;
  if (['6', '7'].includes(state ?? '') && (!code || !notes)) return ERRORS.DataPolicy();
  if (row.state === '7') return ERRORS.AclException();
  assign(fake, row, asked);
  return { status: 200, body: { result: shown(fake, row, asked.query) } };
}

export const ROUTES: Routes<FakeServiceNow> = {
  'POST /api/now/table/incident': create,
  'GET /api/now/table/incident/:id': show,
  'PATCH /api/now/table/incident/:id': update,
  'GET /api/now/table/:table': list,
};
