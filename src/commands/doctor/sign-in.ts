/** The identity provider: does it answer, and is it who the configuration says? */
import { z } from 'zod';
import type { Config } from '../../config.ts';
import { bad, type Finding, note, ok } from './finding.ts';

const ANSWER_WITHIN_MS = 5_000;
const MEND =
  'Look at OIDC_ISSUER: it is what the provider calls itself; docs/operator.md, "Sign-in", has examples.';
const Metadata = z.object({ issuer: z.string() });

export async function lookAtSignIn({ oidc, local }: Pick<Config, 'oidc' | 'local'>): Promise<Finding[]> {
  if (oidc === null) {
    const what = local ? 'none: local mode, anybody is anybody' : 'none: the workspace is off';
    return [note('sign-in', what, 'OIDC_ISSUER; docs/operator.md, "Sign-in".')];
  }
  const root = oidc.issuer.href.replace(/\/$/, '');
  let response: Response;
  try {
    response = await fetch(`${root}/.well-known/openid-configuration`, {
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
  } catch {
    return [bad('sign-in', 'the provider cannot be reached', MEND)];
  }
  const metadata = Metadata.safeParse(await response.json().catch(() => null));
  if (response.status !== 200 || !metadata.success)
    return [bad('sign-in', `there is no OpenID Connect at this issuer (${response.status})`, MEND)];
  return URL.parse(metadata.data.issuer)?.href === oidc.issuer.href
    ? [ok('sign-in', 'the provider answers and is the configured issuer')]
    : [bad('sign-in', 'the provider calls itself another issuer', MEND)];
}
