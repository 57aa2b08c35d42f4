/** The operator's GitHub App: does its key parse, and is it installed where connectors make tokens for? */
import type { CredentialScope, GovernedAction } from '../../action.ts';
import type { Config } from '../../config.ts';
import { GITHUB_CREDENTIAL, GITHUB_HOST } from '../../credentials/grants.ts';
import type { AppCredential } from '../../execution/broker/credential.ts';
import { findInstallation, signJwt } from '../../execution/broker/github-app.ts';
import { EgressRefused } from '../../execution/broker/refusal.ts';
import { createRouter, parseUpstreams, resolveBySystem } from '../../execution/broker/upstream.ts';
import { exampleValues } from './credential-needs.ts';
import { bad, type Finding, note, ok } from './finding.ts';

const NAME = 'github app';
/** Installations that are looked up, at most. */
const MOST = 20;
/** A name server that answers at all does so far sooner. */
const RESOLVE_WITHIN_MS = 10_000;

const MENDS: Readonly<Record<string, string>> = {
  'not installed': 'Install the app on this repository: its settings, "Install App".',
  'suspended or not allowed': 'Unsuspend it where it is installed.',
  'app or key not known': 'Look at GITHUB_APP_ID, and make a new private key in the settings of the app.',
  clock: 'This machine’s clock and GitHub’s differ: let it follow a time server.',
  'rate limited': 'Try again in some minutes.',
};

/** The repositories for which tokens would be made; the actions that use GitHub and declare none. */
function scopesOf(governed: readonly GovernedAction[]) {
  const repositories = new Map<string, CredentialScope['repository']>();
  const undeclared: string[] = [];
  for (const each of governed) {
    if (
      !each.operation.egress.some(
        ({ credential, host }) => credential === GITHUB_CREDENTIAL && host === GITHUB_HOST,
      )
    )
      continue;
    if (each.operation.scope === undefined) undeclared.push(each.action.name);
    for (const values of exampleValues(each)) {
      const repository = each.operation.scope?.(values)?.repository;
      if (repository) repositories.set(`${repository.owner}/${repository.repo}`, repository);
    }
  }
  return { repositories: [...repositories.values()].slice(0, MOST), undeclared };
}

export async function lookAtApp(config: Config, governed: readonly GovernedAction[]): Promise<Finding[]> {
  const app = appOf(config);
  if (app === null) return [];
  const { repositories, undeclared } = scopesOf(governed);
  const findings: Finding[] = [ok(NAME, `the private key of app ${app.appId} can be read`)];
  if (undeclared.length > 0)
    findings.push(
      bad(
        NAME,
        `no token can be made for ${undeclared.join(', ')}`,
        'Use GITHUB_TOKEN, or another connector.',
      ),
    );
  if (repositories.length === 0) return [...findings, note(NAME, 'no connector makes tokens with it')];
  const upstream = parseUpstreams(config.upstreams).get(GITHUB_HOST);
  if (upstream === undefined) return findings;
  const router = createRouter(resolveBySystem);
  try {
    for (const repository of repositories) {
      const place = `${repository.owner}/${repository.repo}`;
      try {
        const signal = AbortSignal.timeout(RESOLVE_WITHIN_MS);
        await findInstallation(
          await router.route(upstream, 'read', signal),
          signJwt(app, Date.now()),
          repository,
        );
        findings.push(ok(NAME, `it is installed on ${place}`));
      } catch (error) {
        if (!(error instanceof EgressRefused)) throw error;
        const why = error.detail ?? error.reason;
        findings.push(
          bad(
            NAME,
            `no token can be made for ${place} (${why})`,
            MENDS[why] ?? 'Is there a way out to GITHUB_API_URL?',
          ),
        );
      }
    }
  } finally {
    await router.close();
  }
  return findings;
}

function appOf({ credentials, github }: Config): AppCredential | null {
  const grant = credentials.find(({ name, host }) => name === GITHUB_CREDENTIAL && host === GITHUB_HOST);
  if (github?.by !== 'GITHUB_APP_ID' || grant?.source.kind !== 'environment') return null;
  const shaped = grant.shape(grant.source.value);
  return typeof shaped !== 'string' && shaped.kind === 'github-app' ? shaped : null;
}
