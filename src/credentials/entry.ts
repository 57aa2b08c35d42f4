/** One entry of `credentials` in countersign.yaml: which secret goes to which host, and in which shape. Pure. */
import { z } from 'zod';
import type { Credential } from '../execution/broker/credential.ts';

/** Shorter values cannot be told from ordinary text where an upstream echoes them, so they could not be masked. */
const MIN_SECRET_CHARS = 8;
/** Longest secret that fits into a header every server takes, in characters. */
const MAX_SECRET_CHARS = 4_096;
/** What a header can carry without ambiguity: visible ASCII. */
const PLAIN = /^[\x21-\x7e]+$/;
/** Secrets of our own: no upstream ever gets one, whatever a file says. */
const OURS =
  /^(?:MASTER_KEY|AUDIT_SIGNING_KEY|DATABASE_URL|DATABASE_OWNER_URL|REDIS_URL|OPENAI_API_KEY|OIDC_\w+|SLACK_\w+|Microsoft\w+|GITHUB_\w+|VAULT_\w+)$/;

/** Where Vault keeps a secret: the path of its HTTP API below `/v1/`, and the field of the answer. */
const InVault = z
  .strictObject({
    path: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)+$/, 'is a path'),
    field: z.string().regex(/^[A-Za-z0-9._-]{1,100}$/, 'is the name of a field'),
    /** Key-value store, version 1 or 2, or an engine that makes secrets with a lease. */
    engine: z.enum(['kv1', 'kv2', 'dynamic']).default('kv2'),
  })
  .refine(
    ({ path, engine }) => engine !== 'kv2' || /\/data\//.test(path),
    'names the path of the HTTP API: MOUNT/data/NAME',
  );

const granted = {
  /** The host that the connector's rules name. */
  host: z.string().min(1),
  /** The variable that holds the secret; `NAME_FILE` in its place names a file. */
  env: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_]{0,99}$/, 'is the name of a variable')
    .refine((name) => !name.endsWith('_FILE'), 'is named without _FILE')
    .refine((name) => !OURS.test(name), 'is a secret of Countersign itself, or granted by its own variable')
    .optional(),
  vault: InVault.optional(),
};
/** A colon would end the name in HTTP basic. */
const user = z.string().regex(/^[^:\p{Cc}]{1,100}$/u, 'is a name without a colon');
/** Below the upstream's address. */
const path = z.string().regex(/^(?:\/[A-Za-z0-9._-]+)+$/, 'is a path');

export const CredentialEntry = z
  .discriminatedUnion('scheme', [
    z.strictObject({ ...granted, scheme: z.literal('bearer') }),
    z.strictObject({ ...granted, scheme: z.literal('token') }),
    z.strictObject({ ...granted, scheme: z.literal('pagerduty') }),
    z.strictObject({ ...granted, scheme: z.literal('basic'), user, crumb: path.optional() }),
    z.strictObject({
      ...granted,
      scheme: z.literal('header'),
      header: z.string().regex(/^(?:x-[a-z0-9-]{1,60}|private-token)$/, 'is x-… or private-token'),
    }),
    z.strictObject({ ...granted, scheme: z.literal('session'), user, login: path.default('/auth/login') }),
  ])
  .refine(
    ({ env, vault }) => (env === undefined) !== (vault === undefined),
    'says where the secret is: either env or vault',
  );
export type CredentialEntry = z.output<typeof CredentialEntry>;

const basic = (userName: string, password: string) =>
  `Basic ${Buffer.from(`${userName}:${password}`, 'utf8').toString('base64')}`;

/** The secret in the shape in which it travels. */
export function credentialOf(entry: CredentialEntry, value: string): Credential {
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

/** What is wrong with a secret, after its name; null where it can be sent and masked. Never shows the value. */
export function problemOf(scheme: CredentialEntry['scheme'], value: string): string | null {
  if (value.length < MIN_SECRET_CHARS || value.length > MAX_SECRET_CHARS)
    return `must be ${MIN_SECRET_CHARS} to ${MAX_SECRET_CHARS} characters long`;
  const travelsEncoded = scheme === 'basic' || scheme === 'session';
  return (travelsEncoded ? /\p{Cc}/u.test(value) : !PLAIN.test(value))
    ? 'holds characters that cannot be sent'
    : null;
}
