/** The shapes in which the operator's secrets reach an upstream. Held and used by the parent only. */

/** Opens a session by HTTP basic at `login`, a path below the upstream's address; its cookie is what calls carry. */
export type SessionCredential = { kind: 'session'; login: string; authorization: string };

/** A string is the whole value of an Authorization header. */
export type Credential = string | { kind: 'header'; header: string; value: string } | SessionCredential;

/**
 * Hands out what the operator granted under this name for this host; null where nothing is granted. Asked anew for each
 * call, so that short-lived tokens stay fresh.
 */
export type Credentials = { get(name: string, host: string): Promise<Credential | null> };

/** What is put on a call. `secrets`: values to mask in answers, in the form that `redactorFor` reads. */
export type CredentialHeader = { header: string; value: string; secrets: readonly string[] };

/** The header of a credential that needs no session. */
export function headerOf(credential: Exclude<Credential, SessionCredential>): CredentialHeader {
  return typeof credential === 'string'
    ? { header: 'authorization', value: credential, secrets: [credential] }
    : { header: credential.header, value: credential.value, secrets: [credential.value] };
}
