/**
 * A sign-in between its beginning and its callback. All of it lives in one cookie of the browser that began it: `state`,
 * `nonce` and the PKCE verifier are derived from that cookie's random part, one way, so nothing has to be stored for
 * people who are not known yet, and the callback counts in no other browser. (OAuth 2.0 Security BCP, RFC 9700, 2.1)
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';

/** A person chooses an account and proves it, second factor included; in milliseconds. */
export const TRANSACTION_LIFETIME_MS = 10 * 60_000;
/** Another process's clock may be behind the one that began it, in milliseconds. */
const CLOCK_SKEW_MS = 60_000;
/** 256 bits: the verifier is as strong as RFC 7636, 7.1 asks. */
const RANDOM_BYTES = 32;
/** Longest path to return to, in characters: far below what a browser keeps in a cookie. */
const MAX_PATH_LENGTH = 500;
const SHAPE = /^(\d{13})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{2,700})$/;

export type Transaction = {
  /** What the cookie holds. */
  cookie: string;
  /** SHA-256 of it: names this sign-in without giving it away. */
  hash: Buffer;
  state: string;
  nonce: string;
  codeVerifier: string;
  /** A path of ours. */
  returnTo: string;
};

const derived = (cookie: string, use: string): string =>
  createHmac('sha256', cookie).update(`countersign/sign-in/${use}/v1`).digest('base64url');

const transactionOf = (cookie: string, returnTo: string): Transaction => ({
  cookie,
  hash: createHash('sha256').update(cookie).digest(),
  state: derived(cookie, 'state'),
  nonce: derived(cookie, 'nonce'),
  codeVerifier: derived(cookie, 'verifier'),
  returnTo,
});

/** Where to return to: a path of our own origin without its query, else the start page. What a link says decides nothing more. */
export function pathOfOurs(given: unknown): string {
  const base = 'https://countersign.invalid';
  if (typeof given !== 'string' || given.length > MAX_PATH_LENGTH || !given.startsWith('/')) return '/';
  const url = URL.parse(given, base);
  // "//host" and "/\host" are other hosts; a resolved path may begin with two slashes again.
  return url === null || url.origin !== base || url.pathname.startsWith('//') ? '/' : url.pathname;
}

export function beginTransaction(returnTo: string, now: Date): Transaction {
  const path = Buffer.from(returnTo).toString('base64url');
  return transactionOf(
    `${now.getTime()}.${randomBytes(RANDOM_BYTES).toString('base64url')}.${path}`,
    returnTo,
  );
}

/** The sign-in that this cookie holds; null where it is none, or too old. */
export function readTransaction(cookie: string | undefined, now: Date): Transaction | null {
  const parts = SHAPE.exec(cookie ?? '');
  if (cookie === undefined || parts === null) return null;
  const age = now.getTime() - Number(parts[1]);
  if (age < -CLOCK_SKEW_MS || age > TRANSACTION_LIFETIME_MS) return null;
  return transactionOf(cookie, pathOfOurs(Buffer.from(parts[3] ?? '', 'base64url').toString()));
}
