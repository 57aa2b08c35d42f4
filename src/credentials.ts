/**
 * Which secret goes to which upstream: the operator's grants, in countersign.yaml by the name that connectors use, the
 * values from the environment or a file. An action can name a credential; it cannot grant itself one.
 */
import { z } from 'zod';
import { AppError } from './errors.ts';
import type { Credential, Credentials } from './execution/broker/credential.ts';

/** Shorter values cannot be told from ordinary text where an upstream echoes them, so they could not be masked. */
const MIN_SECRET_CHARS = 8;
/** Longest secret that fits into a header every server takes, in characters. */
const MAX_SECRET_CHARS = 4_096;
/** What a header can carry without ambiguity: visible ASCII. */
const PLAIN = /^[\x21-\x7e]+$/;
/** Secrets of our own: no upstream ever gets one, whatever a file says. */
const OURS =
  /^(?:MASTER_KEY|AUDIT_SIGNING_KEY|DATABASE_URL|DATABASE_OWNER_URL|REDIS_URL|OPENAI_API_KEY|OIDC_\w+|SLACK_\w+|Microsoft\w+|GITHUB_\w+)$/;

const granted = {
  /** The host that the connector's rules name. */
  host: z.string().min(1),
  /** The variable that holds the secret; `NAME_FILE` in its place names a file. */
  env: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_]{0,99}$/, 'is the name of a variable')
    .refine((name) => !name.endsWith('_FILE'), 'is named without _FILE')
    .refine((name) => !OURS.test(name), 'is a secret of Countersign itself, or granted by its own variable'),
};
/** A colon would end the name in HTTP basic. */
const user = z.string().regex(/^[^:\p{Cc}]{1,100}$/u, 'is a name without a colon');
/** Below the upstream's address. */
const path = z.string().regex(/^(?:\/[A-Za-z0-9._-]+)+$/, 'is a path');

/** One entry of `credentials` in countersign.yaml. */
export const CredentialEntry = z.discriminatedUnion('scheme', [
  z.strictObject({ ...granted, scheme: z.literal('bearer') }),
  z.strictObject({ ...granted, scheme: z.literal('token') }),
  z.strictObject({ ...granted, scheme: z.literal('pagerduty') }),
  z.strictObject({ ...granted, scheme: z.literal('basic'), user, crumb: path.optional() }),
  z.strictObject({
    ...granted,
    scheme: z.literal('header'),
    header: z.string().regex(/^(?:x-[a-z0-9-]{1,60}|private-token)$/, 'is x-… or private-token'),
  }),
  z.strictObject({
    ...granted,
    scheme: z.literal('session'),
    user,
    login: path.default('/auth/login'),
  }),
]);
export type CredentialEntry = z.output<typeof CredentialEntry>;

/** A secret on its way to one host, and to no other. */
export type Grant = { name: string; host: string; credential: Credential };

function refuse(name: string, what: string): never {
  throw new AppError('config_invalid', `credentials.${name}: ${what}`);
}

const basic = (userName: string, password: string) =>
  `Basic ${Buffer.from(`${userName}:${password}`, 'utf8').toString('base64')}`;

function credentialOf(entry: CredentialEntry, value: string): Credential {
  switch (entry.scheme) {
    case 'bearer':
      return `Bearer ${value}`;
    case 'token':
      return `token ${value}`;
    case 'pagerduty':
      // PagerDuty's own scheme (developer.pagerduty.com, "Authentication").
      return { kind: 'header', header: 'authorization', value: `Token token=${value}`, also: [value] };
    case 'basic': {
      const authorization = basic(entry.user, value);
      return entry.crumb === undefined ? authorization : { kind: 'crumb', path: entry.crumb, authorization };
    }
    case 'header':
      return { kind: 'header', header: entry.header, value };
    case 'session':
      return { kind: 'session', login: entry.login, authorization: basic(entry.user, value) };
  }
}

function checkValue(name: string, entry: CredentialEntry, value: string | null): string {
  if (value === null) return refuse(name, `${entry.env} is not set.`);
  if (value.length < MIN_SECRET_CHARS || value.length > MAX_SECRET_CHARS) {
    refuse(name, `${entry.env} must be ${MIN_SECRET_CHARS} to ${MAX_SECRET_CHARS} characters long.`);
  }
  const travelsEncoded = entry.scheme === 'basic' || entry.scheme === 'session';
  if (travelsEncoded ? /\p{Cc}/u.test(value) : !PLAIN.test(value)) {
    refuse(name, `${entry.env} holds characters that cannot be sent.`);
  }
  return value;
}

/**
 * Reads the secrets that the entries name. `secret` gives a variable's value, or its file's; null where neither is given.
 * `hosts` are the upstreams there are. Errors: `config_invalid`, with the entry and the variable, never the value.
 */
export function readGrants(
  entries: Readonly<Record<string, CredentialEntry>>,
  secret: (name: string) => string | null,
  hosts: readonly string[],
): Grant[] {
  return Object.entries(entries).map(([name, entry]) => {
    if (!hosts.includes(entry.host)) refuse(name, `"upstreams" has no host ${entry.host}.`);
    const value = checkValue(name, entry, secret(entry.env));
    return { name, host: entry.host, credential: credentialOf(entry, value) };
  });
}

/** Hands out exactly what was granted: by name and by host. */
export function createCredentials(grants: readonly Grant[]): Credentials {
  return {
    get: async (name, host) =>
      grants.find((grant) => grant.name === name && grant.host === host)?.credential ?? null,
  };
}
