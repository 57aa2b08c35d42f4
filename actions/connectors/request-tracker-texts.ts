/**
 * What people wrote on a ticket of Request Tracker, and who may read it. A text is an attachment of a transaction; only the
 * transaction's kind says whether the requestor may read it too. Runs in the sandbox.
 */
import type { Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, text } from './answer.ts';
import { type Answer, listOf, read, readRule } from './json-call.ts';
import { API, placeOf, RT } from './request-tracker-tickets.ts';
import { numberOf } from './ticket-words.ts';

const PER_PAGE = 100;
/** Attachments of one ticket, in pages, newest first: absence is never proof, so there is no need to read them all. */
const TEXT_PAGES = 10;
const NEWEST = { orderby: 'id', order: 'DESC', per_page: String(PER_PAGE) };
const textFields = { fields: 'Content,ContentType,Creator,Created,TransactionId' };
const textQuery = { ...textFields, ...NEWEST };

/** What the requestor may read: how the ticket began, and every reply. Whatever is not known to be one of these is internal. */
const PUBLIC_KINDS = ['Create', 'Correspond'];
const kindsFor = (settings: Json): string[] =>
  placeOf(settings).showsAll ? [...PUBLIC_KINDS, 'Comment'] : PUBLIC_KINDS;

const historyQuery = (settings: Json) => ({
  ...NEWEST,
  fields: 'Type',
  query: JSON.stringify(kindsFor(settings).map((value) => ({ field: 'Type', value }))),
});

const withTicket = ({ args }: { args: Record<string, Json> }) => ({ ticket: numberOf(args) });
const TEXTS = '/REST/2.0/ticket/{ticket}/attachments';
export const readTextsRule = readRule(RT, TEXTS, {
  fill: withTicket,
  query: () => ({ ...textQuery, page: null }),
});
export const readHistoryRule = readRule(RT, '/REST/2.0/ticket/{ticket}/history', {
  fill: withTicket,
  query: ({ settings }) => historyQuery(settings),
});
/** How a ticket begins that was just opened, or is found by its mark: only an answer tells its number. */
export const readFirstTextRule = readRule(RT, TEXTS, {
  free: { ticket: 'number' },
  query: () => textFields,
});

const isPlain = (item: Fields): boolean => text(item, 'ContentType') === 'text/plain';

/** The first text of a ticket; empty where it cannot be read. */
export async function firstText(number: string, tools: Tools): Promise<string> {
  const answer = await read(tools, RT, [...API, 'ticket', number, 'attachments'], textFields);
  const first = answer.ok ? listOf(answer.value, 'items').find(isPlain) : undefined;
  return first === undefined ? '' : text(first, 'Content');
}

/** Pages of attachments, newest first. What the account may not see is left out of its page, so a short one need not be the last. */
async function* attachmentsOf(number: string, tools: Tools): AsyncGenerator<Answer<Fields[]>> {
  for (let page = 1; page <= TEXT_PAGES; page += 1) {
    const path = [...API, 'ticket', number, 'attachments'];
    const answer = await read(tools, RT, path, { ...textQuery, page: String(page) });
    if (!answer.ok) return yield answer;
    const items = listOf(answer.value, 'items');
    if (items.length === 0) return;
    yield { ok: true, value: items };
  }
}

/** Pages of everything written on a ticket that our account may see, newest first. */
export async function* writtenOn(number: string, tools: Tools): AsyncGenerator<Answer<Fields[]>> {
  for await (const page of attachmentsOf(number, tools))
    yield page.ok ? { ok: true, value: page.value.filter(isPlain) } : page;
}

/** The same of what may be shown: of the newest hundred entries that are known to be of such a kind. */
export async function* shownOn(number: string, tools: Tools): AsyncGenerator<Answer<Fields[]>> {
  const path = [...API, 'ticket', number, 'history'];
  const history = await read(tools, RT, path, historyQuery(tools.settings));
  if (!history.ok) return yield history;
  const kinds = kindsFor(tools.settings);
  const entries = listOf(history.value, 'items').filter((entry) => kinds.includes(text(entry, 'Type')));
  const shown = new Set(entries.map((entry) => String(entry.id)));
  if (shown.size === 0) return;
  const oldest = Math.min(...entries.map((entry) => Number(entry.id)));
  for await (const page of attachmentsOf(number, tools)) {
    if (!page.ok) return yield page;
    const isShown = (item: Fields) => isPlain(item) && shown.has(String(item.TransactionId));
    yield { ok: true, value: page.value.filter(isShown) };
    if (page.value.some((item) => Number(item.TransactionId) <= oldest)) return;
  }
}
