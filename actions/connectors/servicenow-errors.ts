/** What ServiceNow's refusals mean, in our words; its own text goes nowhere. Runs in the sandbox. */
import { type Fields, isFields, text } from './answer.ts';
import type { Refusal, System } from './json-call.ts';
import { listed } from './ticket-words.ts';

/** Fields of the base system as a person knows them, by their labels in small letters. */
const FIELD_WORDS: Readonly<Record<string, string>> = {
  'short description': 'the title',
  description: 'the description',
  caller: 'a caller (`people`, `caller`)',
  'assignment group': 'an assignment group (`group`)',
  urgency: 'an urgency (`urgencies`)',
  'close code': 'a resolution code (`closing`)',
  'resolution code': 'a resolution code (`closing`)',
  'close notes': 'resolution notes',
  'resolution notes': 'resolution notes',
};

function mandatory(detail: string): string | null {
  const names = /fields are mandatory:\s*(.*)$/i.exec(detail)?.[1];
  if (names === undefined) return null;
  const known = names.split(',').map((name) => FIELD_WORDS[name.trim().toLowerCase()]);
  return listed([...new Set(known.map((name) => name ?? 'a field of its own'))]);
}

/** `{error: {message, detail}, status: "failure"}`; a 403 may be a right, a data policy or a business rule. */
function explain(_status: number, body: Fields): Refusal | null {
  const error = isFields(body.error) ? body.error : {};
  const detail = `${text(error, 'message')} ${text(error, 'detail')}`;
  const asked = mandatory(detail);
  if (asked !== null)
    return ['upstream_rejected', `ServiceNow asks for ${asked}; an operator must look at its data policies.`];
  if (/data policy/i.test(detail))
    return [
      'upstream_rejected',
      'A data policy of ServiceNow does not allow this; an operator must look at it.',
    ];
  if (/business rule/i.test(detail))
    return [
      'upstream_rejected',
      "One of ServiceNow's own rules stopped this; its administrators can say which.",
    ];
  return null;
}

/** Table API, "Status codes"; Inbound REST API rate limiting (429). */
export const SERVICENOW: System = {
  name: 'ServiceNow',
  host: 'servicenow',
  credential: 'servicenow',
  refusals: {
    404: ['not_found', 'ServiceNow knows no such incident, or hides it from the assistant.'],
    409: [
      'upstream_conflict',
      'ServiceNow was changing this incident at the same moment; look at it, then ask again.',
    ],
  },
  explain,
};
