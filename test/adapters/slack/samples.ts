import type { Card, Form, Message } from '../../../src/model/card.ts';
import { MessageId, newId, PrincipalId, RenderingId, RequestId, ThreadId } from '../../../src/model/ids.ts';

/** The field of a ticket's title, empty; each case changes one thing. */
export const titleField = (change: Partial<Form['fields'][number]> = {}): Form['fields'][number] => ({
  name: 'title',
  label: 'Title',
  kind: 'text',
  choices: [],
  required: true,
  value: '',
  ...change,
});

export const TICKET: Form = { action: 'ticket.create', title: 'Open a ticket', fields: [titleField()] };

/** One good card; each case changes one thing. */
export function cardWith(change: Partial<Card> = {}): Card {
  return {
    request: newId(RequestId),
    rendering: newId(RenderingId),
    digest: 'ab'.repeat(32),
    state: 'pending',
    title: 'Open a ticket',
    status: 'Waiting for your confirmation',
    summary: 'Open a ticket on the built-in desk.',
    requester: { id: PrincipalId.parse('alice'), name: 'Alice Adams' },
    arguments: [{ name: 'title', value: 'VPN down in Berlin', provenance: 'quoted' }],
    facts: [{ label: 'connector', value: 'the built-in desk' }],
    risk: 'low',
    isolation: 'at least kernel-lite',
    reasons: ['tickets.cedar permits employees to open tickets'],
    pinned: [],
    quotes: [],
    approvals: [],
    buttons: ['confirm', 'cancel'],
    expiresAt: '2026-11-21T12:00:00.000Z',
    output: null,
    outcome: null,
    link: null,
    proof: null,
    ...change,
  };
}

export function messageWith(change: Partial<Message> = {}): Message {
  return {
    id: newId(MessageId),
    thread: newId(ThreadId),
    author: null,
    authorship: 'system',
    text: 'Done.',
    card: null,
    form: null,
    at: '2026-11-21T11:00:00.000Z',
    ...change,
  };
}
