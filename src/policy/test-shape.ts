/** The shape of `policies/tests/*.yaml`: who asks for what, and what must come of it. */
import { z } from 'zod';
import { PrincipalId } from '../model/ids.ts';
import { Resource, Risk } from '../model/request.ts';
import { HOUSE_ACTIONS } from './built-in.ts';
import { localTime } from './time.ts';

const Decided = z.enum(['allow', 'deny']);

/** `approvals` by group, `anybody` for whomever policy lets approve; an empty record: nobody else is needed. */
const Expected = z.strictObject({
  decision: Decided,
  code: z.string().optional(),
  approvals: z.record(z.string(), z.int().min(1)).optional(),
  expires: z.string().optional(),
  isolation: z.string().optional(),
  /** Exactly the policies that decide. */
  by: z.array(z.string()).optional(),
});

const Context = z.strictObject({
  killed: z.boolean().default(false),
  tainted: z.boolean().default(false),
  risk: Risk.default('low'),
  connector: z.string().default('desk'),
  /** In UTC; what rules about weekdays and hours are tried with. An ordinary Monday morning where nothing is said. */
  time: z.iso
    .datetime()
    .default('2026-01-05T10:00:00Z')
    .transform((time) => localTime(new Date(time), 'UTC')),
});

const common = {
  name: z.string().min(1),
  principal: PrincipalId,
  expect: z.union([Decided.transform((decision) => ({ decision })), Expected]),
};

const isGoverned = (name: string) => !Object.hasOwn(HOUSE_ACTIONS, name);

/** Three kinds of question, told apart by `action`: approving, the house's own, and everything governed. */
export const PolicyTest = z.union([
  z.strictObject({
    ...common,
    action: z.literal('approve'),
    request: z.strictObject({ requester: PrincipalId, action: z.string(), resource: Resource }),
    context: Context.prefault({}),
  }),
  z.strictObject({ ...common, action: z.enum(['kill', 'readAudit', 'erase']) }),
  z.strictObject({
    ...common,
    action: z.string().refine(isGoverned),
    resource: Resource,
    context: Context.prefault({}),
  }),
]);
export type PolicyTest = z.infer<typeof PolicyTest>;
export type Expected = z.infer<typeof Expected>;

export const PolicyTestFile = z.strictObject({
  /** Groups by person: the whole directory of these tests. */
  people: z.record(PrincipalId, z.array(z.string())),
  tests: z.array(PolicyTest).min(1),
});
