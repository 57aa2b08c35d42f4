import { z } from 'zod';
import { PrincipalId } from './ids.ts';

export const Platform = z.enum(['web', 'slack', 'teams']);
export type Platform = z.infer<typeof Platform>;

/**
 * A person's id at their sign-in provider: up to 255 ASCII characters (OpenID Connect Core, 2), here visible ones, as nobody sees a
 * space in a file. Many a provider makes it of more than letters and digits: base64, or `f:REALM:NAME@HOST`.
 */
export const Subject = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'is not a subject (1 to 255 visible ASCII characters)');

/**
 * Who a platform says is speaking. An account is not a person: the directory links accounts to principals.
 * Local mode's sample people speak as `{platform: 'web', issuer: 'local', subject: <principal id>}`.
 */
export const Account = z.discriminatedUnion('platform', [
  z.strictObject({ platform: z.literal('web'), issuer: z.string(), subject: z.string() }),
  z.strictObject({
    platform: z.literal('slack'),
    enterprise: z.string().nullable(),
    team: z.string(),
    user: z.string(),
  }),
  z.strictObject({ platform: z.literal('teams'), tenant: z.string(), user: z.string() }),
]);
export type Account = z.infer<typeof Account>;

/** An authenticated person, with the groups that the directory gives them at this moment. */
export const Principal = z.strictObject({
  id: PrincipalId,
  name: z.string(),
  groups: z.array(z.string()).readonly(),
  accounts: z.array(Account).readonly(),
});
export type Principal = z.infer<typeof Principal>;

/** What the directory says of an account; everything but `known` is denied. */
export type Identification =
  | { kind: 'known'; principal: Principal }
  | { kind: 'unknown' }
  | { kind: 'inactive'; principal: PrincipalId };
