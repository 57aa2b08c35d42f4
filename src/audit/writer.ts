/** Writes entries: one insert in the caller's transaction, and a word to the sequencer when that commits. */
import { randomUUID } from 'node:crypto';
import { AppError } from '../errors.ts';
import type { Tx } from '../store/database.ts';
import { canonical } from './canonical.ts';
import { Body } from './entry.ts';
import { type AuditLog, ENTRY_TYPES, type EntryInput } from './log.ts';
import { macOf } from './mac.ts';
import type { PersonKeys } from './seal.ts';

/** Larger than any entry that we mean to write; a longer one is a defect, or somebody filling the disk. */
const MAX_BODY_CHARACTERS = 1_000_000;
export const AUDIT_CHANNEL = 'audit';

const TYPES: ReadonlySet<string> = new Set(ENTRY_TYPES);

function unwritable(reason: string, cause?: unknown): AppError {
  return new AppError('audit_unwritable', `The audit log cannot take this entry: ${reason}.`, { cause });
}

function toBody(entry: EntryInput, id: string, time: string, sealed: Body['sealed']): string {
  const { type, turn, request, principal, data } = entry;
  const present = Object.entries({ turn, request, principal, data, sealed }).filter(
    ([, value]) => value !== undefined,
  );
  const body = { v: 1, id, time, type, ...Object.fromEntries(present) };
  // Zod's own words may quote the values: the code of the first problem and where it is are enough.
  const issue = Body.safeParse(body).error?.issues[0];
  if (issue !== undefined) throw unwritable(`${issue.path.join('.')}: ${issue.code}`);
  const text = canonical(body);
  if (text.length > MAX_BODY_CHARACTERS) throw unwritable('it is too long');
  return text;
}

/**
 * The audit log of one process. `instance` is a random UUID made at each start; with the process's own count
 * it makes every entry unique. `macKey` and `personKeys` come from `keys.ts` and `seal.ts`.
 */
export function createAuditLog(options: {
  instance: string;
  macKey: Buffer;
  personKeys: PersonKeys;
  now?: () => Date;
}): AuditLog {
  const { instance, macKey, personKeys, now = () => new Date() } = options;
  let counter = 0;

  async function write(tx: Tx, entry: EntryInput): Promise<{ id: string }> {
    if (!TYPES.has(entry.type)) throw unwritable('its type is not a known one');
    const id = randomUUID();
    const { type, sealed: clear } = entry;
    const sealed = clear && (await personKeys.seal(tx, clear.person, clear.content, { type, id }));
    const body = toBody(entry, id, now().toISOString(), sealed);
    const written = { instance, counter: counter++, body };
    await tx.query(
      `WITH written AS (
         INSERT INTO audit_entries (id, instance, counter, body, mac, type, request, principal, sealed_key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id)
       SELECT pg_notify($10, '') FROM written`,
      [
        id,
        instance,
        written.counter,
        body,
        macOf(macKey, written),
        type,
        entry.request ?? null,
        entry.principal ?? null,
        sealed?.key ?? null,
        AUDIT_CHANNEL,
      ],
    );
    return { id };
  }

  return {
    async append(tx, entry) {
      try {
        return await write(tx, entry);
      } catch (error) {
        if (error instanceof AppError && error.code === 'audit_unwritable') throw error;
        const reason = error instanceof AppError ? error.message : 'the database refused it';
        throw unwritable(reason.replace(/\.$/, ''), error);
      }
    },
  };
}
