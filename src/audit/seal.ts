/**
 * What people wrote is sealed under a key of their own. Erasing a person means emptying that key: every entry stays, every
 * hash still holds, and nobody can read the text any more (copies of the database made earlier keep the wrapped key).
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { AppError } from '../errors.ts';
import type { PrincipalId } from '../model/ids.ts';
import type { Json } from '../model/request.ts';
import type { Sql, Tx } from '../store/database.ts';
import { decrypt, encrypt, IV_BYTES } from './aes-gcm.ts';
import type { Sealed } from './entry.ts';

const KEY_BYTES = 32;
/** Binds the text to its entry, so that it cannot be moved into another. */
const ofEntry = (entry: { type: string; id: string }) => `${entry.type}\n${entry.id}`;
const ofKey = (id: string, person: string) => `countersign/person-key/v1\n${id}\n${person}`;

type KeyRow = { id: string; person: string; wrapped: Buffer };

export interface PersonKeys {
  /** Seals under the person's living key; makes one where there is none, which is also so after an erasure. */
  seal(tx: Tx, person: PrincipalId, content: Json, entry: { type: string; id: string }): Promise<Sealed>;
  /** The text; null when the person was erased. Throws `AppError('audit_broken')` when it was tampered with. */
  open(sql: Sql, sealed: Sealed, entry: { type: string; id: string }): Promise<Json | null>;
  /** Destroys the person's keys; answers how many there were. */
  erase(tx: Tx, person: PrincipalId): Promise<number>;
}

/** `wrapKey`: 32 bytes, from `keys.ts`. */
export function createPersonKeys(wrapKey: Buffer): PersonKeys {
  function unwrap(row: KeyRow): Buffer {
    const [iv, data] = [row.wrapped.subarray(0, IV_BYTES), row.wrapped.subarray(IV_BYTES)];
    const key = decrypt(wrapKey, iv, data, ofKey(row.id, row.person));
    if (key?.length === KEY_BYTES) return key;
    throw new AppError('key_invalid', 'A person’s key was wrapped by another MASTER_KEY, or was changed.');
  }

  async function living(sql: Sql, person: PrincipalId): Promise<KeyRow | null> {
    return sql.maybe<KeyRow>(
      'SELECT id, person, wrapped FROM person_keys WHERE person = $1 AND erased_at IS NULL',
      [person],
    );
  }

  /** Of two first messages at once, the second waits on the unique index and then takes the first's key. */
  async function make(tx: Tx, person: PrincipalId): Promise<KeyRow> {
    const id = randomUUID();
    const { iv, data } = encrypt(wrapKey, randomBytes(KEY_BYTES), ofKey(id, person));
    await tx.query(
      `INSERT INTO person_keys (id, person, wrapped) VALUES ($1, $2, $3)
       ON CONFLICT (person) WHERE erased_at IS NULL DO NOTHING`,
      [id, person, Buffer.concat([iv, data])],
    );
    const row = await living(tx, person);
    if (row === null)
      throw new AppError('audit_unwritable', 'This person’s key was erased at this very moment.');
    return row;
  }

  return {
    async seal(tx, person, content, entry) {
      const row = (await living(tx, person)) ?? (await make(tx, person));
      const plain = Buffer.from(JSON.stringify(content), 'utf8');
      const { iv, data } = encrypt(unwrap(row), plain, ofEntry(entry));
      return { v: 1, key: row.id, iv: iv.toString('base64'), data: data.toString('base64') };
    },
    async open(sql, sealed, entry) {
      const row = await sql.maybe<KeyRow | { wrapped: null }>(
        'SELECT id, person, wrapped FROM person_keys WHERE id = $1',
        [sealed.key],
      );
      if (row === null) throw new AppError('audit_broken', 'The key that sealed this text is missing.');
      if (row.wrapped === null) return null;
      const [iv, data] = [Buffer.from(sealed.iv, 'base64'), Buffer.from(sealed.data, 'base64')];
      const plain = decrypt(unwrap(row), iv, data, ofEntry(entry));
      if (plain === null) throw new AppError('audit_broken', 'A sealed text does not belong to its entry.');
      return JSON.parse(plain.toString('utf8')) as Json;
    },
    async erase(tx, person) {
      const rows = await tx.query(
        `UPDATE person_keys SET wrapped = NULL, erased_at = now()
         WHERE person = $1 AND erased_at IS NULL RETURNING id`,
        [person],
      );
      return rows.length;
    },
  };
}
