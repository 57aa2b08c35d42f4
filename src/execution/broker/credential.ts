/** The shapes in which the operator's secrets reach an upstream. Held and used by the parent only. */
import type { KeyObject } from 'node:crypto';

/** Opens a session by HTTP basic at `login`, a path below the upstream's address; its cookie is what calls carry. */
export type SessionCredential = { kind: 'session'; login: string; authorization: string };

/**
 * HTTP basic, and with every write a crumb against forged requests, got at `path` below the upstream's address with the same
 * name and password (Jenkins).
 */
export type CrumbCredential = { kind: 'crumb'; path: string; authorization: string };

/** `also`: further values to mask in answers, where the secret is only a part of the header's value. */
export type HeaderCredential = { kind: 'header'; header: string; value: string; also?: readonly string[] };

/** A GitHub App: tokens are made with it, for one door each (see minting.ts). The key itself never leaves. */
export type AppCredential = { kind: 'github-app'; appId: string; key: KeyObject };

/** A string is the whole value of an Authorization header. */
export type Credential = string | HeaderCredential | SessionCredential | CrumbCredential | AppCredential;

/**
 * Hands out what the operator granted under this name for this host; null where nothing is granted. Asked anew for each
 * call, so that short-lived tokens stay fresh.
 */
export type Credentials = {
  get(name: string, host: string): Promise<Credential | null>;
  /** The upstream did not take what was handed out: nothing kept stands in for it the next time. Absent: nothing is kept. */
  refused?(name: string, host: string): void;
};

/**
 * What is put on a call: names in small letters. `secrets`: values to mask in answers, in the form that `redactorFor` reads: these,
 * and what the broker showed the upstream to get them.
 */
export type Carried = { headers: Readonly<Record<string, string>>; secrets: readonly string[] };

/** The header of a credential that is sent as it is. */
export function headerOf(credential: string | HeaderCredential): Carried {
  if (typeof credential === 'string')
    return { headers: { authorization: credential }, secrets: [credential] };
  const { header, value, also = [] } = credential;
  return { headers: { [header]: value }, secrets: [value, ...also] };
}
