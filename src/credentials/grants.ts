/**
 * Which secret goes to which upstream: the operator's grants, in countersign.yaml by the name that connectors use. An
 * action can name a credential; it cannot grant itself one.
 */
import { AppError } from '../errors.ts';
import type { Credential } from '../execution/broker/credential.ts';
import { readAppKey } from './app-key.ts';
import { type CredentialEntry, credentialOf, problemOf } from './entry.ts';

export const GITHUB_HOST = 'api.github.com';
export const GITHUB_CREDENTIAL = 'github';

/** A secret of the environment; `file` where it was read from one, and may be read again. */
export type GivenSecret = { value: string; file: string | null };
export type ReadSecret = (variable: string) => GivenSecret | null;

export type VaultPlace = NonNullable<CredentialEntry['vault']>;
export type Source =
  | ({ kind: 'environment'; variable: string } & GivenSecret)
  | ({ kind: 'vault' } & VaultPlace);

/** A secret on its way to one host, and to no other. */
export type Grant = {
  name: string;
  host: string;
  source: Source;
  /** What is wrong with a value, in words that follow its name; null where it can be used. */
  problem(value: string): string | null;
  /** The value in the shape in which it travels. */
  shape(value: string): Credential;
};

function refuse(name: string, what: string): never {
  throw new AppError('config_invalid', `credentials.${name}: ${what}`);
}

/**
 * Reads the secrets that the entries name. `hosts` are the upstreams there are.
 * Errors: `config_invalid`, with the entry and the variable, never the value.
 */
export function readGrants(
  entries: Readonly<Record<string, CredentialEntry>>,
  given: { secret: ReadSecret; hosts: readonly string[]; hasVault: boolean },
): Grant[] {
  return Object.entries(entries).map(([name, entry]) => {
    const { host, env, vault, scheme } = entry;
    if (!given.hosts.includes(host)) refuse(name, `"upstreams" has no host ${host}.`);
    const grant = {
      name,
      host,
      problem: (value: string) => problemOf(scheme, value),
      shape: (value: string) => credentialOf(entry, value),
    };
    if (vault !== undefined) {
      if (!given.hasVault) refuse(name, 'it is kept in Vault, and there is no "vault" in this file.');
      return { ...grant, source: { kind: 'vault', ...vault } };
    }
    return fromEnvironment(grant, env ?? '', given.secret, (what) => refuse(name, what));
  });
}

function fromEnvironment(
  grant: Omit<Grant, 'source'>,
  variable: string,
  secret: ReadSecret,
  fail: (what: string) => never,
): Grant {
  const found = secret(variable);
  if (found === null) return fail(`${variable} is not set.`);
  const problem = grant.problem(found.value);
  if (problem !== null) fail(`${variable} ${problem}.`);
  return { ...grant, source: { kind: 'environment', variable, ...found } };
}

const failPlainly = (what: string): never => {
  throw new AppError('config_invalid', what);
};

/** What `GITHUB_TOKEN` or the pair of a GitHub App grants; null where neither is given. Errors: `config_invalid`. */
export function readGitHubGrant(secret: ReadSecret): Grant | null {
  const [token, appId, key] = ['GITHUB_TOKEN', 'GITHUB_APP_ID', 'GITHUB_APP_PRIVATE_KEY'].map(secret);
  const common = { name: GITHUB_CREDENTIAL, host: GITHUB_HOST };
  if (appId && !key)
    failPlainly('GITHUB_APP_PRIVATE_KEY is missing: GITHUB_APP_ID is given, and needs both.');
  if (key && !appId)
    failPlainly('GITHUB_APP_ID is missing: GITHUB_APP_PRIVATE_KEY is given, and needs both.');
  if (appId && token) failPlainly('GITHUB_TOKEN and GITHUB_APP_ID are both given: leave one of them out.');
  if (token) {
    // Taken at any length, as it always was; what replaces it later must be long enough to be masked.
    if (!/^[\x21-\x7e]+$/.test(token.value))
      failPlainly('GITHUB_TOKEN holds characters that cannot be sent.');
    return {
      ...common,
      source: { kind: 'environment', variable: 'GITHUB_TOKEN', ...token },
      problem: (value) => problemOf('bearer', value),
      shape: (value) => `Bearer ${value}`,
    };
  }
  if (!appId) return null;
  // A client id is taken as well; both stand in the app's settings.
  if (!/^[A-Za-z0-9.]{1,64}$/.test(appId.value))
    failPlainly('GITHUB_APP_ID must be the number or client id of the app.');
  return fromEnvironment(
    {
      ...common,
      problem: (value) => {
        const read = readAppKey(value);
        return 'problem' in read ? read.problem : null;
      },
      shape: (value) => {
        const read = readAppKey(value);
        if ('problem' in read) return failPlainly(`GITHUB_APP_PRIVATE_KEY ${read.problem}.`);
        return { kind: 'github-app', appId: appId.value, key: read.key };
      },
    },
    'GITHUB_APP_PRIVATE_KEY',
    secret,
    failPlainly,
  );
}
