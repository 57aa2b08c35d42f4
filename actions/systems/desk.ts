/**
 * The built-in desk, served behind the broker as `desk.internal`. Only the broker reaches it, so `requester` in a body
 * is what the core put there.
 */
import { z } from 'zod';
import type { BuiltInHost } from '../../src/action.ts';
import type { Database, Sql } from '../../src/store/database.ts';
import { answer, parseBody, problem } from './http.ts';

export type DeskTicket = {
  /** e.g. `T-12`. */
  ticket: string;
  title: string;
  description: string;
  priority: 'low' | 'normal' | 'high';
  state: 'open' | 'closed';
  requester: string;
  createdAt: string;
  link: string | null;
};
export type DeskComment = { author: string; body: string; createdAt: string };

export type Desk = {
  host: BuiltInHost;
  /** Newest first. */
  list(limit?: number): Promise<DeskTicket[]>;
  /** By `T-12` or `12`; null where there is none. */
  ticket(reference: string): Promise<(DeskTicket & { comments: DeskComment[] }) | null>;
};

const NewTicket = z.strictObject({
  title: z.string().min(1).max(200),
  description: z.string().max(8_000),
  priority: z.enum(['low', 'normal', 'high']),
  requester: z.string().min(1).max(200),
  mark: z.string().min(1).max(200),
});
const NewComment = z.strictObject({
  comment: z.string().min(1).max(8_000),
  requester: z.string().min(1).max(200),
  mark: z.string().min(1).max(200),
});

const Closing = z.strictObject({
  requester: z.string().min(1).max(200),
  mark: z.string().min(1).max(200),
});

const LIST_LIMIT = 100;
/** The newest that a look at a ticket shows. */
const COMMENTS_SHOWN = 50;

type TicketRow = Omit<DeskTicket, 'ticket' | 'createdAt' | 'link'> & { number: string; created_at: Date };
const TICKET_COLUMNS = 'number, title, description, priority, state, requester, created_at';

/** PostgreSQL's text holds no NUL. */
const clean = (text: string) => text.replaceAll('\0', '\ufffd');

/** `pageUrl` gives the address of a ticket's page where there is one. */
export function createDesk({ db, pageUrl }: { db: Database; pageUrl?: (ticket: string) => string }): Desk {
  const view = (row: TicketRow): DeskTicket => ({
    ticket: `T-${row.number}`,
    title: row.title,
    description: row.description,
    priority: row.priority,
    state: row.state,
    requester: row.requester,
    createdAt: row.created_at.toISOString(),
    link: pageUrl?.(`T-${row.number}`) ?? null,
  });

  const byNumber = (sql: Sql, number: string) =>
    sql.maybe<TicketRow>(`select ${TICKET_COLUMNS} from desk_tickets where number = $1`, [number]);

  async function comments(number: string): Promise<DeskComment[]> {
    const rows = await db.query<{ author: string; body: string; created_at: Date }>(
      `select author, body, created_at from desk_comments where ticket = $1 order by id desc limit $2`,
      [number, COMMENTS_SHOWN],
    );
    return rows
      .reverse()
      .map((row) => ({ author: row.author, body: row.body, createdAt: row.created_at.toISOString() }));
  }

  async function create(key: string, request: Request): Promise<Response> {
    const body = await parseBody(request, NewTicket);
    if (body === null) return problem(400, 'malformed', 'The desk does not understand this ticket.');
    const fields = [clean(body.title), clean(body.description), body.priority, body.requester, body.mark];
    const made = await db.maybe<TicketRow>(
      `insert into desk_tickets (title, description, priority, requester, mark, idempotency_key)
       values ($1, $2, $3, $4, $5, $6) on conflict (idempotency_key) do nothing returning ${TICKET_COLUMNS}`,
      [...fields, key],
    );
    if (made !== null) return answer(view(made), 201);
    const known = await db.maybe<TicketRow>(
      `select ${TICKET_COLUMNS} from desk_tickets where idempotency_key = $6
         and title = $1 and description = $2 and priority = $3 and requester = $4 and mark = $5`,
      [...fields, key],
    );
    return known === null ? reused() : answer(view(known), 200, { 'idempotency-replayed': 'true' });
  }

  async function addComment(number: string, key: string, request: Request): Promise<Response> {
    const body = await parseBody(request, NewComment);
    if (body === null) return problem(400, 'malformed', 'The desk does not understand this comment.');
    const ticket = await byNumber(db, number);
    if (ticket === null) return missing(number);
    const fields = [number, body.requester, clean(body.comment), body.mark];
    const made = await db.query(
      `insert into desk_comments (ticket, author, body, mark, idempotency_key)
       values ($1, $2, $3, $4, $5) on conflict (idempotency_key) do nothing returning id`,
      [...fields, key],
    );
    if (made.length === 1) return answer(view(ticket), 201);
    const known = await db.maybe(
      `select id from desk_comments where idempotency_key = $5
         and ticket = $1 and author = $2 and body = $3 and mark = $4`,
      [...fields, key],
    );
    return known === null ? reused() : answer(view(ticket), 200, { 'idempotency-replayed': 'true' });
  }

  async function close(number: string, key: string, request: Request): Promise<Response> {
    const body = await parseBody(request, Closing);
    if (body === null) return problem(400, 'malformed', 'The desk does not understand this closing.');
    const fields = [number, body.requester, body.mark, key];
    const closed = await db.transaction(async (tx) => {
      if ((await byNumber(tx, number)) === null) return missing(number);
      const made = await tx.query(
        `insert into desk_closings (ticket, requester, mark, idempotency_key) values ($1, $2, $3, $4)
         on conflict (idempotency_key) do nothing returning id`,
        fields,
      );
      if (made.length === 1) {
        await tx.query(`update desk_tickets set state = 'closed' where number = $1`, [number]);
        return answer(view((await byNumber(tx, number))!), 201);
      }
      const known = await tx.maybe(
        'select id from desk_closings where ticket = $1 and requester = $2 and mark = $3 and idempotency_key = $4',
        fields,
      );
      if (known === null) return reused();
      return answer(view((await byNumber(tx, number))!), 200, { 'idempotency-replayed': 'true' });
    });
    return closed;
  }

  async function byMark(mark: string): Promise<Response> {
    const row = await db.maybe<TicketRow>(
      `select ${TICKET_COLUMNS} from desk_tickets
       where mark = $1 or number = (select ticket from desk_comments where mark = $1)
         or number = (select ticket from desk_closings where mark = $1)`,
      [mark],
    );
    return row === null ? problem(404, 'not_found', 'Nothing carries this mark.') : answer(view(row));
  }

  async function show(number: string): Promise<Response> {
    const row = await byNumber(db, number);
    return row === null ? missing(number) : answer({ ...view(row), comments: await comments(number) });
  }

  return {
    async host(request) {
      const [, kind, id = '', part, ...rest] = new URL(request.url).pathname
        .split('/')
        .map(decodeURIComponent);
      const route = `${request.method} ${kind}${id === '' ? '' : '/*'}${part === undefined ? '' : `/${part}`}`;
      const key = request.headers.get('idempotency-key');
      if (rest.length > 0) return nowhere();
      if (route === 'GET marks/*') return byMark(id);
      if (kind === 'tickets' && id !== '' && !isNumber(id)) return missing(id);
      if (route === 'GET tickets/*') return show(id);
      if (request.method === 'POST' && !key) return problem(400, 'malformed', 'A write needs its key.');
      if (route === 'POST tickets') return create(key ?? '', request);
      if (route === 'POST tickets/*/comments') return addComment(id, key ?? '', request);
      if (route === 'POST tickets/*/closing') return close(id, key ?? '', request);
      return nowhere();
    },
    async list(limit = LIST_LIMIT) {
      const rows = await db.query<TicketRow>(
        `select ${TICKET_COLUMNS} from desk_tickets order by number desc limit $1`,
        [Math.min(limit, LIST_LIMIT)],
      );
      return rows.map(view);
    },
    async ticket(reference) {
      const number = reference.replace(/^T-/i, '');
      const row = isNumber(number) ? await byNumber(db, number) : null;
      return row === null ? null : { ...view(row), comments: await comments(number) };
    },
  };
}

/** Fits PostgreSQL's bigint with room to spare. */
const isNumber = (text: string) => /^[1-9][0-9]{0,14}$/.test(text);
const nowhere = () => problem(404, 'not_found', 'The desk has nothing at this address.');
const missing = (number: string) =>
  problem(
    404,
    'not_found',
    isNumber(number) ? `There is no ticket T-${number}.` : 'There is no such ticket.',
  );
const reused = () => problem(422, 'key_reused', 'This key was used for something else.');
