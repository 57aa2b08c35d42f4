/** What Vault answers (developer.hashicorp.com/vault/api-docs), read into values or into a code of ours. Pure. */
import { z } from 'zod';
import { AppError } from '../errors.ts';

const REASONS = {
  vault_absent: 'There is no "vault" in countersign.yaml.',
  vault_unreachable: 'Vault gave no answer.',
  vault_sealed: 'Vault is sealed, or down for maintenance.',
  vault_rate_limited: 'Vault takes no more calls from us for now.',
  vault_unavailable: 'Vault has an error of its own.',
  vault_login_refused: 'Vault does not let us sign in.',
  vault_forbidden: 'Vault does not let us read this secret.',
  vault_missing: 'Vault has no such secret, or it was deleted.',
  vault_field: 'The secret in Vault has no such field, or it is no text.',
  vault_value: 'The secret in Vault cannot be sent, or is too short to be masked.',
  vault_answer: 'Vault gave an answer that is not its own form.',
} as const;
export type VaultReason = keyof typeof REASONS;

/** Why a secret cannot be had. Vault's own words go nowhere: they may name paths and policies. */
export class VaultRefused extends AppError {
  readonly reason: VaultReason;
  constructor(reason: VaultReason, options?: { cause?: unknown }) {
    super('upstream_failed', REASONS[reason], options);
    this.reason = reason;
  }
}

export type VaultAnswer = { status: number; json: unknown };

/** The code of a refusal; null for an answer to be read. 429, 472 and 473 are also how a standby says what it is. */
export function reasonOf(status: number): VaultReason | null {
  if (status === 200 || status === 204) return null;
  if (status === 403 || status === 401) return 'vault_forbidden';
  if (status === 404) return 'vault_missing';
  if (status === 429) return 'vault_rate_limited';
  if (status === 503) return 'vault_sealed';
  if (status >= 500) return 'vault_unavailable';
  return 'vault_answer';
}

const Auth = z.object({
  auth: z.object({
    client_token: z.string().min(1).max(4_096),
    lease_duration: z.int().nonnegative(),
    renewable: z.boolean(),
  }),
});
const Lookup = z.object({
  data: z.object({ ttl: z.int().nonnegative(), renewable: z.boolean().optional() }),
});
const Secret = z.object({
  lease_id: z.string().default(''),
  lease_duration: z.int().nonnegative().default(0),
  data: z.record(z.string(), z.unknown()),
});

export type Login = { token: string; ttlSeconds: number; renewable: boolean };

function parsed<T>(schema: z.ZodType<T>, { json }: VaultAnswer): T {
  const found = schema.safeParse(json);
  if (!found.success) throw new VaultRefused('vault_answer');
  return found.data;
}

/** The `auth` of a login or a renewal. */
export function loginIn(answer: VaultAnswer): Login {
  const { auth } = parsed(Auth, answer);
  return { token: auth.client_token, ttlSeconds: auth.lease_duration, renewable: auth.renewable };
}

/** What `lookup-self` says of a token; 0 seconds: it never ends. */
export function lifetimeIn(answer: VaultAnswer): { ttlSeconds: number; renewable: boolean } {
  const { data } = parsed(Lookup, answer);
  return { ttlSeconds: data.ttl, renewable: data.renewable ?? false };
}

/** One field of a secret, and for how long it holds; null seconds: it has no lease. */
export function fieldIn(
  answer: VaultAnswer,
  { engine, field }: { engine: 'kv1' | 'kv2' | 'dynamic'; field: string },
): { value: string; leaseSeconds: number | null } {
  const secret = parsed(Secret, answer);
  const inner = engine === 'kv2' ? secret.data.data : secret.data;
  // A version that was deleted has null in its place.
  if (inner === null) throw new VaultRefused('vault_missing');
  const fields = z.record(z.string(), z.unknown()).safeParse(inner);
  const value = fields.success && Object.hasOwn(fields.data, field) ? fields.data[field] : undefined;
  if (typeof value !== 'string' || value === '') throw new VaultRefused('vault_field');
  return { value, leaseSeconds: engine === 'dynamic' ? secret.lease_duration : null };
}
