import { z } from 'zod';
import type { ExecutionId, RenderingId, ThreadId, TurnId } from './ids.ts';
import { PrincipalId, RequestId } from './ids.ts';

export const Effect = z.enum(['read', 'write']);
export type Effect = z.infer<typeof Effect>;
export const Risk = z.enum(['low', 'medium', 'high']);
export type Risk = z.infer<typeof Risk>;

/** How far a run is cut off from the machine, strongest first; established by attacking a probe. */
export const IsolationLevel = z.enum(['kernel', 'kernel-lite', 'process', 'none']);
export type IsolationLevel = z.infer<typeof IsolationLevel>;

/** A JSON value whose numbers are integers, so that its canonical form is beyond doubt. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export const Json: z.ZodType<Json> = z.lazy(() =>
  z.union([z.null(), z.boolean(), z.int(), z.string(), z.array(Json), z.record(z.string(), Json)]),
);

/** The Cedar resource: what an action is applied to. Attributes are strings, booleans and integers. */
export const Resource = z.strictObject({
  type: z.string(),
  id: z.string(),
  attributes: z.record(z.string(), z.union([z.string(), z.boolean(), z.int()])),
});
export type Resource = z.infer<typeof Resource>;

/**
 * Where an argument came from, established by code and never by the model's word:
 * `typed` in a command or form by the person; `quoted`: stands word for word in the person's own message;
 * `fetched`: stands in text that a system or somebody else wrote; `model`: the model's own wording;
 * `default`: the schema's.
 */
export const Provenance = z.enum(['typed', 'quoted', 'fetched', 'model', 'default']);
export type Provenance = z.infer<typeof Provenance>;

const FROM_LEAST_TRUSTED: readonly Provenance[] = ['fetched', 'model', 'quoted', 'typed', 'default'];

/** What is made of several parts is worth as much as the least of them; null where there are none. */
export function leastTrusted(parts: readonly Provenance[]): Provenance | null {
  return FROM_LEAST_TRUSTED.find((one) => parts.includes(one)) ?? null;
}

/** What will happen, resolved and pinned by the action's `preview`. Bound into the digest. */
export const Preview = z.strictObject({
  /** One sentence, written by the action's author, e.g. "Open a ticket on the built-in desk." */
  summary: z.string().max(500),
  facts: z
    .array(
      z.strictObject({
        label: z.string().max(60),
        value: z.string().max(20_000),
        /** The value is what the outside system says, a ticket's title for one. */
        quoted: z.literal(true).optional(),
      }),
    )
    .max(30),
  /** Whose words all of this is where the action's code is from elsewhere; said by the executor, never by that code. */
  by: z.string().optional(),
  /** What was moving and now is not, e.g. `{commit: "<40 hex>"}`; compared again before the run. */
  pinned: z.record(z.string(), z.string()),
});
export type Preview = z.infer<typeof Preview>;

/** `group: null` stands for anybody whom policy lets approve. */
export const ApprovalNeed = z.strictObject({ group: z.string().nullable(), quorum: z.int().min(1) });
export type ApprovalNeed = z.infer<typeof ApprovalNeed>;

/** What must be met before a permitted request runs. */
export const Obligations = z.strictObject({
  approvals: z.array(ApprovalNeed),
  stepup: z.enum(['passkey']).nullable(),
  /** The least isolation that policy accepts; null leaves it to the risk. */
  isolation: IsolationLevel.nullable(),
  expiresSeconds: z.int().positive(),
});
export type Obligations = z.infer<typeof Obligations>;

export const RequestState = z.enum([
  'pending',
  'approved',
  'denied',
  'expired',
  'cancelled',
  'executing',
  'succeeded',
  'failed',
  'unknown',
]);
export type RequestState = z.infer<typeof RequestState>;

/** Why it ended as it did (`code`), in words for people (`message`), and what the action returned. */
export const Result = z.strictObject({
  code: z.string(),
  message: z.string(),
  /** Whose words the message is where it is not ours: as in a preview. `output` is never ours. */
  by: z.string().optional(),
  link: z.string().optional(),
  exitCode: z.int().optional(),
  output: z.string().optional(),
  data: Json.optional(),
});
export type Result = z.infer<typeof Result>;

/** A tool call that passed its schema, before any decision. */
export type Proposal = {
  action: string;
  arguments: Record<string, Json>;
  provenance: Record<string, Provenance>;
  /** True for a typed command or a submitted form: that is the requester's confirmation already. */
  typed: boolean;
};

/** A proposal with its principal, resource, preview and digest: what is approved and executed. */
export type ActionRequest = {
  id: RequestId;
  turn: TurnId;
  thread: ThreadId;
  action: string;
  connector: string;
  arguments: Record<string, Json>;
  provenance: Record<string, Provenance>;
  resource: Resource;
  effect: Effect;
  risk: Risk;
  preview: Preview | null;
  requester: PrincipalId;
  obligations: Obligations;
  /** Ids of the policies that decided. */
  policies: string[];
  /** In words: why it is denied, or why approval is needed. */
  reasons: string[];
  /** The thread held fetched content when it was proposed. */
  tainted: boolean;
  /** SHA-256 (hex) of the action's bundled code. */
  codeDigest: string;
  salt: string;
  digest: string;
  state: RequestState;
  createdAt: Date;
  expiresAt: Date;
  confirmedAt: Date | null;
  result: Result | null;
};

/** A request as stored: what was digested, and what happened to it since. */
export type StoredRequest = ActionRequest & {
  /** Who changed it while it was pending, besides its requester: they ask for it too, and can approve it no more. */
  coRequesters: PrincipalId[];
  /** The log entry of the requester's confirmation. */
  confirmEntry: string | null;
  /** What its buttons carry. */
  rendering: RenderingId;
  /** Rises with every claim; a worker with an older one can write nothing. */
  fence: number;
  execution: ExecutionId | null;
  level: IsolationLevel | null;
  handle: Record<string, Json> | null;
  /** Tail of what it printed. */
  output: string;
};

export type Approval = {
  request: RequestId;
  approver: PrincipalId;
  digest: string;
  /** The groups that counted, at the moment of approving. */
  groups: string[];
  at: Date;
};

export const Need = z.strictObject({
  kind: z.enum(['confirm', 'approve']),
  group: z.string().optional(),
  count: z.int(),
  have: z.int(),
});
export type Need = z.infer<typeof Need>;

/** The `Request` of the HTTP contract. */
export const RequestView = z.strictObject({
  id: RequestId,
  digest: z.string(),
  state: RequestState,
  action: z.string(),
  arguments: z.record(z.string(), Json),
  requester: PrincipalId,
  resource: Resource,
  risk: Risk,
  reasons: z.array(z.string()),
  needs: z.array(Need),
  approvals: z.array(z.strictObject({ approver: PrincipalId, at: z.string() })),
  expiresAt: z.string(),
  result: Result.optional(),
});
export type RequestView = z.infer<typeof RequestView>;

/** States that end by themselves at `expiresAt`: the moment says something in these only. */
export const EXPIRING_STATES: ReadonlySet<RequestState> = new Set(['pending', 'approved']);

/** States after which nothing more happens to a request. */
export const FINAL_STATES: ReadonlySet<RequestState> = new Set([
  'denied',
  'expired',
  'cancelled',
  'succeeded',
  'failed',
]);
