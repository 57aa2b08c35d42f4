/** The shape of the directory's YAML file. Strict: a key that nobody declared is a mistake, not a comment. */
import { z } from 'zod';
import { PrincipalId } from '../model/ids.ts';
import { Subject } from '../model/principal.ts';

/** Issuer of the accounts that local mode links by itself; a file may not claim it. */
export const LOCAL_ISSUER = 'local';

/** Words that mean something else where a group is named: `@approval("none")`, "anybody" in tests. */
const RESERVED_GROUPS = new Set(['none', 'anybody']);

/** Longest name, title or contact that a card shows in full. */
const MAX_SHOWN_CHARS = 80;

const shown = z
  .string()
  .min(1)
  .max(MAX_SHOWN_CHARS)
  // Control and bidirectional characters could make one name read as another.
  .regex(/^[^\p{Cc}\p{Cf}]+$/u, 'holds a control or invisible character');

/** An id of an outside system, never a name or an address, which can be given to somebody else. */
const outsideId = z
  .string()
  .regex(/^[A-Za-z0-9._:|-]{1,128}$/, 'is not an id (a name or an address is none)');

export const AccountEntry = z.discriminatedUnion('platform', [
  z.strictObject({
    platform: z.literal('slack'),
    /** Enterprise Grid only. */
    enterprise: z
      .string()
      .regex(/^E[A-Z0-9]{2,30}$/, 'is not a Slack enterprise id (E...)')
      .nullable()
      .default(null),
    team: z.string().regex(/^T[A-Z0-9]{2,30}$/, 'is not a Slack workspace id (T...)'),
    user: z.string().regex(/^[UW][A-Z0-9]{2,30}$/, 'is not a Slack user id (U... or W...)'),
  }),
  z.strictObject({ platform: z.literal('teams'), tenant: outsideId, oid: outsideId }),
  z.strictObject({
    platform: z.literal('web'),
    issuer: z
      .string()
      .min(1)
      .max(200)
      .refine((issuer) => issuer !== LOCAL_ISSUER, 'the issuer "local" is reserved for local mode'),
    // As the provider says it: our sign-in page prints it, and what it prints must be taken.
    subject: Subject,
  }),
]);
export type AccountEntry = z.infer<typeof AccountEntry>;

const GroupId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'a group id is lower-case letters, digits and hyphens')
  .refine((id) => !RESERVED_GROUPS.has(id), 'this word is reserved and cannot name a group');

export const DirectoryYaml = z.strictObject({
  groups: z.record(GroupId, z.strictObject({ title: shown, contact: shown })),
  people: z
    .array(
      z.strictObject({
        id: PrincipalId,
        name: shown,
        groups: z.array(z.string()).default([]),
        active: z.boolean().default(true),
        accounts: z.array(AccountEntry).default([]),
      }),
    )
    .min(1),
});
