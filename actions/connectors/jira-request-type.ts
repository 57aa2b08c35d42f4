/** Whether a request can be opened as the operator set it up, before anybody approves one. Runs in the sandbox. */
import type { Refusal, Tools } from '../../src/action.ts';
import { type Fields, text } from './answer.ts';
import { JIRA } from './jira-errors.ts';
import { DESKS, placeOf } from './jira-requests.ts';
import { listOf, read } from './json-call.ts';

const OPERATOR = 'an operator must look at it';

/** The name of the request type that requests are opened with, or why none can be, for `person` where one is named. */
export async function refusedType(person: string, tools: Tools): Promise<Refusal | { name: string }> {
  const { desk, type, project, priorities } = placeOf(tools.settings);
  const at = await read(tools, JIRA, [...DESKS, desk]);
  if (!at.ok) return { refused: at.failure.result.message };
  if (text(at.value, 'projectKey') !== project)
    return {
      refused: `The service desk ${desk} of Jira is not that of the project ${project}; ${OPERATOR}.`,
    };
  const path = [...DESKS, desk, 'requesttype', type];
  const found = await read(tools, JIRA, path);
  if (!found.ok) return { refused: found.failure.result.message };
  const answer = await read(tools, JIRA, [...path, 'field']);
  if (!answer.ok) return { refused: answer.failure.result.message };
  if (person !== '' && answer.value.canRaiseOnBehalfOf !== true)
    return {
      refused: `Jira does not let the assistant's account open requests for somebody else; ${OPERATOR}.`,
    };
  const sent = ['summary', 'description', ...(Object.keys(priorities).length === 0 ? [] : ['priority'])];
  const refused = unsuitable(listOf(answer.value, 'requestTypeFields'), sent);
  return refused === null ? { name: text(found.value, 'name') } : { refused: `${refused}; ${OPERATOR}.` };
}

function unsuitable(fields: readonly Fields[], sent: readonly string[]): string | null {
  const ids = fields.map((field) => text(field, 'fieldId'));
  const missing = sent.filter((id) => !ids.includes(id));
  if (missing.length > 0) return `The request type in Jira has no field for ${missing.join(' and ')}`;
  const others = fields.filter((field) => field.required === true && !sent.includes(text(field, 'fieldId')));
  if (others.length === 0) return null;
  const many = others.length === 1 ? 'a field' : `${others.length} fields`;
  return `The request type in Jira asks for ${many} that the assistant does not fill`;
}
