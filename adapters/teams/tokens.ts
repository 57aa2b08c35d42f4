/** Who we are to the Bot Framework, and how others prove who they are: the one file that knows the SDK. */
import {
  ConfigurationBotFrameworkAuthentication,
  ConfigurationServiceClientCredentialFactory,
} from 'botbuilder';
import { AppError } from '../../src/errors.ts';
import type { TokenCheck } from './verify.ts';

/** Gives the bearer token for the connector; the SDK keeps it until it is about to expire. */
export type Tokens = () => Promise<string>;

/** Addresses of another cloud than the public one; those of the US government's end in `.us`. */
export type Cloud = {
  /** Where the keys of the channel's tokens are described. */
  openIdMetadataUrl: string;
  /** Who issues them. */
  tokenIssuer: string;
  /** Where we get ours, without the tenant. */
  loginUrl: string;
  /** What ours are for. */
  scope: string;
};

export type AppIdentity = { appId: string; password: string; tenant: string; cloud: Cloud | null };

/** learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication */
const PUBLIC_CLOUD: Cloud = {
  openIdMetadataUrl: 'https://login.botframework.com/v1/.well-known/openidconfiguration',
  tokenIssuer: 'https://api.botframework.com',
  loginUrl: 'https://login.microsoftonline.com/',
  scope: 'https://api.botframework.com',
};

/** Checks the channel's tokens: signature, issuer, audience, time. */
export function tokenCheck(identity: AppIdentity): TokenCheck {
  const { cloud, appId, tenant } = identity;
  const { openIdMetadataUrl, tokenIssuer, loginUrl, scope } = cloud ?? PUBLIC_CLOUD;
  const sdk = new ConfigurationBotFrameworkAuthentication({
    ...settings(identity),
    // Where one address is given, the SDK wants them all.
    ToBotFromChannelOpenIdMetadataUrl: openIdMetadataUrl,
    ToBotFromChannelTokenIssuer: tokenIssuer,
    ToBotFromEmulatorOpenIdMetadataUrl: openIdMetadataUrl,
    ToChannelFromBotLoginUrl: `${loginUrl}${tenant}`,
    ToChannelFromBotOAuthScope: scope,
  });
  return {
    issuer: tokenIssuer,
    audience: appId,
    authenticateRequest: (activity, authorization) => sdk.authenticateRequest(activity, authorization),
  };
}

/** @throws AppError `config_invalid` for credentials that Entra refuses, `platform_unavailable` otherwise. */
export function appTokens(identity: AppIdentity): Tokens {
  const factory = new ConfigurationServiceClientCredentialFactory(settings(identity));
  const { loginUrl, scope } = identity.cloud ?? PUBLIC_CLOUD;
  const credentials = factory.createCredentials(identity.appId, scope, `${loginUrl}${identity.tenant}`, true);
  return async () => {
    try {
      const known = await credentials;
      if (!('getToken' in known) || typeof known.getToken !== 'function') throw new Error('no token');
      return String(await known.getToken());
    } catch (cause) {
      throw refusal(cause);
    }
  };
}

function settings({ appId, password, tenant }: AppIdentity) {
  return {
    MicrosoftAppId: appId,
    MicrosoftAppPassword: password,
    MicrosoftAppType: 'SingleTenant',
    MicrosoftAppTenantId: tenant,
  };
}

/** Entra's words stay in `cause`, for the operator. */
function refusal(cause: unknown): AppError {
  const code = cause instanceof Error && 'errorCode' in cause ? String(cause.errorCode) : '';
  return /^(?:invalid_client|unauthorized_client|invalid_request|invalid_tenant)$/.test(code)
    ? new AppError(
        'config_invalid',
        'Entra refuses MicrosoftAppId, MicrosoftAppPassword or MicrosoftAppTenantId.',
        {
          cause,
        },
      )
    : new AppError('platform_unavailable', 'No token for Teams can be had at the moment.', { cause });
}
