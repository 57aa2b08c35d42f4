import { z } from 'zod';

/**
 * Branded ids: a thread's id can never be passed where a request's is meant.
 * All but the principal's are random UUIDs; the principal's is the directory's own.
 */
export const TurnId = z.uuid().brand<'TurnId'>();
export type TurnId = z.infer<typeof TurnId>;
export const ThreadId = z.uuid().brand<'ThreadId'>();
export type ThreadId = z.infer<typeof ThreadId>;
export const RequestId = z.uuid().brand<'RequestId'>();
export type RequestId = z.infer<typeof RequestId>;
export const MessageId = z.uuid().brand<'MessageId'>();
export type MessageId = z.infer<typeof MessageId>;
export const ExecutionId = z.uuid().brand<'ExecutionId'>();
export type ExecutionId = z.infer<typeof ExecutionId>;
/** One rendering of a card: the opaque value that its buttons carry. */
export const RenderingId = z.uuid().brand<'RenderingId'>();
export type RenderingId = z.infer<typeof RenderingId>;
/** The directory's id of a person, never a platform's. */
export const PrincipalId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._@-]{0,63}$/)
  .brand<'PrincipalId'>();
export type PrincipalId = z.infer<typeof PrincipalId>;

/** A fresh random id of the kind that `schema` brands. */
export function newId<T extends string>(schema: { parse(value: unknown): T }): T {
  return schema.parse(crypto.randomUUID());
}
