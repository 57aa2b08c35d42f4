/** The identity provider, by OpenID Connect: where to send a browser, and who came back. */
import * as oidc from 'openid-client';
import { AppError } from '../../../src/errors.ts';
import { Subject } from '../../../src/model/principal.ts';
import type { Transaction } from './transaction.ts';

export type ProviderConfig = { issuer: URL; clientId: string; clientSecret: string };

export type Provider = {
  /** Shown to people, so that they know where they go. */
  host: string;
  authorizationUrl(redirectUri: string, transaction: Transaction): Promise<URL>;
  /**
   * Exchanges the callback's code for a verified account: state, nonce and PKCE of this very sign-in; the ID token's signature,
   * issuer, audience and times. Throws `sign_in_refused`, or `platform_unavailable` where the provider does not answer.
   */
  exchange(callback: URL, transaction: Transaction): Promise<{ issuer: string; subject: string }>;
  /** Where to end the provider's own session as well; null where it offers none. */
  endSessionUrl(returnTo: string): Promise<URL | null>;
};

/** A provider that is slower is down for a person who waits; in seconds. */
const TIMEOUT_SECONDS = 10;
/** Two-sided: neither clock is always right; in seconds. */
const CLOCK_TOLERANCE_SECONDS = 30;
/** Endpoints move rarely; its keys are read again by themselves whenever an unknown one signs. In milliseconds. */
const METADATA_FRESH_MS = 60 * 60_000;

/**
 * In the body, which leaves no doubt how ids and secrets are encoded; in the header where a provider takes nothing else or
 * does not say (OpenID Connect Core, 9).
 */
function secretAs(clientSecret: string): oidc.ClientAuth {
  const inHeader = oidc.ClientSecretBasic(clientSecret);
  const inBody = oidc.ClientSecretPost(clientSecret);
  return (server, client, body, headers) => {
    const taken = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    const headerOnly = taken.includes('client_secret_basic') && !taken.includes('client_secret_post');
    (headerOnly ? inHeader : inBody)(server, client, body, headers);
  };
}

const UNAVAILABLE = 'Your sign-in provider does not answer. Please try again in a moment.';
const REFUSED = 'Your sign-in could not be verified, so nobody was signed in.';

/** No answer at all, as opposed to one that does not hold. */
function isSilence(error: unknown): boolean {
  const { code, name, message } = error as { code?: string; name?: string; message?: string };
  return code === 'OAUTH_TIMEOUT' || (name === 'TypeError' && message === 'fetch failed');
}

/** Asks the provider for its metadata at the first sign-in: one that is down must not hold up our start. */
export function createProvider(config: ProviderConfig, now: () => Date): Provider {
  let known: { at: number; found: Promise<oidc.Configuration> } | null = null;

  async function discover(): Promise<oidc.Configuration> {
    const metadata = { [oidc.clockTolerance]: CLOCK_TOLERANCE_SECONDS };
    // A signature on the ID token as well, not only the TLS it came over.
    const execute = [oidc.enableNonRepudiationChecks];
    // The configuration allows plain HTTP for an issuer on this machine only.
    if (config.issuer.protocol === 'http:') execute.push(oidc.allowInsecureRequests);
    try {
      const auth = secretAs(config.clientSecret);
      const options = { execute, timeout: TIMEOUT_SECONDS };
      const found = await oidc.discovery(config.issuer, config.clientId, metadata, auth, options);
      // Multi-tenant endpoints name another issuer per person: which of them was meant nobody configured.
      if (new URL(found.serverMetadata().issuer).href !== config.issuer.href) {
        throw new Error('the provider names itself as another issuer than OIDC_ISSUER');
      }
      return found;
    } catch (cause) {
      throw new AppError('platform_unavailable', UNAVAILABLE, { cause });
    }
  }

  async function server(): Promise<oidc.Configuration> {
    if (known === null || now().getTime() - known.at > METADATA_FRESH_MS) {
      known = { at: now().getTime(), found: discover() };
    }
    const { found } = known;
    try {
      return await found;
    } catch (error) {
      // The next sign-in asks again.
      if (known?.found === found) known = null;
      throw error;
    }
  }

  return {
    host: config.issuer.host,

    async authorizationUrl(redirectUri, { state, nonce, codeVerifier }) {
      return oidc.buildAuthorizationUrl(await server(), {
        redirect_uri: redirectUri,
        // The subject is all that is asked for: no name, no address.
        scope: 'openid',
        state,
        nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
      });
    },

    async exchange(callback, { state, nonce, codeVerifier }) {
      const at = await server();
      try {
        const tokens = await oidc.authorizationCodeGrant(at, callback, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: codeVerifier,
          idTokenExpected: true,
        });
        const claims = tokens.claims();
        const subject = Subject.safeParse(claims?.sub);
        if (claims === undefined || !subject.success) {
          throw new Error('the ID token names no subject that the directory could link');
        }
        return { issuer: claims.iss, subject: subject.data };
      } catch (cause) {
        if (isSilence(cause)) throw new AppError('platform_unavailable', UNAVAILABLE, { cause });
        throw new AppError('sign_in_refused', REFUSED, { cause });
      }
    },

    async endSessionUrl(returnTo) {
      const at = await server();
      if (at.serverMetadata().end_session_endpoint === undefined) return null;
      return oidc.buildEndSessionUrl(at, { post_logout_redirect_uri: returnTo });
    },
  };
}
