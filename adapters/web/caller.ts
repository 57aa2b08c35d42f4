/** Who is asking. The one place that sign-in replaces: everything after it works with a `Caller`. */
import type { Request } from 'express';
import { AppError } from '../../src/errors.ts';
import type { ThreadId } from '../../src/model/ids.ts';
import type { Assistant } from '../../src/model/ports.ts';
import type { Account, Principal } from '../../src/model/principal.ts';
import type { Place } from '../../src/model/turn.ts';
import { sessionCookie } from './sign-in/cookies.ts';
import { isCsrfToken, type Sessions } from './sign-in/sessions.ts';

/** An identified person, and how their deliveries are labelled. */
export type Caller = {
  principal: Principal;
  account: Account;
  placeOf(thread: ThreadId): Place;
};

/** Throws `unknown_principal` or `sign_in_needed` when nobody is known to ask. Asked again, it answers as of then. */
export type WhoIsAsking = (request: Request) => Promise<Caller>;

/** A caller with the id of their session, for what is derived from it. */
export type SignedIn = Caller & { session: string };

/** Names the sample person that the browser chose. Custom, so that another origin's page needs a preflight. */
const PERSON_HEADER = 'x-countersign-as';

/** Says that a page only watches: nobody is at work just because something changed. */
const BACKGROUND_HEADER = 'x-countersign-background';
/** Carries the token that only a page of this session can have read. */
const CSRF_HEADER = 'x-countersign-csrf';
/** They change nothing, so they need no token. */
const READING = new Set(['GET', 'HEAD']);

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

/**
 * Signed in: whoever the session's account is in the directory at this moment. A link, a header or a body that names somebody
 * is never looked at. Throws `sign_in_needed`, and `forbidden_origin` for a change without this session's token.
 */
export function signedInPerson(assistant: Assistant, sessions: Sessions) {
  return async (request: Request): Promise<SignedIn> => {
    const id = sessionCookie(request);
    const isUse = request.get(BACKGROUND_HEADER) === undefined;
    const session = id === undefined ? null : await sessions.find(id, isUse);
    if (id === undefined || session === null) throw new AppError('sign_in_needed', 'Please sign in.');
    const { issuer, subject } = session;
    const account: Account = { platform: 'web', issuer, subject };
    const found = await assistant.identify(account);
    // Who left has no access from this moment on; an account that was given to somebody else needs a sign-in of its own.
    if (found.kind !== 'known' || found.principal.id !== session.principal) {
      await sessions.end(id);
      throw new AppError(
        'sign_in_needed',
        'This account is not linked to you any more. Please sign in again.',
      );
    }
    if (!READING.has(request.method) && !isCsrfToken(request.get(CSRF_HEADER), id)) {
      throw new AppError(
        'forbidden_origin',
        'This did not come from a page of your session. Reload it and try again.',
      );
    }
    const { principal } = found;
    return {
      principal,
      account,
      session: id,
      placeOf: (thread) => ({
        platform: 'web',
        tenant: issuer,
        container: principal.id,
        thread,
        direct: true,
      }),
    };
  };
}
