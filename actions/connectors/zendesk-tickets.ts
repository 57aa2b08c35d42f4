/**
 * Tickets of Zendesk as the connector's rules and calls both write and read them. Runs in the sandbox.
 * https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/
 * https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments/
 */
import type { Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, failed, isFields, text } from './answer.ts';
import { type Answer, listOf, read, readRule } from './json-call.ts';
import { type About, type Args, broken, inSentence, numberOf, sameWords, signed } from './ticket-words.ts';
import { ZENDESK } from './zendesk-errors.ts';

export const API = ['api', 'v2', 'tickets'] as const;
/** Zendesk's own most. */
const PER_PAGE = '100';
/** Comments of one ticket, in pages, newest first: absence is never proof, so there is no need to read them all. */
const COMMENT_PAGES = 10;

export type Place = { account: string; web: string; group: string; isPublic: boolean; showsAll: boolean };

export function placeOf(settings: Json): Place {
  const fields = isFields(settings) ? settings : {};
  return {
    account: text(fields, 'account'),
    web: text(fields, 'web').replace(/\/+$/, ''),
    group: text(fields, 'group'),
    isPublic: text(fields, 'comments') === 'public',
    showsAll: text(fields, 'shows') === 'all',
  };
}

export const linkTo = (settings: Json, number: string): string =>
  `${placeOf(settings).web}/agent/tickets/${number}`;

/** Liquid placeholders would be filled in, and a name after an at sign might be told. */
const plain = (words: string): string => broken(words, /\{[{%]|(?<!\S)@(?=\w)/g);

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** As HTML, since Zendesk may take plain text for Markdown: here every character stands for itself. */
const html = (words: string): string =>
  plain(words)
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
    .replace(/\r?\n/g, '<br>');

const commentOf = (words: string, about: About): Fields => ({
  html_body: html(signed(words, about)),
  public: placeOf(about.settings).isPublic,
});

export function ticketBody(args: Args, about: About): Fields {
  const { group, account } = placeOf(about.settings);
  const priority = text(args, 'priority');
  const { requester } = about.pinned;
  return {
    ticket: {
      subject: plain(text(args, 'title')),
      comment: commentOf(text(args, 'description'), about),
      // Written by us only, and what the ticket is found by again.
      external_id: about.mark,
      // Without its submitter named the requester would be taken for the author of the first text.
      ...(requester === undefined ? {} : { requester_id: Number(requester), submitter_id: Number(account) }),
      ...(priority === '' ? {} : { priority }),
      ...(group === '' ? {} : { group_id: Number(group) }),
    },
  };
}

export const commentBody = (args: Args, about: About): Fields => ({
  ticket: { comment: commentOf(text(args, 'comment'), about) },
});

export const SOLVED = { ticket: { status: 'solved' } } as const;
export const isDone = (ticket: Fields): boolean => ['solved', 'closed'].includes(text(ticket, 'status'));

const WITH_PEOPLE = { include: 'users' };
const markQuery = (mark: string) => ({ external_id: mark, 'page[size]': PER_PAGE });
const commentQuery = { ...WITH_PEOPLE, sort: '-created_at', 'page[size]': PER_PAGE };

const withNumber = ({ args }: { args: Args }) => ({ ticket: numberOf(args) });
export const readTicketRule = readRule(ZENDESK, '/api/v2/tickets/{ticket}', {
  fill: withNumber,
  query: () => WITH_PEOPLE,
});
export const readMarkRule = readRule(ZENDESK, '/api/v2/tickets', { query: ({ mark }) => markQuery(mark) });
export const readCommentsRule = readRule(ZENDESK, '/api/v2/tickets/{ticket}/comments', {
  fill: withNumber,
  query: () => ({ ...commentQuery, 'page[after]': null }),
});

export type Found = { ticket: Fields; owner: string; requester: string };

/** A ticket with the names of its people; only if it is in our group, where we have one. */
export async function readTicket(args: Args, tools: Tools): Promise<Answer<Found>> {
  const answer = await read(tools, ZENDESK, [...API, numberOf(args)], WITH_PEOPLE);
  if (!answer.ok) return answer;
  const ticket = isFields(answer.value.ticket) ? answer.value.ticket : {};
  const { group } = placeOf(tools.settings);
  if (group !== '' && String(ticket.group_id) !== group) {
    const words = `Ticket #${numberOf(args)} of Zendesk is not in the assistant's group.`;
    return { ok: false, failure: failed('not_found', words) };
  }
  return {
    ok: true,
    value: {
      ticket,
      owner: inSentence(nameOf(answer.value, ticket.assignee_id)) || 'nobody',
      requester: inSentence(nameOf(answer.value, ticket.requester_id)) || 'somebody',
    },
  };
}

/** Names come beside the list, by id (`include=users`). */
const nameOf = (answer: Fields, id: Json | undefined): string =>
  text(listOf(answer, 'users').find((user) => user.id === id) ?? {}, 'name');

/**
 * The tickets with our mark that our account submitted. A list by `external_id` is read from the tickets themselves, not from
 * the search index, which is minutes behind.
 */
export async function findByMark(args: Args, tools: Tools): Promise<Fields | null> {
  const answer = await read(tools, ZENDESK, API, markQuery(tools.mark));
  if (!answer.ok) return null;
  const { account } = placeOf(tools.settings);
  const isOurs = (ticket: Fields): boolean =>
    String(ticket.submitter_id) === account && differing(ticket, args, tools).length === 0;
  return listOf(answer.value, 'tickets').find(isOurs) ?? null;
}

/**
 * In what a ticket is not what was asked for: an account's own triggers change fields, and a light agent's first text is internal.
 * `is_public` says whether anybody but agents may read one of its texts; a new ticket has one.
 */
export function differing(ticket: Fields, args: Args, about: About): string[] {
  const { group, isPublic } = placeOf(about.settings);
  const priority = text(args, 'priority');
  const { requester } = about.pinned;
  const wanted: Record<string, boolean> = {
    title: sameWords(text(ticket, 'subject'), text(args, 'title')),
    description: sameWords(text(ticket, 'description'), signed(text(args, 'description'), about)),
    mark: text(ticket, 'external_id') === about.mark,
    priority: priority === '' || text(ticket, 'priority') === priority,
    requester: requester === undefined || String(ticket.requester_id) === requester,
    group: group === '' || String(ticket.group_id) === group,
    'set of readers': ticket.is_public === isPublic,
  };
  return Object.keys(wanted).filter((name) => wanted[name] === false);
}

/** A comment with its author's name. */
export type Said = { comment: Fields; author: string };

/** One page of comments after another, newest first. Zendesk cannot be asked for public ones alone. */
export async function* commentsOf(args: Args, tools: Tools): AsyncGenerator<Answer<Said[]>> {
  let after = '';
  for (let page = 0; page < COMMENT_PAGES; page += 1) {
    const query = after === '' ? commentQuery : { ...commentQuery, 'page[after]': after };
    const answer = await read(tools, ZENDESK, [...API, numberOf(args), 'comments'], query);
    if (!answer.ok) return yield answer;
    const { value } = answer;
    const comments = listOf(value, 'comments');
    yield {
      ok: true,
      value: comments.map((comment) => ({ comment, author: nameOf(value, comment.author_id) })),
    };
    const meta = isFields(value.meta) ? value.meta : {};
    after = text(meta, 'after_cursor');
    if (meta.has_more !== true || after === '') return;
  }
}

export const wordsOf = (comment: Fields): string => text(comment, 'plain_body') || text(comment, 'body');
