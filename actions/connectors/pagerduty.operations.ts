/** Incidents and pages on PagerDuty. Bundled and run in the sandbox; every call passes the broker. */
import type { Operation, RunResult, Tools } from '../../src/action.ts';
import type { Preview } from '../../src/model/request.ts';
import { type Fields, failed, isFields, saidThere, text, unclear, unsure } from './answer.ts';
import { type Answer, listOf, read, write } from './json-call.ts';
import { PAGERDUTY } from './pagerduty-errors.ts';
import {
  type Args,
  byKeyRule,
  differing,
  entryOf,
  findByKey,
  idOf,
  incidentRule,
  linkTo,
  noteBody,
  noteRule,
  notesRule,
  noteWords,
  onCallRule,
  openBody,
  pageBody,
  placeOf,
  postRule,
  RESOLVED,
  readIncident,
  resolveRule,
  serviceRule,
  summaryOf,
  whoIsTold,
} from './pagerduty-incidents.ts';
import {
  CANNOT_TELL,
  happened,
  inSentence,
  listed,
  neverFollows,
  quoted,
  sameWords,
  TEXTS_SHOWN,
} from './ticket-words.ts';

function done(tools: Tools, incident: string, message: string): RunResult & { kind: 'done' } {
  const result = { code: 'done', message, link: linkTo(tools.settings, incident), data: { incident } };
  return { kind: 'done', result };
}
const opened = (tools: Tools, incident: string) => done(tools, incident, `Incident ${incident} is open.`);
const resolved = (tools: Tools, incident: string) =>
  done(tools, incident, `Incident ${incident} is resolved.`);
const noted = (tools: Tools, incident: string) =>
  done(tools, incident, `The note is on incident ${incident}.`);

const readService = async (tools: Tools, id: string): Promise<Answer<Fields>> => {
  const answer = await read(tools, PAGERDUTY, ['services', id]);
  if (!answer.ok) return answer;
  return { ok: true, value: isFields(answer.value.service) ? answer.value.service : {} };
};

/** Opens an incident and looks at what PagerDuty says that it opened. */
async function post(tools: Tools, body: Fields): Promise<RunResult> {
  const made = await write(tools, PAGERDUTY, ['incidents'], body);
  if (!made.ok) return made.failure;
  const incident = isFields(made.value) && isFields(made.value.incident) ? made.value.incident : {};
  const id = text(incident, 'id');
  if (!/^[A-Z0-9]{5,25}$/.test(id)) throw unclear(PAGERDUTY.name, 'no id');
  const others = differing(incident, isFields(body.incident) ? body.incident : {});
  if (others.length === 0) return opened(tools, id);
  const said = `PagerDuty opened incident ${id}, with another ${listed(others)}. Please look at it there.`;
  return unsure(said, linkTo(tools.settings, id));
}

/** Both ways to open one share what finds it again. */
const opening = (
  bodyOf: typeof openBody,
): Pick<Operation, 'writes' | 'idempotency' | 'run' | 'reconcile' | 'follow'> => ({
  writes: 1,
  // PagerDuty refuses a second open incident of one key, but takes it again once the first is resolved.
  idempotency: 'none',
  run: (args, tools) => post(tools, bodyOf(args, tools)),
  reconcile: async (args, tools) => {
    const incident = await findByKey(tools, bodyOf(args, tools));
    return incident === null ? CANNOT_TELL : happened(opened(tools, text(incident, 'id')));
  },
  follow: neverFollows,
});

const unknownName = (what: string, name: string, known: readonly string[]) => ({
  refused: `There is no ${what} called ${name}; there is ${known.join(', ') || 'none'}.`,
});

const open: Operation = {
  ...opening(openBody),
  egress: [
    serviceRule(({ args, settings }) => entryOf(placeOf(settings).services, text(args, 'service'))?.id ?? ''),
    onCallRule,
    postRule((values) => openBody(values.args, values)),
    byKeyRule,
  ],
  preview: async (args, tools) => {
    const { services } = placeOf(tools.settings);
    const name = text(args, 'service');
    const service = entryOf(services, name);
    if (service === null) return unknownName('service', name, Object.keys(services));
    const found = await readService(tools, service.id);
    if (!found.ok) return { refused: found.failure.result.message };
    const state = text(found.value, 'status');
    if (state === 'disabled') return { refused: `The service ${name} is disabled on PagerDuty.` };
    return {
      summary: `Open an incident for ${service.title} on PagerDuty.`,
      facts: [
        { label: 'Service', value: `${service.title} (${state || 'state unknown'})` },
        saidThere('On call now', await whoIsTold(tools, idOf(found.value, 'escalation_policy'))),
        { label: 'Urgency', value: text(args, 'urgency') || "the service's own rule" },
        { label: 'Opened for', value: tools.requester },
      ],
      pinned: {},
    };
  },
};

const page: Operation = {
  ...opening(pageBody),
  egress: [
    serviceRule(({ args, settings }) => entryOf(placeOf(settings).teams, text(args, 'team'))?.service ?? ''),
    onCallRule,
    postRule((values) => pageBody(values.args, values)),
    byKeyRule,
  ],
  preview: async (args, tools) => {
    const { teams } = placeOf(tools.settings);
    const name = text(args, 'team');
    const team = entryOf(teams, name);
    if (team === null) return unknownName('team', name, Object.keys(teams));
    const found = await readService(tools, team.service);
    if (!found.ok) return { refused: found.failure.result.message };
    if (text(found.value, 'status') === 'disabled')
      return { refused: `Pages for ${name} are disabled on PagerDuty.` };
    return {
      summary: `Page who is on call for ${team.title}, now, with high urgency.`,
      facts: [
        saidThere('On call now', await whoIsTold(tools, team.escalation_policy)),
        { label: 'Paged for', value: tools.requester },
      ],
      pinned: {},
    };
  },
};

/** What a change of an incident shows of it, or why it cannot be. */
async function previewOf(
  args: Args,
  tools: Tools,
  what: string,
  isRefused: (state: string) => string | null,
): Promise<Preview | { refused: string }> {
  const found = await readIncident(args, tools);
  if (!found.ok) return { refused: found.failure.result.message };
  const incident = found.value;
  const state = text(incident, 'status');
  const refused = isRefused(state);
  if (refused !== null) return { refused };
  return {
    summary: `${what} incident ${text(args, 'incident')} on PagerDuty.`,
    facts: [
      saidThere('Incident', `“${text(incident, 'title')}”`),
      saidThere('Service', summaryOf(incident, 'service')),
      saidThere('State', state),
      { label: 'Done for', value: tools.requester },
    ],
    pinned: { service: idOf(incident, 'service') },
  };
}

const note: Operation = {
  egress: [incidentRule, notesRule, noteRule],
  writes: 1,
  idempotency: 'none',
  preview: (args, tools) => previewOf(args, tools, 'Write a note on', () => null),
  run: async (args, tools) => {
    const incident = text(args, 'incident');
    const made = await write(tools, PAGERDUTY, ['incidents', incident, 'notes'], noteBody(args, tools));
    if (!made.ok) return made.failure;
    const said = isFields(made.value) && isFields(made.value.note) ? text(made.value.note, 'content') : '';
    if (sameWords(said, noteWords(args, tools))) return noted(tools, incident);
    const differs = `PagerDuty took the note on incident ${incident} and shows it with other words. Please look at it there.`;
    return unsure(differs, linkTo(tools.settings, incident));
  },
  reconcile: async (args, tools) => {
    const answer = await read(tools, PAGERDUTY, ['incidents', text(args, 'incident'), 'notes']);
    if (!answer.ok) return CANNOT_TELL;
    const words = noteWords(args, tools);
    const isOurs = (item: Fields): boolean =>
      idOf(item, 'user') === placeOf(tools.settings).account && sameWords(text(item, 'content'), words);
    return listOf(answer.value, 'notes').some(isOurs)
      ? happened(noted(tools, text(args, 'incident')))
      : CANNOT_TELL;
  },
  follow: neverFollows,
};

const resolve: Operation = {
  egress: [incidentRule, resolveRule],
  writes: 1,
  idempotency: 'natural',
  preview: (args, tools) =>
    previewOf(args, tools, 'Resolve', (state) =>
      state === 'resolved' ? `Incident ${text(args, 'incident')} is resolved already.` : null,
    ),
  run: async (args, tools) => {
    const incident = text(args, 'incident');
    const made = await write(tools, PAGERDUTY, ['incidents', incident], RESOLVED, 'PUT');
    const found = await readIncident(args, tools);
    // PagerDuty refuses to resolve what is resolved: by somebody else, or by our own try whose answer was lost.
    if (found.ok && text(found.value, 'status') === 'resolved') return resolved(tools, incident);
    if (!made.ok) return made.failure;
    if (!found.ok) throw unclear(PAGERDUTY.name, 'the incident cannot be read back');
    return failed('upstream_rejected', `PagerDuty does not let incident ${incident} be resolved.`);
  },
  reconcile: async (args, tools) => {
    const found = await readIncident(args, tools);
    return found.ok && text(found.value, 'status') === 'resolved'
      ? happened(resolved(tools, text(args, 'incident')))
      : CANNOT_TELL;
  },
  follow: neverFollows,
};

/** Oldest first. In which order PagerDuty lists notes it does not say. */
function newestOf(notes: readonly Fields[]): Fields[] {
  const madeAt = (item: Fields): number => Date.parse(text(item, 'created_at'));
  return notes.toSorted((a, b) => madeAt(a) - madeAt(b)).slice(-TEXTS_SHOWN);
}

const status: Operation = {
  egress: [incidentRule, notesRule],
  writes: 0,
  idempotency: 'natural',
  preview: async (args) => ({
    summary: `Read incident ${text(args, 'incident')} on PagerDuty.`,
    facts: [],
    pinned: {},
  }),
  run: async (args, tools) => {
    const found = await readIncident(args, tools);
    if (!found.ok) return found.failure;
    const id = text(args, 'incident');
    const notes = await read(tools, PAGERDUTY, ['incidents', id, 'notes']);
    if (!notes.ok) return notes.failure;
    const incident = found.value;
    const people = listOf(incident, 'assignments').map((one) => inSentence(summaryOf(one, 'assignee')));
    const said = newestOf(listOf(notes.value, 'notes')).map(
      (item) => `${summaryOf(item, 'user')}: ${text(item, 'content')}`,
    );
    const [state, urgency] = [text(incident, 'status'), text(incident, 'urgency')];
    const { result } = done(
      tools,
      id,
      `Incident ${id} is ${state}, urgency ${urgency}, assigned to ${people.join(', ') || 'nobody'}.`,
    );
    return {
      kind: 'done',
      result: {
        ...result,
        // Other people's words: whoever shows them marks them as such.
        output: quoted([text(incident, 'title'), ...said]),
        data: { incident: id, state, urgency, service: summaryOf(incident, 'service') },
      },
    };
  },
  reconcile: async () => CANNOT_TELL,
  follow: neverFollows,
};

export const operations = { open, page, note, resolve, status };
