/** Tickets on the built-in desk. Bundled and run in the sandbox; every call passes the broker. */
import type { EgressRule, EgressValues, Operation, RunResult, Tools } from '../../src/action.ts';
import { type Fields, failed, isFields, saidThere, text, unsure } from './answer.ts';
import { read, write } from './built-in.ts';
import { type Args, CANNOT_TELL, happened, neverFollows, quoted, TEXTS_SHOWN } from './ticket-words.ts';

const HOST = 'desk.internal';
const BASE = `https://${HOST}`;
const SYSTEM = 'the built-in desk';

/** `T-12`, `#12` and `12` are the same ticket here. */
function ticketNumber(args: Args): string {
  return text(args, 'ticket').replace(/^(?:#|[A-Za-z]+-)/, '');
}

function ticketBody(args: Args, about: { mark: string; requester: string }): Fields {
  return {
    title: text(args, 'title'),
    description: text(args, 'description'),
    priority: text(args, 'priority') || 'normal',
    requester: about.requester,
    mark: about.mark,
  };
}

function commentBody(args: Args, about: { mark: string; requester: string }): Fields {
  return { comment: text(args, 'comment'), requester: about.requester, mark: about.mark };
}

function readRule(path: string, fill: (values: EgressValues) => Record<string, string>): EgressRule {
  return {
    method: 'GET',
    host: HOST,
    path,
    effect: 'read',
    fill,
    query: () => ({}),
    body: () => null,
    credential: null,
  };
}

const readTicket = readRule('/tickets/{ticket}', ({ args }) => ({ ticket: ticketNumber(args) }));
const readMark = readRule('/marks/{mark}', ({ mark }) => ({ mark }));

function outcome(answer: Awaited<ReturnType<typeof read>>, done: string): RunResult {
  if (!answer.ok) return failed(answer.code, answer.message);
  const ticket = text(answer.fields, 'ticket');
  const link = text(answer.fields, 'link');
  return {
    kind: 'done',
    result: {
      code: 'done',
      message: done.replace('{ticket}', ticket),
      ...(link === '' ? {} : { link }),
      data: { ticket },
    },
  };
}

/** What carries our mark, only if it is the ticket that was meant. */
async function reconcileByMark(tools: Tools, done: string, isMeant: (ticket: Fields) => boolean) {
  const found = await read(tools, SYSTEM, `${BASE}/marks/${encodeURIComponent(tools.mark)}`);
  return found.ok && isMeant(found.fields) ? happened(outcome(found, done)) : CANNOT_TELL;
}

const isNamed =
  (args: Args) =>
  (ticket: Fields): boolean =>
    text(ticket, 'ticket') === `T-${ticketNumber(args)}`;

const CLOSED = 'Ticket {ticket} is closed.';
const OPENED = 'Ticket {ticket} is open.';
/** What a ticket that was read back must have in common with what was asked for. */
const READ_BACK = ['title', 'description', 'priority', 'requester'] as const;
const differing = (ticket: Fields, wanted: Fields): string[] =>
  READ_BACK.filter((name) => ticket[name] !== wanted[name]);

const create: Operation = {
  egress: [
    {
      method: 'POST',
      host: HOST,
      path: '/tickets',
      effect: 'write',
      fill: () => ({}),
      query: () => ({}),
      body: (values) => ticketBody(values.args, values),
      credential: null,
    },
    readMark,
  ],
  writes: 1,
  idempotency: 'key',
  preview: async (args, tools) => ({
    summary: 'Open a ticket on the built-in desk.',
    facts: [
      { label: 'Opened for', value: tools.requester },
      { label: 'Priority', value: text(args, 'priority') || 'normal' },
    ],
    pinned: {},
  }),
  run: async (args, tools) => {
    const wanted = ticketBody(args, tools);
    const made = await write(tools, SYSTEM, `${BASE}/tickets`, wanted);
    if (!made.ok) return failed(made.code, made.message);
    // Read by its mark: where a ticket ends up is the desk's word, what it holds is checked against what was asked for.
    const found = await read(tools, SYSTEM, `${BASE}/marks/${encodeURIComponent(tools.mark)}`);
    const number = text(made.fields, 'ticket');
    const others = found.ok ? differing(found.fields, wanted) : [];
    if (found.ok && text(found.fields, 'ticket') === number && others.length === 0) {
      return outcome(found, OPENED);
    }
    const what = others.length > 0 ? `with another ${others.join(', ')}` : 'and cannot be read back';
    return unsure(
      `The desk opened ticket ${number}, ${what}. Please look at it there.`,
      text(made.fields, 'link'),
    );
  },
  reconcile: (args, tools) =>
    reconcileByMark(tools, OPENED, (ticket) => differing(ticket, ticketBody(args, tools)).length === 0),
  follow: neverFollows,
};

const comment: Operation = {
  egress: [
    readTicket,
    {
      method: 'POST',
      host: HOST,
      path: '/tickets/{ticket}/comments',
      effect: 'write',
      fill: ({ args }) => ({ ticket: ticketNumber(args) }),
      query: () => ({}),
      body: (values) => commentBody(values.args, values),
      credential: null,
    },
    readMark,
  ],
  writes: 1,
  idempotency: 'key',
  preview: async (args, tools) => {
    const answer = await read(tools, SYSTEM, `${BASE}/tickets/${ticketNumber(args)}`);
    if (!answer.ok) return { refused: answer.message };
    const ticket = answer.fields;
    return {
      summary: `Add a comment to ticket ${text(ticket, 'ticket')} on the built-in desk.`,
      facts: [
        saidThere('Ticket', `“${text(ticket, 'title')}”`),
        { label: 'State', value: text(ticket, 'state') },
        { label: 'Read by', value: 'whoever may look at tickets here' },
        { label: 'Written for', value: tools.requester },
      ],
      pinned: {},
    };
  },
  run: async (args, tools) =>
    outcome(
      await write(tools, SYSTEM, `${BASE}/tickets/${ticketNumber(args)}/comments`, commentBody(args, tools)),
      'The comment is on ticket {ticket}.',
    ),
  reconcile: (args, tools) => reconcileByMark(tools, 'The comment is on ticket {ticket}.', isNamed(args)),
  follow: neverFollows,
};

const closeBody = (about: { mark: string; requester: string }): Fields => ({
  requester: about.requester,
  mark: about.mark,
});

const close: Operation = {
  egress: [
    readTicket,
    {
      method: 'POST',
      host: HOST,
      path: '/tickets/{ticket}/closing',
      effect: 'write',
      fill: ({ args }) => ({ ticket: ticketNumber(args) }),
      query: () => ({}),
      body: (values) => closeBody(values),
      credential: null,
    },
    readMark,
  ],
  writes: 1,
  idempotency: 'key',
  preview: async (args, tools) => {
    const answer = await read(tools, SYSTEM, `${BASE}/tickets/${ticketNumber(args)}`);
    if (!answer.ok) return { refused: answer.message };
    const ticket = answer.fields;
    if (text(ticket, 'state') === 'closed')
      return { refused: `Ticket ${text(ticket, 'ticket')} is closed already.` };
    return {
      summary: `Close ticket ${text(ticket, 'ticket')} on the built-in desk.`,
      facts: [
        saidThere('Ticket', `“${text(ticket, 'title')}”`),
        { label: 'Opened for', value: text(ticket, 'requester') },
        { label: 'Closed for', value: tools.requester },
      ],
      pinned: {},
    };
  },
  run: async (args, tools) =>
    outcome(
      await write(tools, SYSTEM, `${BASE}/tickets/${ticketNumber(args)}/closing`, closeBody(tools)),
      CLOSED,
    ),
  reconcile: (args, tools) => reconcileByMark(tools, CLOSED, isNamed(args)),
  follow: neverFollows,
};

/** The ticket as lines of text: other people's words, which whoever shows them marks as such. */
function describeTicket(ticket: Fields): string {
  const comments = Array.isArray(ticket.comments) ? ticket.comments.filter(isFields) : [];
  const lines = [
    text(ticket, 'title'),
    text(ticket, 'description'),
    ...comments.slice(-TEXTS_SHOWN).map((entry) => `${text(entry, 'author')}: ${text(entry, 'body')}`),
  ];
  return quoted(lines.filter((line) => line !== ''));
}

const status: Operation = {
  egress: [readTicket],
  writes: 0,
  idempotency: 'natural',
  preview: async (args) => ({
    summary: `Read ticket T-${ticketNumber(args)} on the built-in desk.`,
    facts: [],
    pinned: {},
  }),
  run: async (args, tools) => {
    const answer = await read(tools, SYSTEM, `${BASE}/tickets/${ticketNumber(args)}`);
    if (!answer.ok) return failed(answer.code, answer.message);
    const ticket = answer.fields;
    const link = text(ticket, 'link');
    return {
      kind: 'done',
      result: {
        code: 'done',
        message: `Ticket ${text(ticket, 'ticket')} is ${text(ticket, 'state')}, priority ${text(ticket, 'priority')}.`,
        ...(link === '' ? {} : { link }),
        output: describeTicket(ticket),
        data: ticket,
      },
    };
  },
  reconcile: async () => ({ kind: 'cannot_tell' }),
  follow: neverFollows,
};

export const operations = { create, comment, close, status };
