/**
 * Incidents of PagerDuty's REST API v2 as the connector's rules and calls both write and read them. Runs in the sandbox.
 * https://developer.pagerduty.com/api-reference/ (Incidents, Services, On-Calls).
 */
import type { EgressRule, EgressValues, Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, failed, isFields, text } from './answer.ts';
import { type Answer, type Failure, listOf, read, readRule, writeRule } from './json-call.ts';
import { PAGERDUTY } from './pagerduty-errors.ts';

export type Args = Readonly<Record<string, Json>>;
export type About = Pick<EgressValues, 'mark' | 'requester' | 'settings'>;

type Place = {
  from: string;
  account: string;
  web: string;
  services: Record<string, { id: string; title: string }>;
  teams: Record<string, { service: string; escalation_policy: string; title: string }>;
};

/** Parsed by the connector's own schema before anything is run. */
export const placeOf = (settings: Json): Place => settings as Place;

/** An own entry of what the operator named; never something inherited. */
export const entryOf = <T>(entries: Readonly<Record<string, T>>, name: string): T | null =>
  Object.hasOwn(entries, name) ? (entries[name] ?? null) : null;

export const linkTo = (settings: Json, incident: string): string =>
  `${placeOf(settings).web.replace(/\/+$/, '')}/incidents/${incident}`;

const VERSION = { accept: 'application/vnd.pagerduty+json;version=2' };
const asUs = ({ settings }: EgressValues) => ({ ...VERSION, from: placeOf(settings).from });

const signed = (words: string, requester: string): string =>
  [words, `Written for ${requester} by Countersign.`].filter((part) => part !== '').join('\n\n');

/** The incident that is opened: found again by its key, which nobody else can know beforehand. */
function incidentBody(
  about: About,
  what: { title: string; service: string; details: string; urgency: string; policy: string },
): Fields {
  return {
    incident: {
      type: 'incident',
      title: what.title,
      service: { id: what.service, type: 'service_reference' },
      incident_key: about.mark,
      body: { type: 'incident_body', details: signed(what.details, about.requester) },
      ...(what.urgency === '' ? {} : { urgency: what.urgency }),
      ...(what.policy === ''
        ? {}
        : { escalation_policy: { id: what.policy, type: 'escalation_policy_reference' } }),
    },
  };
}

export function openBody(args: Args, about: About): Fields {
  const service = entryOf(placeOf(about.settings).services, text(args, 'service'));
  return incidentBody(about, {
    title: text(args, 'title'),
    service: service?.id ?? '',
    details: text(args, 'description'),
    urgency: text(args, 'urgency'),
    policy: '',
  });
}

export function pageBody(args: Args, about: About): Fields {
  const team = entryOf(placeOf(about.settings).teams, text(args, 'team'));
  return incidentBody(about, {
    title: text(args, 'message'),
    service: team?.service ?? '',
    details: '',
    urgency: 'high',
    policy: team?.escalation_policy ?? '',
  });
}

export const RESOLVED = { incident: { type: 'incident_reference', status: 'resolved' } } as const;
export const noteWords = (args: Args, about: About): string =>
  `${signed(text(args, 'note'), about.requester)} [countersign:${about.mark}]`;
export const noteBody = (args: Args, about: About): Fields => ({ note: { content: noteWords(args, about) } });

const withIncident = ({ args }: EgressValues) => ({ incident: text(args, 'incident') });
const rules = (path: string, shape: Parameters<typeof readRule>[2] = {}): EgressRule =>
  readRule(PAGERDUTY, path, { ...shape, headers: () => VERSION });

export const incidentRule = rules('/incidents/{incident}', { fill: withIncident });
export const notesRule = rules('/incidents/{incident}/notes', { fill: withIncident });
export const keyQuery = (mark: string) => ({ incident_key: mark, date_range: 'all' });
export const byKeyRule = rules('/incidents', { query: ({ mark }) => keyQuery(mark) });
export const serviceRule = (serviceOf: (values: EgressValues) => string): EgressRule =>
  rules('/services/{service}', { fill: (values) => ({ service: serviceOf(values) }) });

const ONCALLS_SHOWN = '25';
export const onCallQuery = (policy: string) => ({
  'escalation_policy_ids[]': policy,
  earliest: 'true',
  limit: ONCALLS_SHOWN,
});
/** Of any policy: which one a service has is PagerDuty's to say. */
export const onCallRule = rules('/oncalls', {
  query: () => ({ ...onCallQuery(''), 'escalation_policy_ids[]': null }),
});

export const postRule = (body: (values: EgressValues) => Json): EgressRule =>
  writeRule(PAGERDUTY, '/incidents', { headers: asUs, body });
export const noteRule = writeRule(PAGERDUTY, '/incidents/{incident}/notes', {
  fill: withIncident,
  headers: asUs,
  body: (values) => noteBody(values.args, values),
});
export const resolveRule = writeRule(PAGERDUTY, '/incidents/{incident}', {
  method: 'PUT',
  fill: withIncident,
  headers: asUs,
  body: () => RESOLVED,
});

export const idOf = (fields: Fields, name: string): string => {
  const reference = fields[name];
  return isFields(reference) ? text(reference, 'id') : '';
};
export const summaryOf = (fields: Fields, name: string): string => {
  const reference = fields[name];
  return isFields(reference) ? text(reference, 'summary') : '';
};

const notOurs: Failure = failed('not_found', 'That incident is not of a service that the assistant serves.');

/** An incident of one of our services or teams; others are as if they were not there. */
export async function readIncident(args: Args, tools: Tools): Promise<Answer<Fields>> {
  const answer = await read(tools, PAGERDUTY, ['incidents', text(args, 'incident')]);
  if (!answer.ok) return answer;
  const incident = isFields(answer.value.incident) ? answer.value.incident : {};
  const { services, teams } = placeOf(tools.settings);
  const ours = [
    ...Object.values(services).map(({ id }) => id),
    ...Object.values(teams).map((team) => team.service),
  ];
  return ours.includes(idOf(incident, 'service'))
    ? { ok: true, value: incident }
    : { ok: false, failure: notOurs };
}

/** The incident that this execution opened, if it is what was asked for; null where it is not found. */
export async function findByKey(tools: Tools, wanted: Fields): Promise<Fields | null> {
  const answer = await read(tools, PAGERDUTY, ['incidents'], keyQuery(tools.mark));
  if (!answer.ok) return null;
  const asked = isFields(wanted.incident) ? wanted.incident : {};
  return (
    listOf(answer.value, 'incidents').find((incident) => differing(incident, asked).length === 0) ?? null
  );
}

/**
 * In what an incident is not what was asked for. A service has rules of its own for urgency and for whom it calls; what was not
 * asked for is theirs. The details are not compared: PagerDuty shows them nowhere in its answer.
 */
export function differing(incident: Fields, asked: Fields): string[] {
  const policy = idOf(asked, 'escalation_policy');
  const wanted: Record<string, boolean> = {
    key: text(incident, 'incident_key') === text(asked, 'incident_key'),
    title: text(incident, 'title') === text(asked, 'title'),
    service: idOf(incident, 'service') === idOf(asked, 'service'),
    urgency: text(asked, 'urgency') === '' || text(incident, 'urgency') === text(asked, 'urgency'),
    'escalation policy': policy === '' || idOf(incident, 'escalation_policy') === policy,
  };
  return Object.keys(wanted).filter((name) => wanted[name] === false);
}

/** Who would be told first, by level: "1: Bob B.; 2: Carol C.". Names are PagerDuty's. */
export async function whoIsTold(tools: Tools, policy: string): Promise<string> {
  const answer = await read(tools, PAGERDUTY, ['oncalls'], onCallQuery(policy));
  if (!answer.ok) return 'PagerDuty does not say';
  const lines = listOf(answer.value, 'oncalls')
    .sort((a, b) => Number(a.escalation_level) - Number(b.escalation_level))
    .map((entry) => `${String(entry.escalation_level)}: ${summaryOf(entry, 'user')}`);
  return [...new Set(lines)].join('; ') || 'nobody is on call';
}
