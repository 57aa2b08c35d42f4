/** What PagerDuty's refusals mean, in our words; its own text goes nowhere. Runs in the sandbox. */
import { type Fields, isFields, text } from './answer.ts';
import { type KnownTexts, type Refusal, refusalFor, type System } from './json-call.ts';

const TEXTS: KnownTexts = [
  [
    /requester user not found/i,
    [
      'upstream_rejected',
      'PagerDuty knows nobody with the address in whose name the assistant writes (`from`); an operator must correct it.',
    ],
  ],
  [
    /service is disabled/i,
    ['upstream_rejected', 'That service is disabled on PagerDuty: it takes no incidents.'],
  ],
  [
    /service (?:not found|cannot be empty)/i,
    [
      'upstream_rejected',
      'PagerDuty knows no such service; an operator must look at `services` and `teams`.',
    ],
  ],
  [
    /already resolved/i,
    ['upstream_conflict', 'PagerDuty changes nothing on that incident: it is resolved already.'],
  ],
];

/** `{error: {code, message, errors: [TEXT]}}`: which of both says it differs from call to call, and over the years. */
function explain(status: number, body: Fields): Refusal | null {
  if (status !== 400 || !isFields(body.error)) return null;
  const errors = Array.isArray(body.error.errors) ? body.error.errors : [];
  return refusalFor(TEXTS, [text(body.error, 'message'), ...errors].join('\n'));
}

/** https://developer.pagerduty.com/docs/errors */
export const PAGERDUTY: System = {
  name: 'PagerDuty',
  host: 'api.pagerduty.com',
  credential: 'pagerduty',
  refusals: {
    402: ['upstream_forbidden', "PagerDuty's plan does not allow this; an operator must look."],
    404: [
      'not_found',
      'PagerDuty has no such incident, service or team, or does not show it to the assistant.',
    ],
  },
  explain,
};
