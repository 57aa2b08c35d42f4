/** The identity provider of the web workspace. */
import type { ProviderConfig } from '../../adapters/web/sign-in/provider.ts';
import { isThisMachine, type Secret, urlOf } from './environment.ts';
import { configInvalid } from './invalid.ts';

/** All three or none. Plain HTTP is for a trial on this machine: over a network it would give sessions away. */
export function oidcOf(secret: Secret, publicUrl: URL | null): ProviderConfig | null {
  const names = ['OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET'] as const;
  const [issuerText, clientId, clientSecret] = names.map(secret);
  const given = names.find((name) => secret(name) !== null);
  if (given === undefined) return null;
  if (!issuerText || !clientId || !clientSecret) {
    const missing = names.find((name) => secret(name) === null);
    return configInvalid(`${missing} is missing: ${given} is given, and sign-in needs ${names.join(', ')}.`);
  }
  const issuer = urlOf('OIDC_ISSUER', issuerText);
  if (issuer === null || !isSecure(issuer) || issuer.search !== '' || issuer.hash !== '')
    return configInvalid('OIDC_ISSUER must be the https URL of the issuer, without a query.');
  if (publicUrl === null)
    return configInvalid(
      'PUBLIC_URL is missing: OIDC_ISSUER is given, and the provider sends browsers back to it.',
    );
  if (!isSecure(publicUrl)) return configInvalid('PUBLIC_URL must be an https URL for people to sign in.');
  return { issuer, clientId, clientSecret };
}

const isSecure = (url: URL): boolean => url.protocol === 'https:' || isThisMachine(url.hostname);
