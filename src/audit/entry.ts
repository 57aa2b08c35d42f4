/** The shape of an audit entry, as stored, exported and proven. Version 1; later versions add, never change. */
import { z } from 'zod';
import { PrincipalId, RequestId, TurnId } from '../model/ids.ts';
import { Json } from '../model/request.ts';
import { canonicalBytes } from './canonical.ts';
import { leafHash } from './merkle.ts';

/** AES-256-GCM: 12 random bytes of IV, ciphertext and 16-byte tag together, both in standard base64. */
export const Sealed = z.strictObject({
  v: z.literal(1),
  key: z.uuid(),
  iv: z.base64(),
  data: z.base64(),
});
export type Sealed = z.infer<typeof Sealed>;

/** RFC 3339, UTC, milliseconds. */
const Time = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
const HexHash = z.string().regex(/^[0-9a-f]{64}$/);
/** Any word and word: a reader of today must be able to check a log with tomorrow's types. */
const Type = z.string().regex(/^[a-z]+\.[a-z_]+$/);

/** What the writer sets: everything but `index` and `previous`. */
export const Body = z.strictObject({
  v: z.literal(1),
  id: z.uuid(),
  time: Time,
  type: Type,
  turn: TurnId.optional(),
  request: RequestId.optional(),
  principal: PrincipalId.optional(),
  data: z.record(z.string(), Json).optional(),
  sealed: Sealed.optional(),
});
export type Body = z.infer<typeof Body>;

export const Entry = z.strictObject({ ...Body.shape, index: z.int().nonnegative(), previous: HexHash });
export type Entry = z.infer<typeof Entry>;

/** One line of an export. */
export const Line = z.strictObject({ index: z.int().nonnegative(), leafHash: HexHash, entry: Entry });
export type Line = z.infer<typeof Line>;

/** The leaf's bytes are the RFC 8785 form of the entry. Throws `AppError('malformed')` when there is none. */
export function hashEntry(entry: object): Buffer {
  return leafHash(canonicalBytes(entry));
}

/** A body at its place. */
export function placeEntry<B extends object>(body: B, index: number, previous: Uint8Array) {
  return { ...body, index, previous: Buffer.from(previous).toString('hex') };
}
