/** Tickets of Request Tracker as the connector's rules and calls both write and read them. Runs in the sandbox. */
import type { Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, failed, isFields, text } from './answer.ts';
import { type Answer, listOf, read, readRule, type System } from './json-call.ts';
import { idOf, nameThere } from './ticket-people.ts';
import { type About, type Args, numberOf, signed } from './ticket-words.ts';

export const RT: System = {
  name: 'Request Tracker',
  host: 'request-tracker',
  credential: 'request-tracker',
  refusals: {
    // What a queue that is not there gets too.
    403: [
      'upstream_forbidden',
      "Request Tracker does not let the assistant's account do this in that queue.",
    ],
    404: ['not_found', 'Request Tracker knows no such ticket or queue, or hides it from the assistant.'],
    409: [
      'upstream_conflict',
      'Request Tracker was changing this ticket at the same moment; look at it, then ask again.',
    ],
  },
};

/** Its REST2, below the upstream's address. */
export const API = ['REST', '2.0'] as const;
const TICKET_FIELDS = 'Subject,Status,Queue,Creator,Owner,Requestor,Cc,Priority,Created,LastUpdated';

export type Place = {
  queue: string;
  account: string;
  web: string;
  markField: string;
  comments: string;
  showsAll: boolean;
  priorities: Fields;
};

export function placeOf(settings: Json): Place {
  const fields = isFields(settings) ? settings : {};
  return {
    queue: text(fields, 'queue'),
    account: text(fields, 'account'),
    web: text(fields, 'web').replace(/\/+$/, ''),
    markField: text(fields, 'mark_field'),
    comments: text(fields, 'comments'),
    showsAll: text(fields, 'shows') === 'all',
    priorities: isFields(fields.priorities) ? fields.priorities : {},
  };
}

export function ticketBody(args: Args, about: About): Fields {
  const { queue, markField, priorities } = placeOf(about.settings);
  const priority = priorities[text(args, 'priority')];
  const requestor = about.pinned.requester;
  return {
    Queue: queue,
    Subject: text(args, 'title'),
    Content: signed(text(args, 'description'), about),
    ContentType: 'text/plain',
    ...(requestor === undefined ? {} : { Requestor: requestor }),
    ...(typeof priority === 'number' ? { Priority: priority } : {}),
    ...(markField === '' ? {} : { CustomFields: { [markField]: about.mark } }),
  };
}

export const commentBody = (args: Args, about: About): Fields => ({
  Content: signed(text(args, 'comment'), about),
  ContentType: 'text/plain',
});

/** One ticket, only if it is in our queue: the query says so, and the broker lets no other pass. */
function ticketQuery(number: string, settings: Json): Record<string, string> {
  return { query: `id = ${number} AND Queue = '${placeOf(settings).queue}'`, fields: TICKET_FIELDS };
}

/** The tickets that carry a mark, written by our own account. */
function markQuery(mark: string, settings: Json): Record<string, string> {
  const { queue, account, markField } = placeOf(settings);
  const ours = `Queue = '${queue}' AND Creator = '${account}'`;
  return { query: `${ours} AND 'CF.{${markField}}' = '${mark}'`, fields: TICKET_FIELDS };
}

export const readTicketRule = readRule(RT, '/REST/2.0/tickets', {
  query: ({ args, settings }) => ticketQuery(numberOf(args), settings),
});
export const readMarkRule = readRule(RT, '/REST/2.0/tickets', {
  query: ({ mark, settings }) => markQuery(mark, settings),
});
/** The ticket that a run has just opened, for reading it back. */
export const readOpenedRule = readRule(RT, '/REST/2.0/tickets', {
  query: ({ handle, settings }) => ticketQuery(text(handle, 'number'), settings),
});

/** Whoever the ticket is opened for, as Request Tracker knows them. */
export const readPersonRule = readRule(RT, '/REST/2.0/user/{person}', {
  fill: (values): Record<string, string> => {
    const person = nameThere(values);
    return person === '' ? {} : { person };
  },
});

/**
 * Why nobody of that name can be the requestor; null where they can. It takes an address for whoever has it, and makes up
 * somebody for one that nobody has: what is sent must be a name, or another would be read back than was approved.
 */
export async function refusedPerson(person: string, tools: Tools): Promise<string | null> {
  if (person === '') return null;
  const answer = await read(tools, RT, [...API, 'user', person]);
  if (!answer.ok && answer.failure.result.code !== 'not_found') return answer.failure.result.message;
  if (answer.ok && text(answer.value, 'Name') === person) return null;
  const id = idOf(tools.requester);
  return `Request Tracker knows nobody by the name that it has for ${id} (\`people\`); an operator must look at it.`;
}

export async function readTicket(args: Args, tools: Tools): Promise<Answer<Fields>> {
  const number = numberOf(args);
  const answer = await read(tools, RT, [...API, 'tickets'], ticketQuery(number, tools.settings));
  if (!answer.ok) return answer;
  const found = listOf(answer.value, 'items').find((item) => String(item.id) === number);
  if (found !== undefined) return { ok: true, value: found };
  const { queue } = placeOf(tools.settings);
  const words = `The queue ${queue} of Request Tracker has no ticket #${number}, or hides it from the assistant.`;
  return { ok: false, failure: failed('not_found', words) };
}

/** The tickets with our mark that our account opened. */
export async function findByMark(tools: Tools): Promise<Fields[]> {
  const answer = await read(tools, RT, [...API, 'tickets'], markQuery(tools.mark, tools.settings));
  if (!answer.ok) return [];
  const { account } = placeOf(tools.settings);
  return listOf(answer.value, 'items').filter((item) => creatorOf(item) === account);
}

/** In what a ticket is not what was asked for; `first` is its first text. */
export function differing(ticket: Fields, first: string, wanted: Fields): string[] {
  const isSame: Record<string, boolean> = {
    title: text(ticket, 'Subject') === text(wanted, 'Subject'),
    description: sameWords(first, text(wanted, 'Content')),
    requester:
      wanted.Requestor === undefined || sameList(namesIn(ticket.Requestor), [text(wanted, 'Requestor')]),
    priority: wanted.Priority === undefined || String(ticket.Priority) === String(wanted.Priority),
  };
  return Object.keys(isSame).filter((name) => isSame[name] === false);
}

/** Who wrote it: Request Tracker names people in `{type, id, _url}`. */
export const creatorOf = (item: Fields): string => (isFields(item.Creator) ? text(item.Creator, 'id') : '');

/** Requestors, or whoever gets a copy: Request Tracker names people in a list of `{type, id, _url}`. */
export const namesIn = (people: Json | undefined): string[] =>
  (Array.isArray(people) ? people : []).filter(isFields).map((one) => text(one, 'id'));
const sameList = (a: readonly string[], b: readonly string[]): boolean => a.join('\n') === b.join('\n');

/** Lines may end otherwise after a way through mail. */
export const sameWords = (a: string, b: string): boolean => {
  const plain = (words: string): string => words.replaceAll('\r\n', '\n').trimEnd();
  return plain(a) === plain(b);
};

export const linkTo = (settings: Json, number: string): string =>
  `${placeOf(settings).web}/Ticket/Display.html?id=${number}`;
