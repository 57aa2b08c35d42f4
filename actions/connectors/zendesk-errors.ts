/** What Zendesk's refusals mean, in our words; its own text goes nowhere. Runs in the sandbox. */
import { type Fields, isFields, text } from './answer.ts';
import type { Refusal, System } from './json-call.ts';
import { listed } from './ticket-words.ts';

/** Fields as a person knows them, by Zendesk's names for them. */
const FIELD_WORDS: Readonly<Record<string, string>> = {
  subject: 'the title',
  FieldSubject: 'the title',
  description: 'the description',
  FieldDescription: 'the description',
  comment: 'the text',
  priority: 'the priority',
  FieldPriority: 'the priority',
  group: 'the group',
  group_id: 'the group',
  requester: "the assistant's account as requester",
  status: 'the new state',
};

type Complaint = { field: string; record: Fields };

/** `{error, description, details: {FIELD: [{error, description, field_key?, ticket_field_type?}]}}` */
function complaints(body: Fields): Complaint[] {
  const details = isFields(body.details) ? body.details : {};
  return Object.entries(details).flatMap(([name, list]) =>
    (Array.isArray(list) ? list : []).filter(isFields).map((record) => ({
      field: text(record, 'field_key') || text(record, 'ticket_field_type') || name,
      record,
    })),
  );
}

const isClosed = ({ record }: Complaint): boolean =>
  text(record, 'error') === 'ClosedTicket' ||
  text(record, 'description').includes('closed prevents ticket update');

function explain(status: number, body: Fields): Refusal | null {
  if (text(body, 'error') === 'IdempotentRequestError')
    return ['key_reused', 'Zendesk has had another ticket from this very execution; nothing was opened.'];
  if (status !== 422) return null;
  const found = complaints(body);
  if (found.some(isClosed))
    return ['ticket_closed', 'Zendesk lets nobody change a closed ticket; a new one can refer to it.'];
  const names = new Set(found.map(({ field }) => FIELD_WORDS[field] ?? 'a field of its own'));
  return names.size === 0
    ? null
    : ['upstream_rejected', `Zendesk does not accept ${listed([...names])} as it is.`];
}

/** https://developer.zendesk.com/api-reference/introduction/requests/#response-format */
export const ZENDESK: System = {
  name: 'Zendesk',
  host: 'zendesk',
  credential: 'zendesk',
  refusals: {
    404: ['not_found', 'Zendesk knows no such ticket, or hides it from the assistant.'],
    409: [
      'upstream_conflict',
      'Zendesk was changing this ticket at the same moment; look at it, then ask again.',
    ],
  },
  explain,
};
