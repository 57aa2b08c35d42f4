/**
 * Is this from Teams, of our tenant, and from a person of it? The SDK checks the token; what it leaves open is
 * checked here, and whatever is missing refuses. learn.microsoft.com/azure/bot-service/rest-api/
 * bot-framework-rest-connector-authentication
 */
import { isIPv4 } from 'node:net';
import type { ConfigurationBotFrameworkAuthentication } from 'botbuilder';
import { z } from 'zod';
import { decodeJson } from './json.ts';
import type { Verified } from './parse.ts';
import { Activity, Guid } from './payloads.ts';

export type RefusedCode =
  | 'malformed'
  | 'token_missing'
  | 'token_refused'
  | 'service_url'
  | 'channel'
  | 'tenant'
  | 'guest';

export type Verification =
  | ({ ok: true } & Verified)
  | { ok: false; status: 400 | 401 | 403; code: RefusedCode; cause?: unknown };

/** Only the part of the SDK that is needed: it throws for any token whose signature, audience or time is wrong. */
export type TokenCheck = Pick<ConfigurationBotFrameworkAuthentication, 'authenticateRequest'> & {
  /** Who issues the channel's tokens. The SDK takes those of emulators and of other bots as well; we do not. */
  issuer: string;
  audience: string;
};

export type VerifyParts = {
  /** Null: local mode, for the Agents Playground on this machine; nobody proves who they are. */
  tokens: TokenCheck | null;
  /** Null in local mode only: any tenant, as its people are whom the directory lists. */
  tenant: string | null;
};

/** Three parts of base64url (RFC 7515); the second are the claims. */
const BEARER = /^Bearer [A-Za-z0-9_-]{1,2000}\.([A-Za-z0-9_-]{1,6000})\.[A-Za-z0-9_-]{1,2000}$/;
const Claims = z.object({ iss: z.string(), aud: z.string(), serviceurl: z.string() });
const refused = (status: 400 | 401 | 403, code: RefusedCode, cause?: unknown): Verification => ({
  ok: false,
  status,
  code,
  ...(cause === undefined ? {} : { cause }),
});

/**
 * Decides whether `body` came from Teams with a token for us, names where to answer as the token does, and was sent
 * by a member of the configured tenant. A person is (tenant, Entra object id): a display name or an address never is.
 */
export async function verifyActivity(
  body: unknown,
  authorization: string | undefined,
  { tokens, tenant }: VerifyParts,
): Promise<Verification> {
  const parsed = Activity.safeParse(body);
  if (!parsed.success) return refused(400, 'malformed');
  const activity = parsed.data;
  // Asked first: other channels have other rules in the SDK, weaker ones too.
  if (activity.channelId !== 'msteams') return refused(403, 'channel');
  if (tokens === null) {
    // Without a token nothing says where answers may go: not off this machine.
    if (!isLoopback(activity.serviceUrl)) return refused(403, 'service_url');
  } else {
    const problem = await tokenProblem(activity, body, authorization, tokens);
    if (problem !== null) return problem;
  }
  const said = [activity.conversation.tenantId, activity.channelData?.tenant?.id].filter(
    (id) => id !== undefined,
  );
  const [one] = said;
  if (one === undefined || said.some((id) => !sameId(id, tenant ?? one))) return refused(403, 'tenant');
  const { aadObjectId } = activity.from;
  // Bots and anonymous visitors have no such id; a guest's is one that the directory does not list.
  if (aadObjectId === undefined || activity.from.role === 'bot') return refused(403, 'guest');
  // The Playground's ids are a digit too long; Entra's never are.
  if (tokens !== null && !Guid.safeParse(aadObjectId).success) return refused(403, 'guest');
  return {
    ok: true,
    activity,
    account: { platform: 'teams', tenant: (tenant ?? one).toLowerCase(), user: aadObjectId },
  };
}

async function tokenProblem(
  activity: Activity,
  body: unknown,
  authorization: string | undefined,
  tokens: TokenCheck,
): Promise<Verification | null> {
  if (authorization === undefined) return refused(401, 'token_missing');
  const claims = claimsOf(authorization);
  // Which of its rules the SDK applies depends on what the token says of itself: only the channel's are left to it.
  if (claims?.iss !== tokens.issuer || claims.aud !== tokens.audience) return refused(401, 'token_refused');
  if (claims.serviceurl !== activity.serviceUrl) return refused(401, 'service_url');
  try {
    await tokens.authenticateRequest(body as Parameters<TokenCheck['authenticateRequest']>[0], authorization);
    return null;
  } catch (cause) {
    return refused(401, 'token_refused', cause);
  }
}

/** What a token claims, before anybody has checked its signature. */
function claimsOf(authorization: string): z.infer<typeof Claims> | undefined {
  const payload = BEARER.exec(authorization)?.[1];
  if (payload === undefined) return undefined;
  return Claims.safeParse(decodeJson(Buffer.from(payload, 'base64url').toString('utf8'))).data;
}

/** Entra's ids are the same whatever their case; local mode takes the Playground's, which are none. */
function sameId(said: string, wanted: string): boolean {
  const id = Guid.safeParse(said).data ?? said;
  return id === (Guid.safeParse(wanted).data ?? wanted);
}

export function isLoopback(address: string): boolean {
  const host = URL.parse(address)?.hostname ?? '';
  return host === 'localhost' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}
