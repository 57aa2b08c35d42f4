/**
 * Requests of Jira Service Management as the connector's rules and calls both write and read them. Runs in the sandbox.
 * https://developer.atlassian.com/cloud/jira/service-desk/rest/api-group-request/ (Data Center:
 * https://developer.atlassian.com/server/jira-servicedesk/rest/); issues, comments, transitions and search are the platform's:
 * https://developer.atlassian.com/cloud/jira/platform/rest/v3/.
 */
import type { Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, failed, isFields, text } from './answer.ts';
import { JIRA } from './jira-errors.ts';
import { document, wiki, wordsOf } from './jira-texts.ts';
import { type Answer, listOf, read, readRule } from './json-call.ts';
import { type About, type Args, sameWords, signed } from './ticket-words.ts';

export const DESKS = ['rest', 'servicedeskapi', 'servicedesk'] as const;
export const REQUESTS = ['rest', 'servicedeskapi', 'request'] as const;
const PER_PAGE = 100;
/** Comments of one ticket, in pages, newest first: absence is never proof, so there is no need to read them all. */
const COMMENT_PAGES = 10;
/** How far back reconciling looks, in pages of what our account opened last. */
const SEARCH_PAGES = 3;
const SEARCH_PER_PAGE = 50;
const ISSUE_FIELDS = 'summary,description,status,priority,assignee,creator,reporter,project';

export type Place = {
  isCloud: boolean;
  /** Of the platform's API: texts are documents in 3, wiki markup in 2. */
  version: '2' | '3';
  project: string;
  desk: string;
  type: string;
  account: string;
  web: string;
  isPublic: boolean;
  showsAll: boolean;
  closing: Fields;
  priorities: Fields;
};

export function placeOf(settings: Json): Place {
  const fields = isFields(settings) ? settings : {};
  const isCloud = text(fields, 'edition') === 'cloud';
  return {
    isCloud,
    version: isCloud ? '3' : '2',
    project: text(fields, 'project'),
    desk: text(fields, 'service_desk'),
    type: text(fields, 'request_type'),
    account: text(fields, 'account'),
    web: text(fields, 'web').replace(/\/+$/, ''),
    isPublic: text(fields, 'comments') === 'public',
    showsAll: text(fields, 'shows') === 'all',
    closing: isFields(fields.closing) ? fields.closing : {},
    priorities: isFields(fields.priorities) ? fields.priorities : {},
  };
}

/** `IT-12`, `#12` and `12` are the same ticket; empty for one of another project, which no rule then opens. */
export function keyOf(args: Args, settings: Json): string {
  const { project } = placeOf(settings);
  const [, named = project, number = ''] =
    /^(?:#|([A-Z][A-Z0-9_]*)-)?([1-9][0-9]*)$/.exec(text(args, 'ticket').toUpperCase()) ?? [];
  return named === project && number !== '' ? `${project}-${number}` : '';
}

export const linkTo = (settings: Json, key: string): string => `${placeOf(settings).web}/browse/${key}`;

export function requestBody(args: Args, about: About): Fields {
  const { isCloud, desk, type } = placeOf(about.settings);
  const { title, text: words, priority, requester } = askedOf(args, about);
  return {
    serviceDeskId: desk,
    requestTypeId: type,
    requestFieldValues: {
      summary: title,
      description: isCloud ? document(words) : wiki(words),
      ...(priority === '' ? {} : { priority: { name: priority } }),
    },
    ...(requester === '' ? {} : { raiseOnBehalfOf: requester }),
    ...(isCloud ? { isAdfRequest: true } : {}),
  };
}

/** Only Service Management's own call says who reads it; it takes wiki markup on either edition. */
export const commentBody = (args: Args, about: About): Fields => ({
  body: wiki(signed(text(args, 'comment'), about)),
  public: placeOf(about.settings).isPublic,
});

/** The transition that the preview found; nothing is declared without one. */
export function transitionBody(pinned: Readonly<Record<string, string>>, settings: Json): Fields {
  const id = pinned.transition;
  if (id === undefined) throw new Error('no transition to send');
  const resolution = text(placeOf(settings).closing, 'resolution');
  return {
    transition: { id },
    ...(resolution === '' ? {} : { fields: { resolution: { name: resolution } } }),
  };
}

const issueQuery = { fields: ISSUE_FIELDS };
const commentQuery = { orderBy: '-created', maxResults: String(PER_PAGE) };
const publicQuery = { public: 'true', internal: 'false', limit: String(PER_PAGE) };
/** Search is behind by seconds to minutes: https://developer.atlassian.com/cloud/jira/platform/search-and-reconcile */
const searchQuery = (settings: Json) => ({
  jql: `project = "${placeOf(settings).project}" AND creator = currentUser() ORDER BY created DESC`,
  fields: ISSUE_FIELDS,
  maxResults: String(SEARCH_PER_PAGE),
});

export const withKey = ({ args, settings }: { args: Args; settings: Json }) => ({
  version: placeOf(settings).version,
  key: keyOf(args, settings),
});
const atDesk = ({ settings }: { settings: Json }) => ({
  desk: placeOf(settings).desk,
  type: placeOf(settings).type,
});
const DESK = '/rest/servicedeskapi/servicedesk/{desk}';
export const ISSUE = '/rest/api/{version}/issue/{key}';

export const readDeskRule = readRule(JIRA, DESK, { fill: atDesk });
export const readTypeRule = readRule(JIRA, `${DESK}/requesttype/{type}`, { fill: atDesk });
export const readTypeFieldsRule = readRule(JIRA, `${DESK}/requesttype/{type}/field`, { fill: atDesk });
export const readIssueRule = readRule(JIRA, ISSUE, { fill: withKey, query: () => issueQuery });
/** The ticket that a run has just opened, for reading it back. */
export const readOpenedRule = readRule(JIRA, ISSUE, {
  fill: ({ handle, settings }) => withKey({ args: { ticket: text(handle, 'key') }, settings }),
  query: () => issueQuery,
});
export const readTransitionsRule = readRule(JIRA, `${ISSUE}/transitions`, { fill: withKey });
export const readCommentsRule = readRule(JIRA, `${ISSUE}/comment`, {
  fill: withKey,
  query: () => ({ ...commentQuery, startAt: null }),
});
export const readPublicRule = readRule(JIRA, '/rest/servicedeskapi/request/{key}/comment', {
  fill: withKey,
  query: () => ({ ...publicQuery, start: null }),
});
/** One comment as Service Management knows it, which says on either edition who reads it. */
export const readOneCommentRule = readRule(JIRA, '/rest/servicedeskapi/request/{key}/comment/{comment}', {
  fill: withKey,
  free: { comment: 'number' },
});
const onEdition =
  (isCloud: boolean) =>
  ({ settings }: { settings: Json }): Record<string, string> =>
    placeOf(settings).isCloud === isCloud ? { version: placeOf(settings).version } : {};
export const searchRules = [
  readRule(JIRA, '/rest/api/{version}/search/jql', {
    fill: onEdition(true),
    query: ({ settings }) => ({ ...searchQuery(settings), nextPageToken: null }),
  }),
  readRule(JIRA, '/rest/api/{version}/search', {
    fill: onEdition(false),
    query: ({ settings }) => ({ ...searchQuery(settings), startAt: null }),
  }),
];

const unknown = (words: string) => ({ ok: false, failure: failed('not_found', words) }) as const;
export const inside = (fields: Fields, name: string): Fields => {
  const value = fields[name];
  return isFields(value) ? value : {};
};

export type Issue = { key: string; fields: Fields };

/** A ticket, only if it is in our project now: an old key also finds one that was moved away. */
export async function readIssue(key: string, tools: Tools): Promise<Answer<Issue>> {
  const { project, version } = placeOf(tools.settings);
  if (key === '') return unknown(`Tickets of the project ${project} of Jira are written like ${project}-12.`);
  const answer = await read(tools, JIRA, ['rest', 'api', version, 'issue', key], issueQuery);
  if (!answer.ok) return answer;
  const fields = inside(answer.value, 'fields');
  if (text(inside(fields, 'project'), 'key') === project) return { ok: true, value: { key, fields } };
  return unknown(`${key} is no longer in the project ${project} of Jira.`);
}

/** An account by what it is called in calls: an id on Cloud, a name on Data Center; empty for nobody. */
export const accountOf = (person: Json | undefined, settings: Json): string =>
  isFields(person) ? text(person, placeOf(settings).isCloud ? 'accountId' : 'name') : '';

export const isOurs = (person: Json | undefined, settings: Json): boolean =>
  accountOf(person, settings) === placeOf(settings).account;

export const isDone = ({ fields }: Issue): boolean =>
  text(inside(inside(fields, 'status'), 'statusCategory'), 'key') === 'done';

/** What a ticket is opened with; the text holds the mark, priority and requester are empty where the project chooses them. */
export type Asked = { title: string; text: string; priority: string; requester: string };
export const askedOf = (args: Args, about: About): Asked => ({
  title: text(args, 'title'),
  text: signed(text(args, 'description'), about),
  priority: text(placeOf(about.settings).priorities, text(args, 'priority')),
  requester: about.pinned.requester ?? '',
});

/** In what a ticket is not what was asked for: a project's own automation changes fields. */
export function differing({ fields }: Issue, asked: Asked, settings: Json): string[] {
  const wanted: Record<string, boolean> = {
    title: sameWords(text(fields, 'summary'), asked.title),
    description: sameWords(wordsOf(fields.description), asked.text),
    priority: asked.priority === '' || text(inside(fields, 'priority'), 'name') === asked.priority,
    requester: asked.requester === '' || accountOf(fields.reporter, settings) === asked.requester,
  };
  return Object.keys(wanted).filter((name) => wanted[name] === false);
}

/** The ticket with our mark among those that our account opened last. */
export async function findByMark(args: Args, tools: Tools): Promise<string | null> {
  const { isCloud, version, project } = placeOf(tools.settings);
  const path = ['rest', 'api', version, 'search', ...(isCloud ? ['jql'] : [])];
  const asked = askedOf(args, tools);
  let next: Record<string, string> = {};
  for (let page = 1; page <= SEARCH_PAGES; page += 1) {
    const answer = await read(tools, JIRA, path, { ...searchQuery(tools.settings), ...next });
    if (!answer.ok) return null;
    const issues = listOf(answer.value, 'issues');
    const found = issues
      .map((issue) => ({ key: text(issue, 'key'), fields: inside(issue, 'fields') }))
      .find(
        (issue) =>
          issue.key.startsWith(`${project}-`) &&
          isOurs(issue.fields.creator, tools.settings) &&
          differing(issue, asked, tools.settings).length === 0,
      );
    if (found !== undefined) return found.key;
    const token = text(answer.value, 'nextPageToken');
    if (isCloud ? token === '' : issues.length < SEARCH_PER_PAGE) return null;
    next = isCloud ? { nextPageToken: token } : { startAt: String(page * SEARCH_PER_PAGE) };
  }
  return null;
}

/** Pages of a ticket's comments, newest first. */
export async function* commentsOf(key: string, tools: Tools): AsyncGenerator<Answer<Fields[]>> {
  const path = ['rest', 'api', placeOf(tools.settings).version, 'issue', key, 'comment'];
  for (let page = 0; page < COMMENT_PAGES; page += 1) {
    const query = { ...commentQuery, startAt: String(page * PER_PAGE) };
    const answer = await read(tools, JIRA, path, query);
    if (!answer.ok) return yield answer;
    const comments = listOf(answer.value, 'comments');
    yield { ok: true, value: comments };
    if (comments.length < PER_PAGE) return;
  }
}

const writtenAt = (comment: Fields): number => Number(inside(comment, 'created').epochMillis);

/**
 * Comments that the customer may read, newest first. Only Service Management tells them from internal ones on both editions: to
 * the platform a comment that does not say is public on one and unknown on the other. In what order it lists them is not
 * documented, so they are put in order here.
 */
export async function publicComments(key: string, tools: Tools): Promise<Answer<Fields[]>> {
  const found: Fields[] = [];
  let start = 0;
  for (let page = 0; page < COMMENT_PAGES; page += 1) {
    const query = { ...publicQuery, start: String(start) };
    const answer = await read(tools, JIRA, [...REQUESTS, key, 'comment'], query);
    if (!answer.ok) return answer;
    const comments = listOf(answer.value, 'values');
    found.push(...comments.filter((comment) => comment.public === true));
    start += comments.length;
    if (comments.length === 0 || answer.value.isLastPage !== false) break;
  }
  return { ok: true, value: found.toSorted((a, b) => writtenAt(b) - writtenAt(a)) };
}

/** Whether a comment is read by whom our comments are meant for; null where Jira does not say. */
export async function hasOurReaders(key: string, comment: Fields, tools: Tools): Promise<boolean | null> {
  const id = text(comment, 'id');
  if (!/^[1-9][0-9]*$/.test(id)) return null;
  const answer = await read(tools, JIRA, [...REQUESTS, key, 'comment', id]);
  return answer.ok ? answer.value.public === placeOf(tools.settings).isPublic : null;
}

/** The transition that leads to a status from where the ticket is now, by its id; null where none does. */
export async function transitionTo(
  status: string,
  key: string,
  tools: Tools,
): Promise<Answer<string | null>> {
  const path = ['rest', 'api', placeOf(tools.settings).version, 'issue', key, 'transitions'];
  const answer = await read(tools, JIRA, path);
  if (!answer.ok) return answer;
  const found = listOf(answer.value, 'transitions').find(
    (transition) => text(inside(transition, 'to'), 'name').toLowerCase() === status.toLowerCase(),
  );
  return { ok: true, value: found === undefined ? null : text(found, 'id') };
}
