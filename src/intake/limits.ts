import type { PrincipalId } from '../model/ids.ts';
import type { Ephemeral } from '../model/ports.ts';

/** Uses per person in a window; what an operator may set. */
export type Limits = { turnsPerMinute: number; requestsPerActionPerHour: number };

/** Generous for people, tight for a script or a model in a loop. */
export const DEFAULT_LIMITS: Limits = { turnsPerMinute: 30, requestsPerActionPerHour: 60 };

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

export type Admission = { ok: true } | { ok: false; message: string };

/** Counts one turn of a person; over the limit, the answer says when to come back. */
export async function admitTurn(
  ephemeral: Ephemeral,
  limits: Limits,
  principal: PrincipalId,
): Promise<Admission> {
  return admit(ephemeral, `limit:turn:${principal}`, limits.turnsPerMinute, MINUTE_MS, 'messages');
}

/** Counts one request of a person for an action. */
export async function admitRequest(
  ephemeral: Ephemeral,
  limits: Limits,
  principal: PrincipalId,
  action: string,
): Promise<Admission> {
  return admit(
    ephemeral,
    `limit:request:${principal}:${action}`,
    limits.requestsPerActionPerHour,
    HOUR_MS,
    `requests for ${action}`,
  );
}

/** A person needs one code, or another after a mistake: in an hour. */
const LINK_CODES_PER_HOUR = 6;
/** An account that sends codes faster is guessing; per ten minutes. */
const LINK_TRIES = 5;
const LINK_TRIES_MS = 10 * MINUTE_MS;

/** Counts one code that a person asks for to link an account of theirs. */
export async function admitLinkCode(ephemeral: Ephemeral, principal: PrincipalId): Promise<Admission> {
  return admit(ephemeral, `limit:link-code:${principal}`, LINK_CODES_PER_HOUR, HOUR_MS, 'codes');
}

/** Counts one code that an account sends; `account` is every id of it, as nobody is known behind it yet. */
export async function admitLinkTry(ephemeral: Ephemeral, account: string): Promise<Admission> {
  return admit(ephemeral, `limit:link-try:${account}`, LINK_TRIES, LINK_TRIES_MS, 'codes');
}

async function admit(
  ephemeral: Ephemeral,
  key: string,
  most: number,
  windowMs: number,
  what: string,
): Promise<Admission> {
  const { uses, resetMs } = await ephemeral.count(key, windowMs);
  if (uses <= most) return { ok: true };
  const seconds = Math.max(1, Math.ceil(resetMs / 1000));
  return {
    ok: false,
    message: `That is more than ${most} ${what} in a short time. Please try again in ${seconds} s.`,
  };
}
