/** Who is asking. The one place that sign-in replaces: everything after it works with a `Caller`. */
import type { Request } from 'express';
import { AppError } from '../../src/errors.ts';
import type { ThreadId } from '../../src/model/ids.ts';
import type { Assistant } from '../../src/model/ports.ts';
import type { Account, Principal } from '../../src/model/principal.ts';
import type { Place } from '../../src/model/turn.ts';

/** An identified person, and how their deliveries are labelled. */
export type Caller = {
  principal: Principal;
  account: Account;
  placeOf(thread: ThreadId): Place;
};

/** Throws `unknown_principal` when nobody is known to ask. */
export type WhoIsAsking = (request: Request) => Promise<Caller>;

/** Names the sample person that the browser chose. Custom, so that another origin's page needs a preflight. */
const PERSON_HEADER = 'x-countersign-as';

/** Local mode's sample people, as the directory knows them. Throws `unknown_principal`. */
export async function localPerson(assistant: Assistant, id: string): Promise<Caller> {
  const account: Account = { platform: 'web', issuer: 'local', subject: id };
  const found = await assistant.identify(account);
  if (found.kind !== 'known') {
    throw new AppError('unknown_principal', 'The directory does not know this person.');
  }
  const { principal } = found;
  return {
    principal,
    account,
    placeOf: (thread) => ({
      platform: 'web',
      tenant: 'local',
      container: principal.id,
      thread,
      direct: true,
    }),
  };
}

/** Local mode: whoever the browser says, behind `guardLocal`. */
export function chosenPerson(assistant: Assistant): WhoIsAsking {
  return async (request) => {
    const id = request.get(PERSON_HEADER);
    if (id === undefined) throw new AppError('unknown_principal', `Say who is asking in ${PERSON_HEADER}.`);
    return localPerson(assistant, id);
  };
}
