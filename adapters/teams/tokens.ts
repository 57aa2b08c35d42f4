/** Who we are to the Bot Framework, and how others prove who they are: the one file that knows the SDK. */
import {
  ConfigurationBotFrameworkAuthentication,
  ConfigurationServiceClientCredentialFactory,
} from 'botbuilder';
import { AppError } from '../../src/errors.ts';
import type { TokenCheck } from './verify.ts';

/** Gives the bearer token for the connector; the SDK keeps it until it is about to expire. */
export type Tokens = () => Promise<string>;

/**
 * Addresses of a sovereign cloud instead of the public one, by the SDK's own names. `channelService` alone is enough
 * for the clouds that the SDK knows, e.g. `https://botframework.azure.us`.
 */
export type Cloud = {
  channelService?: string;
  openIdMetadataUrl?: string;
  tokenIssuer?: string;
};

export type AppIdentity = { appId: string; password: string; tenant: string; cloud: Cloud | null };

const SCOPE = 'https://api.botframework.com';
const LOGIN = 'https://login.microsoftonline.com/';

/** Checks the channel's tokens: signature, issuer, audience, time. */
export function tokenCheck(identity: AppIdentity): TokenCheck {
  const { cloud } = identity;
  return new ConfigurationBotFrameworkAuthentication({
    ...settings(identity),
    ...(cloud?.channelService === undefined ? {} : { ChannelService: cloud.channelService }),
    ...(cloud?.openIdMetadataUrl === undefined
      ? {}
      : {
          ToBotFromChannelOpenIdMetadataUrl: cloud.openIdMetadataUrl,
          ToBotFromEmulatorOpenIdMetadataUrl: cloud.openIdMetadataUrl,
          ToChannelFromBotLoginUrl: `${LOGIN}${identity.tenant}`,
          ToChannelFromBotOAuthScope: SCOPE,
        }),
    ...(cloud?.tokenIssuer === undefined ? {} : { ToBotFromChannelTokenIssuer: cloud.tokenIssuer }),
  });
}

/** @throws AppError `config_invalid` for credentials that Entra refuses, `platform_unavailable` otherwise. */
export function appTokens(identity: AppIdentity): Tokens {
  const factory = new ConfigurationServiceClientCredentialFactory(settings(identity));
  const credentials = factory.createCredentials(identity.appId, SCOPE, `${LOGIN}${identity.tenant}`, true);
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
