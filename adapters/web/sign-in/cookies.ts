/**
 * Our two cookies. The prefix `__Host-` makes the browser refuse them from anybody but this very host, over TLS and for the
 * whole of it (RFC 6265bis, 4.1.3.2): no other subdomain can plant one. Chromium counts http://localhost and http://127.0.0.1 as
 * secure enough for both the prefix and `Secure`, which a browser test shows; a browser that does not needs TLS for a trial too.
 */
import type { CookieOptions, Request, Response } from 'express';
import { TRANSACTION_LIFETIME_MS } from './transaction.ts';

/** Names the session; it ends with the browser at the latest, the server ends it earlier. */
const SESSION = '__Host-countersign';
/** Holds a sign-in that was begun here, until the provider sends the browser back. */
const TRANSACTION = '__Host-countersign-sign-in';

/** `Lax`: a card's link opens signed in, and nothing that another site's page posts carries it. */
const OURS: CookieOptions = { httpOnly: true, secure: true, sameSite: 'lax', path: '/' };

/** A cookie's value; undefined where it is missing, or there twice: one of the two then is not ours. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  const values = (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? values[0] : undefined;
}

export const sessionCookie = (request: Request) => cookieOf(request.get('cookie'), SESSION);
export const transactionCookie = (request: Request) => cookieOf(request.get('cookie'), TRANSACTION);

export function giveSession(response: Response, id: string): void {
  response.cookie(SESSION, id, OURS);
}
export function takeSession(response: Response): void {
  response.clearCookie(SESSION, OURS);
}
export function giveTransaction(response: Response, value: string): void {
  response.cookie(TRANSACTION, value, { ...OURS, maxAge: TRANSACTION_LIFETIME_MS });
}
export function takeTransaction(response: Response): void {
  response.clearCookie(TRANSACTION, OURS);
}
