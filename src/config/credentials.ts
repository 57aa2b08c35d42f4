/** What the operator grants to connectors, and where it is kept. */
import { GITHUB_CREDENTIAL, type Grant, type ReadSecret, readGrants } from '../credentials/grants.ts';
import { readVault, type VaultConfig } from '../credentials/vault-config.ts';
import type { ReadFile } from './file.ts';
import { configInvalid } from './invalid.ts';
import { readCertificate } from './upstreams.ts';

/** What the file grants, and what the variables of GitHub do. */
export function credentialsOf(
  file: ReadFile,
  secret: ReadSecret,
  github: Grant | null,
  known: { hosts: readonly string[]; hasVault: boolean },
): Grant[] {
  const { credentials } = file.value;
  const grants = readGrants(credentials, { secret, ...known });
  if (github === null) return grants;
  if (GITHUB_CREDENTIAL in credentials)
    return configInvalid(
      `credentials.${GITHUB_CREDENTIAL}: GITHUB_TOKEN or GITHUB_APP_ID grants it already; give one of the two.`,
    );
  return [...grants, github];
}

export function vaultOf(file: ReadFile, secret: ReadSecret): VaultConfig | null {
  const { vault } = file.value;
  if (vault === undefined) return null;
  const path = (relative: string): string => file.path(relative)!;
  return readVault(vault, { secret, path, certificate: (relative) => readCertificate(path(relative)) });
}
