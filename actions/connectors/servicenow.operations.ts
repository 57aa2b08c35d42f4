/** Incidents of ServiceNow over its Table API. Bundled and run in the sandbox; every call passes the broker. */
import type { Operation, Tools } from '../../src/action.ts';
import type { Json, Preview } from '../../src/model/request.ts';
import { type Fields, isFields, saidThere, text, unclear, unsure } from './answer.ts';
import { write, writeRule } from './json-call.ts';
import { SERVICENOW } from './servicenow-errors.ts';
import {
  closeBody,
  commentBody,
  differing,
  findByMark,
  INCIDENTS,
  incidentBody,
  isDone,
  isNoted,
  journalOf,
  linkTo,
  MAX_TEXT_CHARS,
  MAX_TITLE_CHARS,
  numberOf,
  ownElement,
  pinnedIncident,
  placeOf,
  readIncident,
  readIncidentRule,
  readMarkRule,
  readNotesRule,
  readOwnRule,
  readShownRule,
  shownElements,
  shownOf,
  storedOf,
} from './servicenow-incidents.ts';
import { nameThere, pinnedRequester, requesterFact } from './ticket-people.ts';
import {
  type About,
  type Args,
  CANNOT_TELL,
  done,
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

const about = (tools: Tools, number: string, message: string) =>
  done(number, linkTo(tools.settings, number), message);
const opened = (tools: Tools, number: string) => about(tools, number, `Ticket ${number} is open.`);
const commented = (tools: Tools, number: string) =>
  about(tools, number, `The comment is on ticket ${number}.`);
const closed = (tools: Tools, number: string) => about(tools, number, `Ticket ${number} is closed.`);

/** Who reads a comment of ours: the caller is whoever the incident itself has as one. */
function readersOf(incident: Fields, settings: Json): Pick<Preview, 'facts' | 'pinned'> {
  const readBy = (value: string) => ({ label: 'Read by', value });
  if (placeOf(settings).field !== 'comments') return { facts: [readBy('staff')], pinned: {} };
  const caller = storedOf(incident, 'caller_id');
  if (caller === '')
    return { facts: [readBy('staff alone: the incident has no caller')], pinned: { caller: 'nobody' } };
  return {
    facts: [readBy('staff and the caller'), saidThere('Caller', inSentence(shownOf(incident, 'caller_id')))],
    pinned: { caller },
  };
}

/** A preview has no mark yet; this one is as long. */
const ANY_MARK = '0'.repeat(32);

const create: Operation = {
  egress: [
    writeRule(SERVICENOW, '/api/now/table/incident', { body: (values) => incidentBody(values.args, values) }),
    readMarkRule,
  ],
  writes: 1,
  idempotency: 'none',
  preview: async (args, tools) => {
    if (text(args, 'title').length > MAX_TITLE_CHARS)
      return { refused: `ServiceNow keeps ${MAX_TITLE_CHARS} characters of a title; please say it shorter.` };
    if (signed(text(args, 'description'), { ...tools, mark: ANY_MARK }).length > MAX_TEXT_CHARS)
      return {
        refused: `ServiceNow keeps ${MAX_TEXT_CHARS} characters of a description; please say it shorter.`,
      };
    const { group, urgencies, caller } = placeOf(tools.settings);
    const person = nameThere(tools);
    return {
      summary: 'Open an incident in ServiceNow.',
      facts: [
        ...(group === '' ? [] : [{ label: 'Assignment group', value: group }]),
        { label: 'Urgency', value: text(urgencies, text(args, 'priority')) || "ServiceNow's own" },
        { label: 'Opened for', value: tools.requester },
        requesterFact(person, caller === '' ? 'nobody' : `${caller}, as for everybody`),
      ],
      pinned: pinnedRequester(person),
    };
  },
  run: async (args, tools) => {
    const made = await write(tools, SERVICENOW, INCIDENTS, incidentBody(args, tools));
    if (!made.ok) return made.failure;
    const incident = isFields(made.value) && isFields(made.value.result) ? made.value.result : {};
    const number = numberOf({ ticket: storedOf(incident, 'number') });
    if (number === '') throw unclear(SERVICENOW.name, 'no number');
    const others = differing(incident, args, tools);
    if (others.length === 0) return opened(tools, number);
    const said = `ServiceNow opened ${number}, with another ${listed(others)}. Please look at it there.`;
    return unsure(said, linkTo(tools.settings, number));
  },
  reconcile: async (args, tools) => {
    const incident = await findByMark(args, tools);
    return incident === null ? CANNOT_TELL : happened(opened(tools, storedOf(incident, 'number')));
  },
  follow: neverFollows,
};

/** A change of the one incident that the preview found: it is pinned by its sys_id, which is looked up again before the run. */
function change(body: (args: Args, about: About) => Fields) {
  return {
    rule: writeRule(SERVICENOW, '/api/now/table/incident/{incident}', {
      method: 'PATCH',
      fill: pinnedIncident,
      body: (values) => body(values.args, values),
    }),
    send: (args: Args, tools: Tools) =>
      write(tools, SERVICENOW, [...INCIDENTS, tools.pinned.incident ?? ''], body(args, tools), 'PATCH'),
  };
}

const factsOf = (incident: Fields) => [
  saidThere('Ticket', `“${storedOf(incident, 'short_description')}”`),
  saidThere('State', shownOf(incident, 'state')),
];
const pinnedOf = (incident: Fields) => ({ incident: storedOf(incident, 'sys_id') });

const commenting = change(commentBody);

const comment: Operation = {
  egress: [readIncidentRule, readNotesRule, readOwnRule, commenting.rule],
  writes: 1,
  idempotency: 'none',
  preview: async (args, tools) => {
    const found = await readIncident(args, tools);
    if (!found.ok) return { refused: found.failure.result.message };
    const readers = readersOf(found.value, tools.settings);
    return {
      summary: `Add a comment to incident ${numberOf(args)} in ServiceNow.`,
      facts: [...factsOf(found.value), ...readers.facts, { label: 'Written for', value: tools.requester }],
      // Looked at again before it runs, so that nobody reads it of whom the card did not say so.
      pinned: { ...pinnedOf(found.value), ...readers.pinned },
    };
  },
  run: async (args, tools) => {
    const made = await commenting.send(args, tools);
    if (!made.ok) return made.failure;
    const number = numberOf(args);
    // An account that may not write notes gets a success and no note.
    if (await isNoted(tools)) return commented(tools, number);
    const said = `ServiceNow took the comment on ${number} and does not show it. Please look at it there.`;
    return unsure(said, linkTo(tools.settings, number));
  },
  reconcile: async (args, tools) => {
    const { account, field } = placeOf(tools.settings);
    const wanted = signed(text(args, 'comment'), tools);
    const isOurs = (row: Fields) =>
      text(row, 'element') === field &&
      text(row, 'sys_created_by') === account &&
      sameWords(text(row, 'value'), wanted);
    for await (const page of journalOf(ownElement(tools.settings), tools)) {
      if (!page.ok) return CANNOT_TELL;
      if (page.value.some(isOurs)) return happened(commented(tools, numberOf(args)));
    }
    return CANNOT_TELL;
  },
  follow: neverFollows,
};

const closing = change(closeBody);

const close: Operation = {
  egress: [readIncidentRule, closing.rule],
  writes: 1,
  idempotency: 'natural',
  preview: async (args, tools) => {
    const found = await readIncident(args, tools);
    if (!found.ok) return { refused: found.failure.result.message };
    if (isDone(found.value, tools.settings))
      return { refused: `Ticket ${numberOf(args)} is closed already.` };
    return {
      summary: `Resolve incident ${numberOf(args)} in ServiceNow.`,
      facts: [
        ...factsOf(found.value),
        { label: 'Resolution code', value: placeOf(tools.settings).closing.code },
        { label: 'Closed for', value: tools.requester },
      ],
      pinned: pinnedOf(found.value),
    };
  },
  run: async (args, tools) => {
    const number = numberOf(args);
    const before = await readIncident(args, tools);
    // At a second try, too: a closed incident is not resolved again.
    if (before.ok && isDone(before.value, tools.settings)) return closed(tools, number);
    const made = await closing.send(args, tools);
    if (!made.ok) return made.failure;
    const after = await readIncident(args, tools);
    if (!after.ok) throw unclear(SERVICENOW.name, 'the incident cannot be read back');
    if (isDone(after.value, tools.settings)) return closed(tools, number);
    const said = `ServiceNow took ${number} as resolved and shows it as ${inSentence(shownOf(after.value, 'state'))}. Please look at it there.`;
    return unsure(said, linkTo(tools.settings, number));
  },
  reconcile: async (args, tools) => {
    const found = await readIncident(args, tools);
    return found.ok && isDone(found.value, tools.settings)
      ? happened(closed(tools, numberOf(args)))
      : CANNOT_TELL;
  },
  follow: neverFollows,
};

const status: Operation = {
  egress: [readIncidentRule, readShownRule],
  writes: 0,
  idempotency: 'natural',
  preview: async (args, tools) => {
    const found = await readIncident(args, tools);
    if (!found.ok) return { refused: found.failure.result.message };
    return {
      summary: `Read incident ${numberOf(args)} in ServiceNow.`,
      facts: [],
      // Its journal is found by this.
      pinned: pinnedOf(found.value),
    };
  },
  run: async (args, tools) => {
    const found = await readIncident(args, tools);
    if (!found.ok) return found.failure;
    const { showsAll } = placeOf(tools.settings);
    const isShown = (row: Fields): boolean => showsAll || text(row, 'element') === 'comments';
    const journal = await newestOf(journalOf(shownElements(tools.settings), tools), isShown);
    const isHidden = !journal.ok && journal.failure.result.code === 'upstream_forbidden';
    if (!journal.ok && !isHidden) return journal.failure;
    const said = (journal.ok ? journal.value : []).map(
      (row) => `${text(row, 'sys_created_by')}: ${text(row, 'value')}`,
    );
    const incident = found.value;
    const number = numberOf(args);
    const owner = inSentence(shownOf(incident, 'assigned_to')) || 'nobody';
    const [state, priority] = ['state', 'priority'].map((name) => inSentence(shownOf(incident, name)));
    const title = storedOf(incident, 'short_description');
    const texts = isHidden
      ? 'its comments are hidden from the assistant'
      : shownWords(said.length, showsAll ? 'comment' : 'public comment');
    const message = `Ticket ${number} is ${state}, priority ${priority || 'none'}, owner ${owner}; ${texts}.`;
    return {
      kind: 'done',
      result: {
        ...about(tools, number, message).result,
        output: quoted([title, storedOf(incident, 'description'), ...said]),
        data: { ticket: number, state: state ?? '', title, owner },
      },
    };
  },
  reconcile: async () => CANNOT_TELL,
  follow: neverFollows,
};

export const operations = { create, comment, close, status };
