/** What Jira's refusals mean, in our words; its own text goes nowhere. Runs in the sandbox. */
import { type Fields, isFields } from './answer.ts';
import type { Refusal, System } from './json-call.ts';
import { listed } from './ticket-words.ts';

/** Fields as a person knows them, by Jira's ids for them. */
const FIELD_WORDS: Readonly<Record<string, string>> = {
  summary: 'the title',
  description: 'the description',
  priority: 'the priority (`priorities`)',
  resolution: 'the resolution (`closing`)',
  comment: 'the comment',
  assignee: 'that nobody owns it',
  reporter: 'whoever is its customer (`people`)',
};

/** The platform answers `{errorMessages, errors: {FIELD: text}}`, Service Management `{errorMessage, i18nErrorMessage}`. */
function explain(status: number, body: Fields): Refusal | null {
  const fields = status === 400 && isFields(body.errors) ? Object.keys(body.errors) : [];
  if (fields.length === 0) return null;
  const names = new Set(fields.map((field) => FIELD_WORDS[field] ?? "a field of the project's own"));
  return ['upstream_rejected', `Jira does not accept ${listed([...names])}.`];
}

/** https://developer.atlassian.com/cloud/jira/platform/rest/v3/intro/#status-codes, .../rate-limiting/ */
export const JIRA: System = {
  name: 'Jira',
  host: 'jira',
  credential: 'jira',
  refusals: {
    404: [
      'not_found',
      'Jira knows no such request, service desk or request type, or hides it from the assistant.',
    ],
    // https://developer.atlassian.com/cloud/jira/platform/change-notice-update-in-simultaneous-transitions-issue-api/
    409: [
      'upstream_conflict',
      'Jira was changing this ticket at the same moment; look at it, then ask again.',
    ],
  },
  explain,
};
