/** What `web-assistant.ts` knows from the start: people, actions, a form, and how it is. */
import type { Form } from '../../src/model/card.ts';
import type { Operations, ReportRow } from '../../src/model/ports.ts';
import type { Principal } from '../../src/model/principal.ts';
import { personId } from './web-requests.ts';

const person = (id: string, name: string, groups: string[]): Principal => ({
  id: personId(id),
  name,
  groups: ['employees', ...groups],
  accounts: [{ platform: 'web', issuer: 'local', subject: id }],
});

export const PEOPLE = [
  person('alice', 'Alice Adams', ['engineers']),
  person('bob', 'Bob Brown', ['engineers', 'oncall']),
  person('carol', 'Carol Cruz', ['engineers', 'oncall']),
  person('dave', 'Dave Dunn', []),
  person('erin', 'Erin Eriksen', ['operators']),
];

export const TICKET_FORM: Form = {
  action: 'ticket.create',
  title: 'Open a ticket',
  fields: [
    { name: 'title', label: 'Title', kind: 'text', choices: [], required: true, value: '' },
    { name: 'body', label: 'Details', kind: 'multiline', choices: [], required: false, value: '' },
    {
      name: 'urgency',
      label: 'Urgency',
      kind: 'choice',
      choices: ['low', 'high'],
      required: true,
      value: 'low',
    },
    { name: 'seats', label: 'People affected', kind: 'number', choices: [], required: false, value: '3' },
    { name: 'notify', label: 'Tell me', kind: 'boolean', choices: [], required: false, value: 'true' },
  ],
};

export const ACTIONS = [
  {
    name: 'ticket.create',
    title: 'Open a ticket',
    description: 'Opens a ticket with the people who run IT.',
    examples: ['open a ticket: {title}', 'the {thing} is down, please open a ticket'],
  },
  {
    name: 'ci.trigger',
    title: 'Run a CI job',
    description: 'Runs a job of a repository at a commit that is pinned before anybody approves.',
    examples: ['run the {job} of {repo} on {ref}'],
  },
  {
    name: 'ticket.status',
    title: 'Look at a ticket',
    description: 'Says where a ticket stands.',
    examples: ['what about ticket {number}?'],
  },
];

export const REPORT: ReportRow = {
  id: 'entry',
  time: new Date().toISOString(),
  by: { id: 'dave', name: 'Dave Davis' },
  request: null,
  named: '00000000',
  words: 'why is it run at night?',
};

export const OPERATIONS: Operations = {
  checks: [
    { name: 'database', ok: true, code: 'ok' },
    { name: 'audit log', ok: true, code: 'ok' },
    { name: 'sandbox', ok: false, code: 'isolation_too_low' },
  ],
  isolation: 'kernel-lite',
  planner: 'offline',
  switches: [
    {
      scope: 'action ci.trigger',
      reason: 'runner is being moved',
      since: new Date().toISOString(),
      by: 'erin',
    },
  ],
  counts: { waiting: 1, executing: 0, unknown: 0 },
};
