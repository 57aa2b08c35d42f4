/** Credentials: is each that a connector asks for granted, can it be had, and does the operator's app reach what it must? */
import { readFile } from 'node:fs/promises';
import { ACTIONS, CONNECTORS } from '../../../actions/catalogue.ts';
import { chosenConnectors } from '../../built-ins.ts';
import { createCatalogue } from '../../catalogue.ts';
import type { Config } from '../../config.ts';
import type { Grant } from '../../credentials/grants.ts';
import { GITHUB_CREDENTIAL, GITHUB_HOST } from '../../credentials/grants.ts';
import { createVault } from '../../credentials/vault.ts';
import { VaultRefused } from '../../credentials/vault-answer.ts';
import { secretIn } from '../../credentials/watched.ts';
import { lookAtApp } from './app.ts';
import { type Need, needsOf } from './credential-needs.ts';
import { bad, type Finding, note, ok } from './finding.ts';

const NAME = 'credentials';

export async function lookAtCredentials(config: Config): Promise<Finding[]> {
  const governed = createCatalogue(ACTIONS, CONNECTORS, chosenConnectors(config)).all();
  const needs = needsOf(governed);
  const findings = needs.flatMap((need) => lookAtNeed(need, config));
  for (const grant of config.credentials) {
    if (!needs.some(({ name, host }) => name === grant.name && host === grant.host))
      findings.push(note(NAME, `${grant.name} is granted to ${grant.host}, and no connector asks for it`));
    findings.push(...(await lookAtFile(grant)));
  }
  findings.push(...(await lookAtVault(config)), ...(await lookAtApp(config, governed)));
  return findings.length === 0 ? [ok(NAME, 'none is needed: the built-in systems serve')] : findings;
}

function lookAtNeed({ name, host, connector, actions, always }: Need, config: Config): Finding[] {
  if (config.credentials.some((grant) => grant.name === name && grant.host === host))
    return [ok(NAME, `${name} is granted to ${host}, as ${connector} asks for it`)];
  const what = `${connector} asks for ${name} at ${host}, and nothing is granted; without it: ${actions.join(', ')}`;
  const upstream = host in config.upstreams ? '' : `upstreams: {${host}: {base_url: "https://…"}}\n`;
  const mend =
    name === GITHUB_CREDENTIAL && host === GITHUB_HOST
      ? 'GITHUB_TOKEN, or GITHUB_APP_ID with GITHUB_APP_PRIVATE_KEY.'
      : `In countersign.yaml:\n${upstream}credentials: {${name}: {scheme: …, host: ${host}, env: NAME}}\ndocs/connectors.md, "Credentials", lists the schemes.`;
  return [(always ? bad : note)(NAME, what, mend)];
}

/** What the assistant would not take over either. */
async function lookAtFile({ name, source, problem }: Grant): Promise<Finding[]> {
  if (source.kind !== 'environment' || source.file === null) return [];
  const variable = `${source.variable}_FILE`;
  try {
    const wrong = problem(secretIn(await readFile(source.file, 'utf8')));
    return wrong === null ? [] : [bad(NAME, `${name}: the file of ${variable} ${wrong}`, 'Write it again.')];
  } catch {
    return [bad(NAME, `${name}: the file of ${variable} cannot be read`, 'Look at its path and its rights.')];
  }
}

const VAULT_MENDS: Readonly<Partial<Record<VaultRefused['reason'], string>>> = {
  vault_unreachable: 'Look at vault.address and vault.ca_file. Is there a way out to it from here?',
  vault_sealed: 'Unseal it: vault operator unseal.',
  vault_login_refused: 'Look at vault.auth, at its variables and at vault.namespace.',
  vault_forbidden: 'Its policy must give the capability "read" on this path.',
  vault_missing: 'Look at the path: it is that of the HTTP API, MOUNT/data/NAME for a store of version 2.',
  vault_field: 'Look at the field.',
};

/** Signs in and reads what is kept there, one after another, as the assistant would. */
async function lookAtVault(config: Config): Promise<Finding[]> {
  if (config.vault === null) return [];
  const vault = createVault(config.vault, { failed: () => undefined });
  const findings: Finding[] = [];
  try {
    for (const { name, source, problem } of config.credentials) {
      if (source.kind !== 'vault') continue;
      try {
        const wrong = problem(await vault.read(source));
        findings.push(
          wrong === null
            ? ok('vault', `${name} can be read`)
            : bad('vault', `${name}: the field ${source.field} ${wrong}`, 'Write it there again.'),
        );
      } catch (error) {
        if (!(error instanceof VaultRefused)) throw error;
        findings.push(bad('vault', `${name}: ${error.message} (${error.reason})`, VAULT_MENDS[error.reason]));
      }
    }
  } finally {
    await vault.close();
  }
  return findings.length === 0 ? [note('vault', 'no credential is kept in it')] : findings;
}
