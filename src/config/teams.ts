/** Teams, by Bot Framework's own variables. */
import type { TeamsConfig } from '../../adapters/teams/adapter.ts';
import type { Environment, Secret } from './environment.ts';
import type { ConfigFile } from './file.ts';
import { configInvalid } from './invalid.ts';

/**
 * No id: no Teams. Present and empty: unauthenticated, which only local mode may be; an empty id anywhere else would mean that
 * anybody is believed. `isAlone`: neither Slack nor sign-in is configured.
 */
export function teamsOf(
  secret: Secret,
  env: Environment,
  file: ConfigFile,
  isAlone: boolean,
): TeamsConfig | null {
  const appId = secret('MicrosoftAppId') ?? '';
  const password = secret('MicrosoftAppPassword') ?? '';
  const tenant = env.MicrosoftAppTenantId ?? '';
  const isNamed = appId !== '' || env.MicrosoftAppId !== undefined;
  if (!isNamed) {
    return password === '' && tenant === ''
      ? null
      : configInvalid(
          'MicrosoftAppId is missing: MicrosoftAppPassword or MicrosoftAppTenantId is given without it.',
        );
  }
  if ((env.MicrosoftAppType || 'SingleTenant') !== 'SingleTenant')
    configInvalid('MicrosoftAppType must be SingleTenant: only people of one tenant are served.');
  if (appId === '' && !isAlone)
    configInvalid('MicrosoftAppId is empty, which is for local mode only: give it, or leave it out.');
  if (appId === '' && (password !== '' || tenant !== ''))
    configInvalid('MicrosoftAppId is empty, and MicrosoftAppPassword or MicrosoftAppTenantId is given.');
  if (appId !== '' && password === '')
    configInvalid('MicrosoftAppPassword is missing: MicrosoftAppId is given, and Teams needs both.');
  if (appId !== '' && tenant === '')
    configInvalid('MicrosoftAppTenantId is missing: MicrosoftAppId is given, and Teams needs both.');
  return {
    appId,
    password,
    tenant,
    unauthenticated: appId === '',
    approvalsConversation: file.teams.approvals_conversation ?? null,
    operatorsConversation: file.teams.operators_conversation ?? null,
    serviceUrl: file.teams.service_url ?? null,
    cloud: null,
  };
}
