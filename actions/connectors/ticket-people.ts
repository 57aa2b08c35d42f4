/** In whose name a ticket is opened, by the name that its system has for them: the operator's `people`. Runs in the sandbox. */
import type { EgressValues } from '../../src/action.ts';
import type { Preview } from '../../src/model/request.ts';
import { isFields, text } from './answer.ts';

/** `requester` begins with the directory's id, in which no space can be: "alice (Alice Adams)". */
export const idOf = (requester: string): string => requester.split(' ', 1)[0] ?? '';

/** What whoever asks is called there; empty for those of whom the operator does not say it. */
export function nameThere({ requester, settings }: Pick<EgressValues, 'requester' | 'settings'>): string {
  const people = isFields(settings) && isFields(settings.people) ? settings.people : {};
  const id = idOf(requester);
  return Object.hasOwn(people, id) ? text(people, id) : '';
}

/** Bound into the digest, and looked up again before it runs; what is sent and read back is this. */
export const pinnedRequester = (there: string): Record<string, string> =>
  there === '' ? {} : { requester: there };

/** `otherwise`: who it is where nobody is named. */
export const requesterFact = (there: string, otherwise: string): Preview['facts'][number] => ({
  label: 'Requester there',
  value: there || otherwise,
});
