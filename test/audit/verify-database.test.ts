import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { assembleBatch } from '../../src/audit/batch.ts';
import {
  CHECKPOINT_FILE,
  createCheckpointFile,
  readCheckpointFile,
} from '../../src/audit/checkpoint-file.ts';
import { commitBatch, newestCheckpoint } from '../../src/audit/head.ts';
import { macOf } from '../../src/audit/mac.ts';
import { EMPTY_FRONTIER, leafHash, ZERO_HASH } from '../../src/audit/merkle.ts';
import { BATCH_SIZE, cursorAt, FROM_THE_START, pendingPage } from '../../src/audit/pending.ts';
import { verifyDatabase } from '../../src/audit/verify-database.ts';
import { useDatabase as ownDatabase } from '../support/database.ts';
import { alice, bob, fill, type Keys, makeKeys, makeLog, makeSequencer, tamper } from './support.ts';

const database = ownDatabase();
const SIZE = 10;
let keys: Keys;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-audit-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  keys = makeKeys();
  await tamper(database.appUrl, ['TRUNCATE audit_entries, audit_leaves, audit_checkpoints, person_keys']);
});

type Statement = string | [string, unknown[]];
const verify = (notes: readonly string[] = [], macKey: Buffer | null = keys.macKey) =>
  verifyDatabase({ sql: database.db, keys: [keys.signer], notes, macKey });
const attack = (...statements: Statement[]) => tamper(database.appUrl, statements);
const newestNote = async () => (await newestCheckpoint(database.db))?.note ?? '';
const bodyAt = (index: number) => `(SELECT entry_id FROM audit_leaves WHERE index = ${index})`;

describe('the log in the database', () => {
  test('verifies, empty and filled, with what waits for its place', async () => {
    expect(await verify()).toMatchObject({ ok: true, entries: 0 });
    await fill(database.db, keys, SIZE);
    const { write } = makeLog(database.db, keys);
    await write({ type: 'turn.received', principal: alice });
    const note = await newestNote();
    expect(await verify([note])).toMatchObject({
      ok: true,
      entries: SIZE,
      pending: 1,
      checkpoints: { compared: 2 },
    });
  });

  test.each([
    [
      'a changed body',
      4,
      'changed',
      `UPDATE audit_entries SET body = replace(body, '"n":', '"m":') WHERE id = ${bodyAt(4)}`,
    ],
    ['a changed leaf', 4, 'changed', 'UPDATE audit_leaves SET leaf_hash = sha256(leaf_hash) WHERE index = 4'],
    ['a changed link', 4, 'changed', 'UPDATE audit_leaves SET previous = sha256(previous) WHERE index = 4'],
    [
      'a changed copy for finding',
      4,
      'changed',
      `UPDATE audit_entries SET principal = 'bob' WHERE id = ${bodyAt(4)}`,
    ],
    ['a body that is no JSON', 4, 'changed', `UPDATE audit_entries SET body = '{' WHERE id = ${bodyAt(4)}`],
    ['a removed entry', 4, 'removed', `DELETE FROM audit_entries WHERE id = ${bodyAt(4)}`],
    ['a removed leaf', 4, 'removed', 'DELETE FROM audit_leaves WHERE index = 4'],
    ['a removed end', SIZE - 1, 'removed', `DELETE FROM audit_leaves WHERE index = ${SIZE - 1}`],
  ])('with %s is found, and the place named', async (_name, index, kind, statement) => {
    await fill(database.db, keys, SIZE);
    await attack(statement);
    const found = await verify();
    expect(found.ok).toBe(false);
    expect(found.problems).toContainEqual(expect.objectContaining({ kind, index }));
    expect(found.problems.every((problem) => problem.index === null || problem.index >= index)).toBe(true);
  });

  test('with two entries that changed places is found, and both places named', async () => {
    await fill(database.db, keys, SIZE);
    await attack(
      'UPDATE audit_leaves SET index = 1000 WHERE index = 3',
      'UPDATE audit_leaves SET index = 3 WHERE index = 6',
      'UPDATE audit_leaves SET index = 6 WHERE index = 1000',
    );
    const { problems } = await verify();
    expect(problems).toContainEqual(expect.objectContaining({ kind: 'reordered', index: 3 }));
  });

  test('with an entry put in, and all after it renumbered, is found at its place', async () => {
    await fill(database.db, keys, SIZE);
    const [last] = await database.db.query<{ leaf_hash: Buffer }>(
      'SELECT leaf_hash FROM audit_leaves WHERE index = 3',
    );
    const id = crypto.randomUUID();
    const body = `{"id":"${id}","time":"2026-01-01T00:00:00.000Z","type":"turn.received","v":1}`;
    const placed = `{"id":"${id}","index":4,"previous":"${last?.leaf_hash.toString('hex')}","time":"2026-01-01T00:00:00.000Z","type":"turn.received","v":1}`;
    const entry: Statement = [
      `INSERT INTO audit_entries (id, instance, counter, body, mac, type)
       VALUES ($1, gen_random_uuid(), 0, $2, sha256(''), 'turn.received')`,
      [id, body],
    ];
    await attack(
      'UPDATE audit_leaves SET index = index + 1000 WHERE index >= 4',
      'UPDATE audit_leaves SET index = index - 999 WHERE index >= 1000',
      entry,
      [
        'INSERT INTO audit_leaves VALUES (4, $1, $2, $3)',
        [id, leafHash(Buffer.from(placed)), last?.leaf_hash],
      ],
    );
    const { problems } = await verify([], null);
    expect(problems[0]).toMatchObject({ kind: 'inserted', index: 4 });
    // With the MAC key the intruder itself stands out.
    const withKey = await verify();
    expect(withKey.problems).toContainEqual(expect.objectContaining({ kind: 'changed', index: 4 }));
  });

  test('with a forged entry that waits for its place is found', async () => {
    await fill(database.db, keys, 2);
    const { write } = makeLog(database.db, makeKeys());
    await write({ type: 'approval.given', principal: bob });
    expect((await verify()).problems).toMatchObject([{ kind: 'inserted', index: null }]);
  });

  test('with a leaf that no checkpoint covers is found', async () => {
    await fill(database.db, keys, SIZE);
    await attack('DELETE FROM audit_checkpoints');
    expect((await verify()).problems).toContainEqual(expect.objectContaining({ kind: 'inserted', index: 0 }));
  });

  test('with a checkpoint changed, or signed by somebody else, is found', async () => {
    await fill(database.db, keys, SIZE);
    await attack("UPDATE audit_checkpoints SET note = replace(note, 'countersign-', 'elsewhere-')");
    expect((await verify()).problems).toMatchObject([{ kind: 'bad_signature' }]);
  });

  test('rewritten as a whole with every key of ours is found by the checkpoints that left the house', async () => {
    await fill(database.db, keys, 4);
    const path = join(folder, CHECKPOINT_FILE);
    const file = await createCheckpointFile(path);
    await file.append(await newestNote());
    await fill(database.db, keys, SIZE - 4);
    await file.append(await newestNote());
    await file.close();
    // The attacker has database, MAC key and signing key: changes an entry, and makes everything again.
    const [victim] = await database.db.query<{ id: string; instance: string; counter: number; body: string }>(
      'SELECT e.id, instance, counter, body FROM audit_entries e JOIN audit_leaves ON entry_id = e.id WHERE index = 6',
    );
    if (victim === undefined) return expect.unreachable();
    const body = victim.body.replace('"n":2', '"n":7');
    const mac = macOf(keys.macKey, { ...victim, body });
    await attack(
      ['UPDATE audit_entries SET body = $1, mac = $2 WHERE id = $3', [body, mac, victim.id]],
      'TRUNCATE audit_leaves, audit_checkpoints',
    );
    const rows = await pendingPage(database.db, cursorAt(FROM_THE_START));
    const batch = assembleBatch({ frontier: EMPTY_FRONTIER, last: ZERO_HASH }, rows, keys.macKey);
    await commitBatch(database.db, batch.head, batch.leaves, keys.signer);
    expect(await verify()).toMatchObject({ ok: true });
    const { problems } = await verify(await readCheckpointFile(path));
    expect(problems).toMatchObject([{ kind: 'checkpoint_mismatch', index: 4 }]);
  });

  test('cut back to an earlier state is found by a checkpoint that left the house', async () => {
    await fill(database.db, keys, 4);
    await fill(database.db, keys, 3);
    const note = await newestNote();
    await attack(
      'DELETE FROM audit_checkpoints WHERE size > 4',
      'DELETE FROM audit_entries WHERE id IN (SELECT entry_id FROM audit_leaves WHERE index >= 4)',
      'DELETE FROM audit_leaves WHERE index >= 4',
    );
    expect(await verify()).toMatchObject({ ok: true });
    expect((await verify([note])).problems).toMatchObject([{ kind: 'removed', index: 4 }]);
  });

  test('still verifies after a person was erased', async () => {
    const { write, personKeys } = makeLog(database.db, keys);
    await write({ type: 'turn.received', sealed: { person: alice, content: { text: 'my words' } } });
    await makeSequencer(database.db, keys).sequencer.runOnce();
    await database.db.transaction((tx) => personKeys.erase(tx, alice));
    expect(await verify()).toMatchObject({ ok: true, entries: 1 });
  });

  test('of many entries is adopted and verified in pages', async () => {
    const entries = 2 * BATCH_SIZE + 1;
    await fill(database.db, keys, entries);
    expect(await verify()).toMatchObject({ ok: true, entries, checkpoints: { compared: 3, size: entries } });
  });
});

describe('the file of checkpoints', () => {
  const note = (n: number) =>
    `origin\n${n}\n${Buffer.alloc(32, n).toString('base64')}\n\n\u2014 origin ${Buffer.alloc(68, n).toString('base64')}\n`;

  test('keeps every note, exactly and in order', async () => {
    const path = join(folder, 'in-order');
    const file = await createCheckpointFile(path);
    await Promise.all([1, 2, 3].map((n) => file.append(note(n))));
    await file.close();
    expect(await readCheckpointFile(path)).toEqual([1, 2, 3].map(note));
    expect(await readCheckpointFile(join(folder, 'absent'))).toEqual([]);
  });

  test('survives a crash in the middle of a write at any byte', async () => {
    const path = join(folder, 'torn');
    const whole = `${note(1)}\n\n`;
    const next = Buffer.from(`${note(2)}\n\n`);
    for (let cut = 0; cut < next.length - 3; cut += 7) {
      await writeFile(path, Buffer.concat([Buffer.from(whole), next.subarray(0, cut)]));
      expect(await readCheckpointFile(path)).toEqual([note(1)]);
      const file = await createCheckpointFile(path);
      await file.append(note(3));
      await file.close();
      expect(await readCheckpointFile(path)).toEqual([note(1), note(3)]);
    }
    expect((await readFile(path, 'utf8')).startsWith(whole)).toBe(true);
  });
});
