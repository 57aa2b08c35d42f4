/** A log on a test's own database: keys, writer, sequencer, and the superuser who can do everything. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { deriveKeys, newMasterKey, newSigningKey } from '../../src/audit/keys.ts';
import type { EntryInput } from '../../src/audit/log.ts';
import { createPersonKeys } from '../../src/audit/seal.ts';
import { createSequencer, type SequencerAlert } from '../../src/audit/sequencer.ts';
import { createAuditLog } from '../../src/audit/writer.ts';
import { PrincipalId } from '../../src/model/ids.ts';
import type { Database } from '../../src/store/database.ts';

export const alice = PrincipalId.parse('alice');
export const bob = PrincipalId.parse('bob');
export const carol = PrincipalId.parse('carol');

export function makeKeys() {
  return deriveKeys(newMasterKey(), newSigningKey());
}
export type Keys = ReturnType<typeof makeKeys>;

export function makeLog(db: Database, keys: Keys, now?: () => Date) {
  const personKeys = createPersonKeys(keys.wrapKey);
  const log = createAuditLog({
    instance: randomUUID(),
    macKey: keys.macKey,
    personKeys,
    ...(now === undefined ? {} : { now }),
  });
  return {
    log,
    personKeys,
    /** One entry, committed. */
    async write(entry: EntryInput): Promise<string> {
      return (await db.transaction((tx) => log.append(tx, entry))).id;
    },
  };
}

export function makeSequencer(db: Database, keys: Keys) {
  const notes: string[] = [];
  const alerts: SequencerAlert[] = [];
  const sequencer = createSequencer({
    db,
    macKey: keys.macKey,
    signer: keys.signer,
    onCheckpoint: (note) => void notes.push(note),
    onAlert: (alert) => void alerts.push(alert),
  });
  return { sequencer, notes, alerts };
}

/** `count` entries, sequenced in one go. */
export async function fill(db: Database, keys: Keys, count: number): Promise<string[]> {
  const { log } = makeLog(db, keys);
  const ids: string[] = [];
  await db.transaction(async (tx) => {
    for (let n = 0; n < count; n++) {
      ids.push((await log.append(tx, { type: 'turn.received', principal: alice, data: { n } })).id);
    }
  });
  await makeSequencer(db, keys).sequencer.runOnce();
  return ids;
}

/** Runs statements as the superuser with triggers off, in the test's own database: the attacker who owns the server. */
export async function tamper(
  appUrl: string,
  statements: readonly (string | [string, unknown[]])[],
): Promise<void> {
  const url = new URL(inject('databaseTemplate').superuserUrl);
  url.pathname = new URL(appUrl).pathname;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query("SET session_replication_role = 'replica'");
    for (const statement of statements) {
      const [text, values] = typeof statement === 'string' ? [statement, []] : statement;
      await client.query(text, values);
    }
  } finally {
    await client.end();
  }
}
