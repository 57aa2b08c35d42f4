/** Tickets in Zendesk Support over its Tickets API. Bundled and run in the sandbox; every call passes the broker. */
import type { Operation, RunResult, Tools } from '../../src/action.ts';
import type { Preview } from '../../src/model/request.ts';
import { type Fields, isFields, saidThere, text, unclear, unsure } from './answer.ts';
import { listOf, write, writeRule } from './json-call.ts';
import { nameThere, pinnedRequester, requesterFact } from './ticket-people.ts';
import {
  type About,
  type Args,
  CANNOT_TELL,
  done,
  happened,
  listed,
  neverFollows,
  newestOf,
  numberOf,
  quoted,
  sameWords,
  shownWords,
  signed,
} from './ticket-words.ts';
import { ZENDESK } from './zendesk-errors.ts';
import {
  API,
  commentBody,
  commentsOf,
  differing,
  type Found,
  findByMark,
  isDone,
  linkTo,
  placeOf,
  readCommentsRule,
  readMarkRule,
  readTicket,
  readTicketRule,
  type Said,
  SOLVED,
  ticketBody,
  wordsOf,
} from './zendesk-tickets.ts';

const about = (tools: Tools, number: string, message: string) =>
  done(`#${number}`, linkTo(tools.settings, number), message);
const opened = (tools: Tools, number: string) => about(tools, number, `Ticket #${number} is open.`);
const commented = (tools: Tools, number: string) =>
  about(tools, number, `The comment is on ticket #${number}.`);
const closed = (tools: Tools, number: string) => about(tools, number, `Ticket #${number} is closed.`);

/** Who reads a text of ours; `requester`: the id of whom the ticket has as its requester, our own account where it is nobody else. */
function readers(requester: string, tools: Tools): string {
  const { isPublic, account } = placeOf(tools.settings);
  if (!isPublic) return 'agents';
  return requester === account
    ? 'agents and everybody copied in: nobody but the assistant is the requester'
    : 'agents, the requester and everybody copied in';
}

/** Looked at again before it runs: a ticket that has left our group is not ours to change. */
const pinned = (tools: Tools): Record<string, string> => {
  const { group } = placeOf(tools.settings);
  return group === '' ? {} : { group };
};

const create: Operation = {
  egress: [
    writeRule(ZENDESK, '/api/v2/tickets', { body: (values) => ticketBody(values.args, values) }),
    readMarkRule,
  ],
  writes: 1,
  /**
   * Zendesk enforces the key on this call: the same answer again, and an error for another body. It forgets it after two
   * hours (https://developer.zendesk.com/api-reference/ticketing/introduction/#idempotency), and a crash may be found later
   * than that: so a lost answer is looked for instead, by the mark.
   */
  idempotency: 'none',
  preview: async (args, tools) => {
    const { group, account } = placeOf(tools.settings);
    const person = nameThere(tools);
    return {
      summary: 'Open a ticket in Zendesk.',
      facts: [
        ...(group === '' ? [] : [{ label: 'Group', value: group }]),
        { label: 'Read by', value: readers(person || account, tools) },
        { label: 'Priority', value: text(args, 'priority') || 'none' },
        { label: 'Opened for', value: tools.requester },
        requesterFact(person, "the assistant's account"),
      ],
      pinned: pinnedRequester(person),
    };
  },
  run: async (args, tools) => {
    const made = await write(tools, ZENDESK, API, ticketBody(args, tools));
    if (!made.ok) return made.failure;
    const ticket = isFields(made.value) && isFields(made.value.ticket) ? made.value.ticket : {};
    const number = String(ticket.id);
    if (!/^[1-9][0-9]*$/.test(number)) throw unclear(ZENDESK.name, 'no number');
    const others = differing(ticket, args, tools);
    if (others.length === 0) return opened(tools, number);
    const said = `Zendesk opened ticket #${number}, with another ${listed(others)}. Please look at it there.`;
    return unsure(said, linkTo(tools.settings, number));
  },
  reconcile: async (args, tools) => {
    const ticket = await findByMark(args, tools);
    return ticket === null ? CANNOT_TELL : happened(opened(tools, String(ticket.id)));
  },
  follow: neverFollows,
};

type Shown = Pick<Preview, 'facts' | 'pinned'>;

/** A change of one ticket, previewed with what the ticket is now. */
function change(what: string, body: (args: Args, about: About) => Fields) {
  return {
    rule: writeRule(ZENDESK, '/api/v2/tickets/{ticket}', {
      method: 'PUT',
      fill: ({ args }) => ({ ticket: numberOf(args) }),
      body: (values) => body(values.args, values),
    }),
    send: (args: Args, tools: Tools) =>
      write(tools, ZENDESK, [...API, numberOf(args)], body(args, tools), 'PUT'),
    async preview(
      args: Args,
      tools: Tools,
      isRefused: (ticket: Fields) => string | null,
      moreOf: (found: Found) => Shown,
    ) {
      const found = await readTicket(args, tools);
      if (!found.ok) return { refused: found.failure.result.message };
      const refused = isRefused(found.value.ticket);
      if (refused !== null) return { refused };
      const more = moreOf(found.value);
      return {
        summary: `${what} ticket #${numberOf(args)} in Zendesk.`,
        facts: [
          saidThere('Ticket', `“${text(found.value.ticket, 'subject')}”`),
          saidThere('State', text(found.value.ticket, 'status')),
          ...more.facts,
        ],
        pinned: { ...pinned(tools), ...more.pinned },
      };
    },
  };
}

const commenting = change('Add a comment to', commentBody);

/** Whether Zendesk let it be read by whom it was meant for: some agents' public comments become internal ones. */
function hasOtherReaders(answer: Fields, tools: Tools): boolean {
  const audit = isFields(answer.audit) ? answer.audit : {};
  const comment = listOf(audit, 'events').find((event) => text(event, 'type') === 'Comment');
  return comment?.public !== placeOf(tools.settings).isPublic;
}

const comment: Operation = {
  egress: [readTicketRule, readCommentsRule, commenting.rule],
  writes: 1,
  idempotency: 'none',
  preview: (args, tools) =>
    commenting.preview(
      args,
      tools,
      (ticket) =>
        text(ticket, 'status') === 'closed'
          ? `Ticket #${numberOf(args)} is closed; Zendesk lets nobody write on it any more.`
          : null,
      ({ ticket, requester }) => {
        const { isPublic } = placeOf(tools.settings);
        const id = String(ticket.requester_id);
        return {
          facts: [
            { label: 'Read by', value: readers(id, tools) },
            ...(isPublic ? [saidThere('Requester there', requester)] : []),
            { label: 'Written for', value: tools.requester },
          ],
          // Looked at again before it runs, so that nobody reads it of whom the card did not say so.
          pinned: isPublic ? { requester: id } : {},
        };
      },
    ),
  run: async (args, tools): Promise<RunResult> => {
    const made = await commenting.send(args, tools);
    if (!made.ok) return made.failure;
    const number = numberOf(args);
    if (!hasOtherReaders(isFields(made.value) ? made.value : {}, tools)) return commented(tools, number);
    const said = `The comment is on ticket #${number}, but not to be read by ${readers(tools.pinned.requester ?? '', tools)}. Please look at it there.`;
    return unsure(said, linkTo(tools.settings, number));
  },
  reconcile: async (args, tools) => {
    const { account, isPublic } = placeOf(tools.settings);
    const wanted = signed(text(args, 'comment'), tools);
    for await (const page of commentsOf(args, tools)) {
      if (!page.ok) return CANNOT_TELL;
      const isOurs = ({ comment }: Said) =>
        String(comment.author_id) === account &&
        comment.public === isPublic &&
        sameWords(wordsOf(comment), wanted);
      if (page.value.some(isOurs)) return happened(commented(tools, numberOf(args)));
    }
    return CANNOT_TELL;
  },
  follow: neverFollows,
};

const closing = change('Solve', () => SOLVED);

const close: Operation = {
  egress: [readTicketRule, closing.rule],
  writes: 1,
  idempotency: 'natural',
  preview: (args, tools) =>
    closing.preview(
      args,
      tools,
      (ticket) => (isDone(ticket) ? `Ticket #${numberOf(args)} is closed already.` : null),
      () => ({ facts: [{ label: 'Closed for', value: tools.requester }], pinned: {} }),
    ),
  run: async (args, tools) => {
    const number = numberOf(args);
    const before = await readTicket(args, tools);
    // At a second try, too: a ticket that Zendesk has closed for good takes no more changes.
    if (before.ok && isDone(before.value.ticket)) return closed(tools, number);
    const made = await closing.send(args, tools);
    if (!made.ok) return made.failure;
    const after = await readTicket(args, tools);
    if (!after.ok) throw unclear(ZENDESK.name, 'the ticket cannot be read back');
    if (isDone(after.value.ticket)) return closed(tools, number);
    const said = `Zendesk took ticket #${number} as solved and shows it as open again. Please look at it there.`;
    return unsure(said, linkTo(tools.settings, number));
  },
  reconcile: async (args, tools) => {
    const found = await readTicket(args, tools);
    return found.ok && isDone(found.value.ticket) ? happened(closed(tools, numberOf(args))) : CANNOT_TELL;
  },
  follow: neverFollows,
};

const status: Operation = {
  egress: [readTicketRule, readCommentsRule],
  writes: 0,
  idempotency: 'natural',
  preview: async (args) => ({
    summary: `Read ticket #${numberOf(args)} in Zendesk.`,
    facts: [],
    pinned: {},
  }),
  run: async (args, tools) => {
    const found = await readTicket(args, tools);
    if (!found.ok) return found.failure;
    const { showsAll } = placeOf(tools.settings);
    const isShown = ({ comment }: Said): boolean => showsAll || comment.public === true;
    const newest = await newestOf(commentsOf(args, tools), isShown);
    if (!newest.ok) return newest.failure;
    const { ticket, owner } = found.value;
    const number = numberOf(args);
    const [title, state, priority] = ['subject', 'status', 'priority'].map((name) => text(ticket, name));
    const said = newest.value.map(({ comment, author }) => `${author || 'somebody'}: ${wordsOf(comment)}`);
    const texts = shownWords(said.length, showsAll ? 'text' : 'public text');
    const message = `Ticket #${number} is ${state}, priority ${priority || 'none'}, owner ${owner}; ${texts}.`;
    const { result } = about(tools, number, message);
    return {
      kind: 'done',
      result: {
        ...result,
        output: quoted([title ?? '', ...said]),
        data: { ticket: `#${number}`, state: state ?? '', title: title ?? '', owner },
      },
    };
  },
  reconcile: async () => CANNOT_TELL,
  follow: neverFollows,
};

export const operations = { create, comment, close, status };
