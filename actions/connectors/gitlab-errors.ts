/** What GitLab's refusals mean, in our words; its own text goes nowhere. Runs in the sandbox. */
import { type Fields, isFields, text } from './answer.ts';
import { type KnownTexts, type Refusal, refusalFor, type System } from './json-call.ts';

/** What it says of a pipeline that it does not start; docs.gitlab.com, "CI/CD variables", "Debugging CI/CD pipelines". */
const TEXTS: KnownTexts = [
  [
    /insufficient permissions to set pipeline variables/i,
    [
      'upstream_forbidden',
      "GitLab does not let the assistant's account give pipeline variables; an operator must allow its role to (CI/CD settings, Variables).",
    ],
  ],
  [
    /insufficient permissions|not have sufficient permission/i,
    [
      'upstream_forbidden',
      "GitLab does not let the assistant's account start a pipeline on that branch or tag.",
    ],
  ],
  [
    /reference not found/i,
    ['upstream_rejected', 'GitLab does not start that pipeline: the branch or tag is not there.'],
  ],
  [
    /prevented any jobs|no stages \/ jobs/i,
    ['upstream_rejected', 'GitLab does not start that pipeline: its rules leave no job.'],
  ],
  [
    /missing ci config file/i,
    ['upstream_rejected', 'GitLab does not start that pipeline: the commit has no CI configuration.'],
  ],
];

/** `{message: {base: [TEXT]}}`, `{message: TEXT}` or `{error: TEXT}`. */
function explain(status: number, body: Fields): Refusal | null {
  if (status !== 400) return null;
  const base = isFields(body.message) && Array.isArray(body.message.base) ? body.message.base : [];
  return refusalFor(TEXTS, [...base, text(body, 'message'), text(body, 'error')].join('\n'));
}

export const GITLAB: System = {
  name: 'GitLab',
  host: 'gitlab',
  credential: 'gitlab',
  refusals: {
    404: [
      'not_found',
      'GitLab knows no such project, pipeline, branch or tag, or hides it from the assistant.',
    ],
  },
  explain,
};
