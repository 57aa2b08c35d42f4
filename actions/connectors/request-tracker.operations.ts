/** Tickets in Request Tracker 5 over its REST2. Bundled and run in the sandbox; every call passes the broker. */
import type { Operation, RunResult, Tools } from '../../src/action.ts';
import { type Fields, failed, isFields, saidThere, text, unclear, unsure } from './answer.ts';
import { listOf, read, readRule, write, writeRule } from './json-call.ts';
import {
  API,
  commentBody,
  creatorOf,
  findByMark,
  linkTo,
  placeOf,
  RT,
  readMarkRule,
  readTexts,
  readTextsRule,
  readTicket,
  readTicketRule,
  sameWords,
  ticketBody,
} from './request-tracker-tickets.ts';
import { neverFollows, numberOf } from './ticket-words.ts';

/** The newest texts that a look at a ticket shows, and all of it together, in characters. */
const TEXTS_SHOWN = 20;
const MAX_OUTPUT_CHARS = 16_000;

function done(tools: Tools, number: string, message: string): RunResult {
  const link = linkTo(tools.settings, number);
  return { kind: 'done', result: { code: 'done', message, link, data: { ticket: `#${number}` } } };
}

const opened = (tools: Tools, number: string) => done(tools, number, `Ticket #${number} is open.`);

const create: Operation = {
  egress: [
    readRule(RT, '/REST/2.0/queue/{queue}', { fill: ({ settings }) => ({ queue: placeOf(settings).queue }) }),
    writeRule(RT, '/REST/2.0/ticket', { body: (values) => ticketBody(values.args, values) }),
    readMarkRule,
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
    return {
      summary: `Open a ticket in the queue ${queue} of Request Tracker.`,
      facts: [
        { label: 'Queue', value: queue },
        { label: 'Opened for', value: tools.requester },
        { label: 'Priority', value: text(args, 'priority') || "the queue's own" },
      ],
      pinned: {},
    };
  },
  run: async (args, tools) => {
    const made = await write(tools, RT, [...API, 'ticket'], ticketBody(args, tools));
    if (!made.ok) return made.failure;
    const number = isFields(made.value) ? String(made.value.id) : '';
    if (!/^[1-9][0-9]*$/.test(number)) throw unclear(RT.name, 'no number');
    return opened(tools, number);
  },
  reconcile: async (args, tools) => {
    const { account, markField } = placeOf(tools.settings);
    if (markField === '') return { kind: 'cannot_tell' };
    const found = await findByMark(tools);
    const ticket = found.ok
      ? found.value.find(
          (item) => creatorOf(item) === account && text(item, 'Subject') === text(args, 'title'),
        )
      : undefined;
    return ticket === undefined
      ? { kind: 'cannot_tell' }
      : { kind: 'happened', outcome: opened(tools, String(ticket.id)) };
  },
  follow: neverFollows,
};

const commented = (tools: Tools, number: string) =>
  done(tools, number, `The comment is on ticket #${number}.`);

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
    const { queue, comments } = placeOf(tools.settings);
    return {
      summary: `Add a comment to ticket #${numberOf(args)} in the queue ${queue} of Request Tracker.`,
      facts: [
        saidThere('Ticket', `“${text(found.value, 'Subject')}”`),
        saidThere('State', text(found.value, 'Status')),
        { label: 'Read by', value: comments === 'correspond' ? 'staff and the requestor' : 'staff' },
        { label: 'Written for', value: tools.requester },
      ],
      // Looked at again before it runs: a ticket that has left the queue is not ours to write on.
      pinned: { queue },
    };
  },
  run: async (args, tools) => {
    const number = numberOf(args);
    const path = [...API, 'ticket', number, placeOf(tools.settings).comments];
    const made = await write(tools, RT, path, commentBody(args, tools));
    return made.ok ? commented(tools, number) : made.failure;
  },
  reconcile: async (args, tools) => {
    const { account } = placeOf(tools.settings);
    const wanted = text(commentBody(args, tools), 'Content');
    const texts = await readTexts(args, tools);
    const found =
      texts.ok &&
      texts.value.some((item) => creatorOf(item) === account && sameWords(text(item, 'Content'), wanted));
    return found ? { kind: 'happened', outcome: commented(tools, numberOf(args)) } : { kind: 'cannot_tell' };
  },
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
      ? { kind: 'happened', outcome: closed(tools, numberOf(args)) }
      : { kind: 'cannot_tell' };
  },
  follow: neverFollows,
};

const status: Operation = {
  egress: [readTicketRule, readTextsRule],
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
    const texts = await readTexts(args, tools);
    if (!texts.ok) return texts.failure;
    const number = numberOf(args);
    const ticket = found.value;
    const owner = isFields(ticket.Owner) ? text(ticket.Owner, 'id') : '';
    const [title, state, priority] = ['Subject', 'Status', 'Priority'].map((name) => text(ticket, name));
    const said = texts.value
      .slice(-TEXTS_SHOWN)
      .map((item) => `${creatorOf(item)}: ${text(item, 'Content')}`);
    const has = `${texts.value.length} ${texts.value.length === 1 ? 'text' : 'texts'}`;
    return {
      kind: 'done',
      result: {
        code: 'done',
        message: `Ticket #${number} is ${state}, priority ${priority}, owner ${owner}, with ${has}.`,
        link: linkTo(tools.settings, number),
        // Other people's words: whoever shows them marks them as such.
        output: [title, ...said].join('\n').slice(0, MAX_OUTPUT_CHARS),
        data: {
          ticket: `#${number}`,
          state: state ?? '',
          title: title ?? '',
          owner,
          texts: texts.value.length,
        },
      },
    };
  },
  reconcile: async () => ({ kind: 'cannot_tell' }),
  follow: neverFollows,
};

export const operations = { create, comment, close, status };
