/**
 * Incidents of ServiceNow as the connector's rules and calls both write and read them. Runs in the sandbox.
 * ServiceNow, "Table API" (GET, POST, PATCH /api/now/table/{tableName}); "Journal field type".
 */
import type { Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, failed, isFields, text } from './answer.ts';
import { type Answer, listOf, read, readRule } from './json-call.ts';
import { SERVICENOW } from './servicenow-errors.ts';
import { type About, type Args, broken, sameWords, signed } from './ticket-words.ts';

export const TABLE = ['api', 'now', 'table'] as const;
export const INCIDENTS = [...TABLE, 'incident'];
/** Where comments and work notes are kept, one row each. */
const JOURNAL = 'sys_journal_field';
const PER_PAGE = 100;
/** Rows of one incident's journal, in pages, newest first: absence is never proof, so there is no need to read them all. */
const JOURNAL_PAGES = 10;
/** Lengths of the base system's columns: what is longer is cut off without a word. */
export const MAX_TITLE_CHARS = 160;
export const MAX_TEXT_CHARS = 4_000;
const FIELDS =
  'sys_id,number,short_description,description,state,priority,urgency,caller_id,assigned_to,assignment_group,correlation_id,sys_created_by';

export type Place = {
  account: string;
  web: string;
  group: string;
  caller: string;
  /** The journal field that comments go to. */
  field: 'work_notes' | 'comments';
  showsAll: boolean;
  urgencies: Fields;
  closing: { state: string; code: string };
};

export function placeOf(settings: Json): Place {
  const fields = isFields(settings) ? settings : {};
  const closing = isFields(fields.closing) ? fields.closing : {};
  return {
    account: text(fields, 'account'),
    web: text(fields, 'web').replace(/\/+$/, ''),
    group: text(fields, 'group'),
    caller: text(fields, 'caller'),
    field: text(fields, 'comments') === 'public' ? 'comments' : 'work_notes',
    showsAll: text(fields, 'shows') === 'all',
    urgencies: isFields(fields.urgencies) ? fields.urgencies : {},
    closing: { state: text(closing, 'state'), code: text(closing, 'code') },
  };
}

/** `INC0010023`; empty for what is written otherwise. Nothing in it can begin another condition of a query. */
export const numberOf = (args: Args): string =>
  /^[A-Z]{2,10}[0-9]{5,12}$/.exec(text(args, 'ticket').toUpperCase())?.[0] ?? '';

export const linkTo = (settings: Json, number: string): string =>
  `${placeOf(settings).web}/nav_to.do?uri=${encodeURIComponent(`incident.do?sysparm_query=number=${number}`)}`;

/** `[code]` would make HTML of what follows in a journal, `@[` a mention that tells somebody. */
const plain = (words: string): string => broken(words, /\[\/?code\]|@\[/gi);

/** Whoever asked, as the preview has pinned them, or the one of the settings; empty where none is named. */
const callerOf = ({ pinned, settings }: Pick<About, 'pinned' | 'settings'>): string =>
  pinned.requester ?? placeOf(settings).caller;

export function incidentBody(args: Args, about: About): Fields {
  const { group, urgencies } = placeOf(about.settings);
  const caller = callerOf(about);
  const urgency = text(urgencies, text(args, 'priority'));
  return {
    short_description: plain(text(args, 'title')),
    description: plain(signed(text(args, 'description'), about)),
    // Written by us only, and what the incident is found by again.
    correlation_id: about.mark,
    correlation_display: 'Countersign',
    ...(urgency === '' ? {} : { urgency }),
    ...(group === '' ? {} : { assignment_group: group }),
    ...(caller === '' ? {} : { caller_id: caller }),
  };
}

export const commentBody = (args: Args, about: About): Fields => ({
  [placeOf(about.settings).field]: plain(signed(text(args, 'comment'), about)),
});

export function closeBody(_args: Args, about: About): Fields {
  const { state, code } = placeOf(about.settings).closing;
  return { state, close_code: code, close_notes: plain(signed('', about)) };
}

/** Resolved, closed and cancelled in the base system, and whatever the operator closes with. */
export const isDone = (incident: Fields, settings: Json): boolean =>
  ['6', '7', '8', placeOf(settings).closing.state].includes(storedOf(incident, 'state'));

/** With `sysparm_display_value=all` a field is `{value, display_value}`; without, a string, or `{link, value}`. */
export function storedOf(record: Fields, name: string): string {
  const field = record[name];
  return isFields(field) ? text(field, 'value') : text(record, name);
}
export function shownOf(record: Fields, name: string): string {
  const field = record[name];
  return isFields(field) ? text(field, 'display_value') || text(field, 'value') : text(record, name);
}

const asQuery = (conditions: readonly string[], limit: number) => ({
  sysparm_query: conditions.join('^'),
  sysparm_fields: FIELDS,
  sysparm_display_value: 'all',
  sysparm_exclude_reference_link: 'true',
  sysparm_limit: String(limit),
});

/** One incident, only if it is in our group, where we have one: the query says so, and the broker lets no other pass. */
function incidentQuery(args: Args, settings: Json): Record<string, string> {
  const { group } = placeOf(settings);
  const number = numberOf(args);
  if (number === '') throw new Error('no number to look for');
  return asQuery([`number=${number}`, ...(group === '' ? [] : [`assignment_group=${group}`])], 1);
}

const markQuery = (mark: string, settings: Json): Record<string, string> =>
  asQuery([`correlation_id=${mark}`, `sys_created_by=${placeOf(settings).account}`], 10);

/** Entries of the journal, newest first: where notes of staff may not be shown they are not asked for, and so hide nothing. */
export const shownElements = (settings: Json): string =>
  placeOf(settings).showsAll ? 'elementINcomments,work_notes' : 'element=comments';
export const ownElement = (settings: Json): string => `element=${placeOf(settings).field}`;
const journalQuery = (incident: string, elements: string) => ({
  sysparm_query: `element_id=${incident}^${elements}^ORDERBYDESCsys_created_on`,
  sysparm_fields: 'element,value,sys_created_by,sys_created_on',
  sysparm_limit: String(PER_PAGE),
});

/** The journal as everybody who sees the incident sees it: one text of all entries, newest first. */
const notesQuery = (settings: Json) => ({
  sysparm_fields: placeOf(settings).field,
  sysparm_display_value: 'true',
});

export const pinnedIncident = ({ pinned }: { pinned: Readonly<Record<string, string>> }) => ({
  incident: pinned.incident ?? '',
});
export const readIncidentRule = readRule(SERVICENOW, '/api/now/table/incident', {
  query: ({ args, settings }) => incidentQuery(args, settings),
});
export const readMarkRule = readRule(SERVICENOW, '/api/now/table/incident', {
  query: ({ mark, settings }) => markQuery(mark, settings),
});
export const readNotesRule = readRule(SERVICENOW, '/api/now/table/incident/{incident}', {
  fill: pinnedIncident,
  query: ({ settings }) => notesQuery(settings),
});
const readJournal = (elements: (settings: Json) => string) =>
  readRule(SERVICENOW, '/api/now/table/{journal}', {
    fill: () => ({ journal: JOURNAL }),
    query: ({ pinned, settings }) => ({
      ...journalQuery(pinned.incident ?? '', elements(settings)),
      sysparm_offset: null,
    }),
  });
export const readShownRule = readJournal(shownElements);
export const readOwnRule = readJournal(ownElement);

const unknown = (words: string) => ({ ok: false, failure: failed('not_found', words) }) as const;

/** An incident, only if its number is the one asked for: ServiceNow leaves out conditions that it does not understand. */
export async function readIncident(args: Args, tools: Tools): Promise<Answer<Fields>> {
  const number = numberOf(args);
  if (number === '') return unknown('Incidents of ServiceNow are written like INC0010023.');
  const answer = await read(tools, SERVICENOW, INCIDENTS, incidentQuery(args, tools.settings));
  if (!answer.ok) return answer;
  const { group } = placeOf(tools.settings);
  const found = listOf(answer.value, 'result').find(
    (item) =>
      storedOf(item, 'number') === number && (group === '' || storedOf(item, 'assignment_group') === group),
  );
  if (found !== undefined) return { ok: true, value: found };
  const where = group === '' ? '' : " in the assistant's group";
  return unknown(`ServiceNow has no incident ${number}${where}, or hides it from the assistant.`);
}

/** The incident with our mark that our account created, where title and description are what was asked for. */
export async function findByMark(args: Args, tools: Tools): Promise<Fields | null> {
  const answer = await read(tools, SERVICENOW, INCIDENTS, markQuery(tools.mark, tools.settings));
  if (!answer.ok) return null;
  const { account } = placeOf(tools.settings);
  const isOurs = (incident: Fields): boolean =>
    storedOf(incident, 'sys_created_by') === account && differing(incident, args, tools).length === 0;
  return listOf(answer.value, 'result').find(isOurs) ?? null;
}

/**
 * In what an incident is not what was asked for. A field that our account may not write is left out without a word, and rules of
 * the instance's own change others.
 */
export function differing(incident: Fields, args: Args, about: About): string[] {
  const { group, urgencies } = placeOf(about.settings);
  const urgency = text(urgencies, text(args, 'priority'));
  const isAsked = (name: string, value: string): boolean =>
    value === '' || storedOf(incident, name) === value;
  const wanted: Record<string, boolean> = {
    title: sameWords(storedOf(incident, 'short_description'), text(args, 'title')),
    description: sameWords(storedOf(incident, 'description'), signed(text(args, 'description'), about)),
    mark: storedOf(incident, 'correlation_id') === about.mark,
    urgency: isAsked('urgency', urgency),
    group: isAsked('assignment_group', group),
    caller: isAsked('caller_id', callerOf(about)),
  };
  return Object.keys(wanted).filter((name) => wanted[name] === false);
}

/** Whether what we have just written stands in the journal. */
export async function isNoted(tools: Tools): Promise<boolean> {
  const path = [...INCIDENTS, tools.pinned.incident ?? ''];
  const answer = await read(tools, SERVICENOW, path, notesQuery(tools.settings));
  if (!answer.ok) return false;
  const result = isFields(answer.value.result) ? answer.value.result : {};
  return shownOf(result, placeOf(tools.settings).field).includes(`[countersign:${tools.mark}]`);
}

/** Pages of the journal, newest first. Without the right to read it ServiceNow shows an empty one, or answers 403. */
export async function* journalOf(elements: string, tools: Tools): AsyncGenerator<Answer<Fields[]>> {
  for (let page = 0; page < JOURNAL_PAGES; page += 1) {
    const answer = await read(tools, SERVICENOW, [...TABLE, JOURNAL], {
      ...journalQuery(tools.pinned.incident ?? '', elements),
      sysparm_offset: String(page * PER_PAGE),
    });
    if (!answer.ok) return yield answer;
    const rows = listOf(answer.value, 'result');
    yield { ok: true, value: rows };
    if (rows.length < PER_PAGE) return;
  }
}
