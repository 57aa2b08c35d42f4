/** Requests of Jira Service Management, Cloud and Data Center. Bundled and run in the sandbox; every call passes the broker. */
import type { Operation, Tools } from '../../src/action.ts';
import type { Json, Preview } from '../../src/model/request.ts';
import { type Fields, isFields, saidThere, text, unclear, unsure } from './answer.ts';
import { JIRA } from './jira-errors.ts';
import { refusedType } from './jira-request-type.ts';
import {
  accountOf,
  askedOf,
  commentBody,
  commentsOf,
  differing,
  findByMark,
  hasOurReaders,
  ISSUE,
  type Issue,
  inside,
  isDone,
  isOurs,
  keyOf,
  linkTo,
  placeOf,
  publicComments,
  REQUESTS,
  readCommentsRule,
  readDeskRule,
  readIssue,
  readIssueRule,
  readOneCommentRule,
  readOpenedRule,
  readPublicRule,
  readTransitionsRule,
  readTypeFieldsRule,
  readTypeRule,
  requestBody,
  searchRules,
  transitionBody,
  transitionTo,
  withKey,
} from './jira-requests.ts';
import { wordsOf } from './jira-texts.ts';
import { write, writeRule } from './json-call.ts';
import { nameThere, pinnedRequester, requesterFact } from './ticket-people.ts';
import {
  CANNOT_TELL,
  done,
  doneWith,
  happened,
  inSentence,
  listed,
  neverFollows,
  newestOf,
  quoted,
  sameWords,
  shownWords,
  signed,
} from './ticket-words.ts';

const about = (tools: Tools, key: string, message: string) => done(key, linkTo(tools.settings, key), message);
const openedWords = (key: string): string => `Ticket ${key} is open.`;
const opened = (tools: Tools, key: string) => about(tools, key, openedWords(key));
const commented = (tools: Tools, key: string) => about(tools, key, `The comment is on ticket ${key}.`);
const closed = (tools: Tools, key: string) => about(tools, key, `Ticket ${key} is closed.`);

const factsOf = ({ fields }: Issue) => [
  saidThere('Ticket', `“${text(fields, 'summary')}”`),
  saidThere('State', text(inside(fields, 'status'), 'name')),
];

/** How often a ticket that Jira does not show yet is looked for, a second apart. */
const READ_BACK_LOOKS = 10;

const create: Operation = {
  egress: [
    readDeskRule,
    readTypeRule,
    readTypeFieldsRule,
    writeRule(JIRA, '/rest/servicedeskapi/request', { body: (values) => requestBody(values.args, values) }),
    readOpenedRule,
    readPublicRule,
    ...searchRules,
  ],
  writes: 1,
  idempotency: 'none',
  preview: async (args, tools) => {
    const person = nameThere(tools);
    const type = await refusedType(person, tools);
    if ('refused' in type) return type;
    const { project, priorities } = placeOf(tools.settings);
    return {
      summary: `Open a request in the project ${project} of Jira.`,
      facts: [
        { label: 'Project', value: project },
        saidThere('Request type', `“${type.name}”`),
        { label: 'Priority', value: text(priorities, text(args, 'priority')) || "the project's own" },
        { label: 'Opened for', value: tools.requester },
        requesterFact(person, "the assistant's account"),
      ],
      pinned: pinnedRequester(person),
    };
  },
  run: async (args, tools) => {
    const made = await write(tools, JIRA, REQUESTS, requestBody(args, tools));
    if (!made.ok) return made.failure;
    const key = keyOf({ ticket: isFields(made.value) ? text(made.value, 'issueKey') : '' }, tools.settings);
    if (key === '') throw unclear(JIRA.name, 'no key');
    // Its key is Jira's word; `follow` reads back what it holds before anybody is told that it is done.
    return {
      kind: 'running',
      handle: { key, ...askedOf(args, tools) },
      message: `Ticket ${key} is being read back.`,
    };
  },
  reconcile: async (args, tools) => {
    const key = await findByMark(args, tools);
    return key === null ? CANNOT_TELL : happened(opened(tools, key));
  },
  follow: async (handle, tools) => {
    const key = text(handle, 'key');
    const link = linkTo(tools.settings, key);
    const found = await readIssue(key, tools);
    if (!found.ok) {
      const looks = typeof handle.looks === 'number' ? handle.looks + 1 : 1;
      if (looks < READ_BACK_LOOKS) return { kind: 'running', handle: { ...handle, looks }, output: '' };
      const said = `Jira opened ${key} and does not show it. Please look at it there.`;
      return { ...unsure(said, link), output: '' };
    }
    const asked = {
      title: text(handle, 'title'),
      text: text(handle, 'text'),
      priority: text(handle, 'priority'),
      requester: text(handle, 'requester'),
    };
    const others = differing(found.value, asked, tools.settings);
    if (others.length === 0)
      return { kind: 'done', result: doneWith(key, link, openedWords(key)), output: '' };
    const said = `Jira opened ${key}, with another ${listed(others)}. Please look at it there.`;
    return { ...unsure(said, link), output: '' };
  },
};

/** Who reads a comment of ours: the customer is whoever the ticket itself has as its reporter. */
function readersOf({ fields }: Issue, settings: Json): Pick<Preview, 'facts' | 'pinned'> {
  const readBy = (value: string) => ({ label: 'Read by', value });
  if (!placeOf(settings).isPublic) return { facts: [readBy('agents')], pinned: {} };
  const pinned = { customer: accountOf(fields.reporter, settings) || 'nobody' };
  if (isOurs(fields.reporter, settings) || pinned.customer === 'nobody') {
    const words = 'agents and the participants: the customer is nobody but the assistant';
    return { facts: [readBy(words)], pinned };
  }
  const name = inSentence(text(inside(fields, 'reporter'), 'displayName')) || pinned.customer;
  return {
    facts: [readBy('agents, the customer and the participants'), saidThere('Customer', name)],
    pinned,
  };
}

const comment: Operation = {
  egress: [
    readIssueRule,
    readCommentsRule,
    readOneCommentRule,
    writeRule(JIRA, '/rest/servicedeskapi/request/{key}/comment', {
      fill: withKey,
      body: (values) => commentBody(values.args, values),
    }),
  ],
  writes: 1,
  idempotency: 'none',
  preview: async (args, tools) => {
    const key = keyOf(args, tools.settings);
    const found = await readIssue(key, tools);
    if (!found.ok) return { refused: found.failure.result.message };
    const { project } = placeOf(tools.settings);
    const readers = readersOf(found.value, tools.settings);
    return {
      summary: `Add a comment to ticket ${key} in Jira.`,
      facts: [...factsOf(found.value), ...readers.facts, { label: 'Written for', value: tools.requester }],
      // Looked at again before it runs: a ticket that has left the project is not ours to write on, nor for others to read.
      pinned: { project, ...readers.pinned },
    };
  },
  run: async (args, tools) => {
    const key = keyOf(args, tools.settings);
    const made = await write(tools, JIRA, [...REQUESTS, key, 'comment'], commentBody(args, tools));
    if (!made.ok) return made.failure;
    const { isPublic } = placeOf(tools.settings);
    if (!isFields(made.value)) throw unclear(JIRA.name, 'no comment');
    // Some accounts' comments are public, or internal, whatever they ask for.
    if (made.value.public === isPublic) return commented(tools, key);
    const wanted = isPublic ? 'not public' : 'not internal';
    const said = `The comment is on ticket ${key}, but ${wanted}. Please look at it there.`;
    return unsure(said, linkTo(tools.settings, key));
  },
  reconcile: async (args, tools) => {
    const key = keyOf(args, tools.settings);
    const wanted = signed(text(args, 'comment'), tools);
    const isThis = (item: Fields) =>
      isOurs(item.author, tools.settings) && sameWords(wordsOf(item.body), wanted);
    for await (const page of commentsOf(key, tools)) {
      if (!page.ok) return CANNOT_TELL;
      const ours = page.value.find(isThis);
      if (ours === undefined) continue;
      return (await hasOurReaders(key, ours, tools)) ? happened(commented(tools, key)) : CANNOT_TELL;
    }
    return CANNOT_TELL;
  },
  follow: neverFollows,
};

const closingStatus = (settings: Json): string => text(placeOf(settings).closing, 'status');

const close: Operation = {
  egress: [
    readIssueRule,
    readTransitionsRule,
    writeRule(JIRA, `${ISSUE}/transitions`, {
      fill: withKey,
      body: ({ pinned, settings }) => transitionBody(pinned, settings),
    }),
  ],
  writes: 1,
  idempotency: 'natural',
  preview: async (args, tools) => {
    const key = keyOf(args, tools.settings);
    const found = await readIssue(key, tools);
    if (!found.ok) return { refused: found.failure.result.message };
    if (isDone(found.value)) return { refused: `Ticket ${key} is closed already.` };
    const status = closingStatus(tools.settings);
    const transition = await transitionTo(status, key, tools);
    if (!transition.ok) return { refused: transition.failure.result.message };
    if (transition.value === null) {
      const words = `Jira does not let the assistant's account move ticket ${key} to “${status}” from where it is now.`;
      return { refused: words };
    }
    const { project, closing } = placeOf(tools.settings);
    return {
      summary: `Close ticket ${key} in Jira.`,
      facts: [
        ...factsOf(found.value),
        { label: 'Becomes', value: [status, text(closing, 'resolution')].filter(Boolean).join(', ') },
        { label: 'Closed for', value: tools.requester },
      ],
      // Looked at again before it runs: another transition is another effect.
      pinned: { project, transition: transition.value },
    };
  },
  run: async (args, tools) => {
    const key = keyOf(args, tools.settings);
    const before = await readIssue(key, tools);
    // At a second try, too: a transition that has been made is no longer there.
    if (before.ok && isDone(before.value)) return closed(tools, key);
    const path = ['rest', 'api', placeOf(tools.settings).version, 'issue', key, 'transitions'];
    const made = await write(tools, JIRA, path, transitionBody(tools.pinned, tools.settings));
    if (!made.ok) return made.failure;
    const after = await readIssue(key, tools);
    if (!after.ok) throw unclear(JIRA.name, 'the ticket cannot be read back');
    if (isDone(after.value)) return closed(tools, key);
    const state = inSentence(text(inside(after.value.fields, 'status'), 'name'));
    const said = `Jira moved ticket ${key} and shows it as “${state}”, which is not closed. Please look at it there.`;
    return unsure(said, linkTo(tools.settings, key));
  },
  reconcile: async (args, tools) => {
    const key = keyOf(args, tools.settings);
    const found = await readIssue(key, tools);
    return found.ok && isDone(found.value) ? happened(closed(tools, key)) : CANNOT_TELL;
  },
  follow: neverFollows,
};

const status: Operation = {
  egress: [readIssueRule, readCommentsRule, readPublicRule],
  writes: 0,
  idempotency: 'natural',
  preview: async (args, tools) => ({
    summary: `Read ticket ${keyOf(args, tools.settings) || text(args, 'ticket')} in Jira.`,
    facts: [],
    pinned: {},
  }),
  run: async (args, tools) => {
    const key = keyOf(args, tools.settings);
    const found = await readIssue(key, tools);
    if (!found.ok) return found.failure;
    const { showsAll } = placeOf(tools.settings);
    const newest = await newestOf(showsAll ? commentsOf(key, tools) : [await publicComments(key, tools)]);
    if (!newest.ok) return newest.failure;
    const said = newest.value.map(
      (item) => `${text(inside(item, 'author'), 'displayName') || 'somebody'}: ${wordsOf(item.body)}`,
    );
    const { fields } = found.value;
    const owner = inSentence(text(inside(fields, 'assignee'), 'displayName')) || 'nobody';
    const [state = '', priority = ''] = ['status', 'priority'].map((name) =>
      inSentence(text(inside(fields, name), 'name')),
    );
    const title = text(fields, 'summary');
    const message = `Ticket ${key} is ${state}, priority ${priority || 'none'}, owner ${owner}; ${shownWords(said.length, showsAll ? 'comment' : 'public comment')}.`;
    return {
      kind: 'done',
      result: {
        ...about(tools, key, message).result,
        output: quoted([title, wordsOf(fields.description), ...said]),
        data: { ticket: key, state, title, owner },
      },
    };
  },
  reconcile: async () => CANNOT_TELL,
  follow: neverFollows,
};

export const operations = { create, comment, close, status };
