/** Tickets in Request Tracker 5 over its REST2. Bundled and run in the sandbox; every call passes the broker. */
import type { Operation, Tools } from '../../src/action.ts';
import type { Json, Preview } from '../../src/model/request.ts';
import { type Fields, failed, isFields, saidThere, text, unclear, unsure } from './answer.ts';
import { listOf, read, readRule, write, writeRule } from './json-call.ts';
import {
  firstText,
  readFirstTextRule,
  readHistoryRule,
  readTextsRule,
  shownOn,
  writtenOn,
} from './request-tracker-texts.ts';
import {
  API,
  commentBody,
  creatorOf,
  differing,
  findByMark,
  linkTo,
  namesIn,
  placeOf,
  RT,
  readMarkRule,
  readOpenedRule,
  readPersonRule,
  readTicket,
  readTicketRule,
  refusedPerson,
  sameWords,
  ticketBody,
} from './request-tracker-tickets.ts';
import { nameThere, pinnedRequester, requesterFact } from './ticket-people.ts';
import {
  type Args,
  CANNOT_TELL,
  done as doneAt,
  happened,
  inSentence,
  listed,
  neverFollows,
  newestOf,
  numberOf,
  quoted,
  shownWords,
} from './ticket-words.ts';

const done = (tools: Tools, number: string, message: string) =>
  doneAt(`#${number}`, linkTo(tools.settings, number), message);
const opened = (tools: Tools, number: string) => done(tools, number, `Ticket #${number} is open.`);

/** How often a ticket that Request Tracker does not show yet is looked for, a second apart. */
const READ_BACK_LOOKS = 10;

const create: Operation = {
  egress: [
    readRule(RT, '/REST/2.0/queue/{queue}', { fill: ({ settings }) => ({ queue: placeOf(settings).queue }) }),
    writeRule(RT, '/REST/2.0/ticket', { body: (values) => ticketBody(values.args, values) }),
    readPersonRule,
    readMarkRule,
    readOpenedRule,
    readFirstTextRule,
  ],
  writes: 1,
  idempotency: 'none',
  preview: async (args, tools) => {
    const { queue, markField } = placeOf(tools.settings);
    const answer = await read(tools, RT, [...API, 'queue', queue]);
    if (!answer.ok) return { refused: answer.failure.result.message };
    if (text(answer.value, 'Disabled') === '1')
      return { refused: `The queue ${queue} of Request Tracker is disabled.` };
    const fields = listOf(answer.value, 'TicketCustomFields');
    if (markField !== '' && !fields.some((field) => text(field, 'name') === markField)) {
      return {
        refused: `Tickets of the queue ${queue} have no custom field "${markField}" that the assistant may see; an operator must add it.`,
      };
    }
    const person = nameThere(tools);
    const refused = await refusedPerson(person, tools);
    if (refused !== null) return { refused };
    return {
      summary: `Open a ticket in the queue ${queue} of Request Tracker.`,
      facts: [
        { label: 'Queue', value: queue },
        { label: 'Opened for', value: tools.requester },
        requesterFact(person, 'nobody'),
        { label: 'Priority', value: text(args, 'priority') || "the queue's own" },
      ],
      pinned: pinnedRequester(person),
    };
  },
  run: async (args, tools) => {
    const wanted = ticketBody(args, tools);
    const made = await write(tools, RT, [...API, 'ticket'], wanted);
    if (!made.ok) return made.failure;
    const number = isFields(made.value) ? String(made.value.id) : '';
    if (!/^[1-9][0-9]*$/.test(number)) throw unclear(RT.name, 'no number');
    // Its number is Request Tracker's word; `follow` reads back what it holds before anybody is told that it is done.
    return { kind: 'running', handle: { number, wanted }, message: `Ticket #${number} is being read back.` };
  },
  reconcile: async (args, tools) => {
    if (placeOf(tools.settings).markField === '') return CANNOT_TELL;
    const wanted = ticketBody(args, tools);
    for (const ticket of await findByMark(tools)) {
      const number = String(ticket.id);
      const first = await firstText(number, tools);
      if (differing(ticket, first, wanted).length === 0) return happened(opened(tools, number));
    }
    return CANNOT_TELL;
  },
  follow: async (handle, tools) => {
    const number = text(handle, 'number');
    const link = linkTo(tools.settings, number);
    const found = await readTicket({ ticket: number }, tools);
    if (!found.ok) {
      const looks = typeof handle.looks === 'number' ? handle.looks + 1 : 1;
      if (looks < READ_BACK_LOOKS) return { kind: 'running', handle: { ...handle, looks }, output: '' };
      const said = `Request Tracker opened ticket #${number} and does not show it. Please look at it there.`;
      return { ...unsure(said, link), output: '' };
    }
    const wanted = isFields(handle.wanted) ? handle.wanted : {};
    const others = differing(found.value, await firstText(number, tools), wanted);
    if (others.length === 0) return { ...opened(tools, number), output: '' };
    const said = `Request Tracker opened ticket #${number}, with another ${listed(others)}. Please look at it there.`;
    return { ...unsure(said, link), output: '' };
  },
};

const commented = (tools: Tools, number: string) =>
  done(tools, number, `The comment is on ticket #${number}.`);

/** Whether what was asked for stands on the ticket, written by our account. */
async function isWritten(args: Args, tools: Tools): Promise<boolean> {
  const { account } = placeOf(tools.settings);
  const wanted = text(commentBody(args, tools), 'Content');
  const isOurs = (item: Fields): boolean =>
    creatorOf(item) === account && sameWords(text(item, 'Content'), wanted);
  for await (const page of writtenOn(numberOf(args), tools)) {
    if (!page.ok) return false;
    if (page.value.some(isOurs)) return true;
  }
  return false;
}

/** Who reads a comment of ours: whoever the ticket itself names, besides staff. */
function readersOf(ticket: Fields, settings: Json): Pick<Preview, 'facts' | 'pinned'> {
  const readBy = (value: string) => ({ label: 'Read by', value });
  if (placeOf(settings).comments !== 'correspond') return { facts: [readBy('staff')], pinned: {} };
  const requestors = namesIn(ticket.Requestor);
  const copied = namesIn(ticket.Cc);
  const words = [
    'staff',
    ...(requestors.length > 0 ? ['the requestor'] : []),
    ...(copied.length > 0 ? ['whoever is copied in'] : []),
  ];
  const isStaffAlone = words.length === 1;
  const named = [...requestors, ...copied].map(inSentence).join(', ');
  return {
    facts: [
      readBy(isStaffAlone ? 'staff alone: the ticket has no requestor' : listed(words)),
      ...(isStaffAlone ? [] : [saidThere('There', named)]),
    ],
    pinned: { readers: named || 'staff' },
  };
}

const comment: Operation = {
  egress: [
    readTicketRule,
    readTextsRule,
    writeRule(RT, '/REST/2.0/ticket/{ticket}/{kind}', {
      fill: ({ args, settings }) => ({ ticket: numberOf(args), kind: placeOf(settings).comments }),
      body: (values) => commentBody(values.args, values),
    }),
  ],
  writes: 1,
  idempotency: 'none',
  preview: async (args, tools) => {
    const found = await readTicket(args, tools);
    if (!found.ok) return { refused: found.failure.result.message };
    const { queue } = placeOf(tools.settings);
    const readers = readersOf(found.value, tools.settings);
    return {
      summary: `Add a comment to ticket #${numberOf(args)} in the queue ${queue} of Request Tracker.`,
      facts: [
        saidThere('Ticket', `“${text(found.value, 'Subject')}”`),
        saidThere('State', text(found.value, 'Status')),
        ...readers.facts,
        { label: 'Written for', value: tools.requester },
      ],
      // Looked at again before it runs: a ticket that has left the queue is not ours to write on, nor for others to read.
      pinned: { queue, ...readers.pinned },
    };
  },
  run: async (args, tools) => {
    const number = numberOf(args);
    const path = [...API, 'ticket', number, placeOf(tools.settings).comments];
    const made = await write(tools, RT, path, commentBody(args, tools));
    if (!made.ok) return made.failure;
    if (await isWritten(args, tools)) return commented(tools, number);
    const said = `Request Tracker took the comment on ticket #${number} and does not show it. Please look at it there.`;
    return unsure(said, linkTo(tools.settings, number));
  },
  reconcile: async (args, tools) =>
    (await isWritten(args, tools)) ? happened(commented(tools, numberOf(args))) : CANNOT_TELL,
  follow: neverFollows,
};

const CLOSED = 'resolved';
const closed = (tools: Tools, number: string) => done(tools, number, `Ticket #${number} is closed.`);

const close: Operation = {
  egress: [
    readTicketRule,
    {
      ...writeRule(RT, '/REST/2.0/ticket/{ticket}', {
        fill: ({ args }) => ({ ticket: numberOf(args) }),
        body: () => ({ Status: CLOSED }),
      }),
      method: 'PUT',
    },
  ],
  writes: 1,
  idempotency: 'natural',
  preview: async (args, tools) => {
    const found = await readTicket(args, tools);
    if (!found.ok) return { refused: found.failure.result.message };
    const { queue } = placeOf(tools.settings);
    const state = text(found.value, 'Status');
    if (state === CLOSED) return { refused: `Ticket #${numberOf(args)} is closed already.` };
    return {
      summary: `Close ticket #${numberOf(args)} in the queue ${queue} of Request Tracker.`,
      facts: [
        saidThere('Ticket', `“${text(found.value, 'Subject')}”`),
        saidThere('State', state),
        { label: 'Closed for', value: tools.requester },
      ],
      // Looked at again before it runs: a ticket that has left the queue is not ours to close.
      pinned: { queue },
    };
  },
  run: async (args, tools) => {
    const number = numberOf(args);
    const made = await write(tools, RT, [...API, 'ticket', number], { Status: CLOSED }, 'PUT');
    if (!made.ok) return made.failure;
    // A lifecycle that does not let it close answers with words and no error: what counts is what stands there now.
    const found = await readTicket(args, tools);
    if (!found.ok) throw unclear(RT.name, 'the ticket cannot be read back');
    if (text(found.value, 'Status') === CLOSED) return closed(tools, number);
    return failed('upstream_rejected', `Request Tracker does not let ticket #${number} be closed.`);
  },
  reconcile: async (args, tools) => {
    const found = await readTicket(args, tools);
    return found.ok && text(found.value, 'Status') === CLOSED
      ? happened(closed(tools, numberOf(args)))
      : CANNOT_TELL;
  },
  follow: neverFollows,
};

const status: Operation = {
  egress: [readTicketRule, readHistoryRule, readTextsRule],
  writes: 0,
  idempotency: 'natural',
  preview: async (args, tools) => ({
    summary: `Read ticket #${numberOf(args)} in the queue ${placeOf(tools.settings).queue} of Request Tracker.`,
    facts: [],
    pinned: {},
  }),
  run: async (args, tools) => {
    const found = await readTicket(args, tools);
    if (!found.ok) return found.failure;
    const number = numberOf(args);
    const texts = await newestOf(shownOn(number, tools));
    if (!texts.ok) return texts.failure;
    const ticket = found.value;
    const owner = inSentence(isFields(ticket.Owner) ? text(ticket.Owner, 'id') : '');
    const [title = '', state = '', priority = ''] = ['Subject', 'Status', 'Priority'].map((name) =>
      text(ticket, name),
    );
    const said = texts.value.map((item) => `${creatorOf(item)}: ${text(item, 'Content')}`);
    const what = placeOf(tools.settings).showsAll ? 'text' : 'public text';
    const message = `Ticket #${number} is ${state}, priority ${priority}, owner ${owner}; ${shownWords(said.length, what)}.`;
    return {
      kind: 'done',
      result: {
        ...done(tools, number, message).result,
        output: quoted([title, ...said]),
        data: { ticket: `#${number}`, state, title, owner },
      },
    };
  },
  reconcile: async () => CANNOT_TELL,
  follow: neverFollows,
};

export const operations = { create, comment, close, status };
