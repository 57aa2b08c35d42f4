import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Body } from '../../src/audit/entry.ts';
import type { EntryInput } from '../../src/audit/log.ts';
import { isMacGood, macOf } from '../../src/audit/mac.ts';
import { newId, RequestId } from '../../src/model/ids.ts';
import { useDatabase as ownDatabase } from '../support/database.ts';
import { alice, bob, makeKeys, makeLog, makeSequencer } from './support.ts';

const database = ownDatabase();
const keys = makeKeys();

async function bodyOf(id: string): Promise<Body> {
  const { body } = await database.db.one<{ body: string }>('SELECT body FROM audit_entries WHERE id = $1', [
    id,
  ]);
  return JSON.parse(body);
}

describe('an entry', () => {
  test('is written with its transaction, and not at all when that fails', async () => {
    const { log, write } = makeLog(database.db, keys);
    const id = await write({ type: 'turn.received', principal: alice, data: { kind: 'message' } });
    expect(await bodyOf(id)).toMatchObject({ v: 1, id, type: 'turn.received', principal: 'alice' });
    let undone = '';
    const failing = database.db.transaction(async (tx) => {
      undone = (await log.append(tx, { type: 'turn.received' })).id;
      throw new Error('the change it records failed');
    });
    await expect(failing).rejects.toThrow('the change it records failed');
    expect(await database.db.maybe('SELECT 1 FROM audit_entries WHERE id = $1', [undone])).toBeNull();
  });

  test.each([
    ['an unknown type', { type: 'turn.invented' }],
    ['a fraction', { type: 'turn.received', data: { n: 0.5 } }],
    ['half of a surrogate pair', { type: 'turn.received', data: { text: '\ud800' } }],
    ['a request that is no id', { type: 'turn.received', request: 'r1' }],
    ['an absent value', { type: 'turn.received', data: { a: undefined } }],
    ['more than fits', { type: 'turn.received', data: { text: 'x'.repeat(1_000_001) } }],
  ])('with %s is refused', async (_name, entry) => {
    const { write } = makeLog(database.db, keys);
    await expect(write(entry as EntryInput)).rejects.toMatchObject({ code: 'audit_unwritable' });
  });

  test('may hold any well-formed text, U+0000 included', async () => {
    const { write } = makeLog(database.db, keys);
    const text = '\u0000\u202e<b>&\u{1f600}';
    const id = await write({ type: 'model.answered', request: newId(RequestId), data: { text } });
    expect((await bodyOf(id)).data).toEqual({ text });
    expect(await makeSequencer(database.db, keys).sequencer.runOnce()).toMatchObject({ rejected: [] });
  });

  test('fails as unwritable when the database refuses it', async () => {
    const { log } = makeLog(database.db, keys);
    const failing = database.owner.transaction(async (tx) => {
      await tx.query('SET TRANSACTION READ ONLY');
      await log.append(tx, { type: 'turn.received' });
    });
    await expect(failing).rejects.toMatchObject({ code: 'audit_unwritable' });
  });

  test('has a MAC over writer, count and body', () => {
    const written = { instance: 'a', counter: 1, body: '{}' };
    const mac = macOf(keys.macKey, written);
    expect(isMacGood(keys.macKey, written, mac)).toBe(true);
    const others = fc.record({ instance: fc.uuid(), counter: fc.nat(), body: fc.string() });
    fc.assert(fc.property(others, (other) => !isMacGood(keys.macKey, other, mac)));
    expect(isMacGood(makeKeys().macKey, written, mac)).toBe(false);
    expect(isMacGood(keys.macKey, written, mac.subarray(1))).toBe(false);
  });
});

describe('the tables', () => {
  test.each([
    'UPDATE audit_entries SET counter = 7',
    'DELETE FROM audit_entries',
    'TRUNCATE audit_entries CASCADE',
    'UPDATE audit_leaves SET index = 7',
    'DELETE FROM audit_leaves',
    'TRUNCATE audit_leaves',
    'UPDATE audit_checkpoints SET size = 7',
    'DELETE FROM audit_checkpoints',
    'DELETE FROM person_keys',
  ])('refuse the application %j', async (statement) => {
    await expect(database.db.query(statement)).rejects.toMatchObject({ code: '42501' });
  });

  test.each([
    'UPDATE audit_entries SET counter = 7',
    'DELETE FROM audit_leaves',
    'TRUNCATE audit_checkpoints',
  ])('refuse even their owner %j', async (statement) => {
    await expect(database.owner.query(statement)).rejects.toMatchObject({ code: '42501' });
  });

  test('do not let the application choose the number of the writing transaction', async () => {
    const statement = `INSERT INTO audit_entries (id, instance, counter, body, mac, type, written_by)
      VALUES (gen_random_uuid(), gen_random_uuid(), 1, '{}', sha256(''), 'turn.received', '1')`;
    await expect(database.db.query(statement)).rejects.toMatchObject({ code: '42501' });
  });
});

describe('what a person wrote', () => {
  const content = { text: 'the VPN is down' };

  test('is sealed in the entry and opens with the person’s key', async () => {
    const { write, personKeys } = makeLog(database.db, keys);
    const id = await write({ type: 'turn.received', principal: alice, sealed: { person: alice, content } });
    const body = await bodyOf(id);
    expect(JSON.stringify(body)).not.toContain('VPN');
    expect(body.sealed && (await personKeys.open(database.db, body.sealed, body))).toEqual(content);
  });

  test('does not open in another entry, under another type or another master key', async () => {
    const { write, personKeys } = makeLog(database.db, keys);
    const body = await bodyOf(await write({ type: 'turn.received', sealed: { person: alice, content } }));
    if (body.sealed === undefined) return expect.unreachable();
    const moved = { ...body, id: crypto.randomUUID() };
    await expect(personKeys.open(database.db, body.sealed, moved)).rejects.toMatchObject({
      code: 'audit_broken',
    });
    const stranger = makeLog(database.db, makeKeys()).personKeys;
    await expect(stranger.open(database.db, body.sealed, body)).rejects.toMatchObject({
      code: 'key_invalid',
    });
  });

  test('is gone after an erasure; what they write later has a new key', async () => {
    const { write, personKeys } = makeLog(database.db, keys);
    const before = await bodyOf(await write({ type: 'turn.received', sealed: { person: bob, content } }));
    expect(await database.db.transaction((tx) => personKeys.erase(tx, bob))).toBe(1);
    const after = await bodyOf(await write({ type: 'turn.received', sealed: { person: bob, content } }));
    if (before.sealed === undefined || after.sealed === undefined) return expect.unreachable();
    expect(await personKeys.open(database.db, before.sealed, before)).toBeNull();
    expect(await personKeys.open(database.db, after.sealed, after)).toEqual(content);
    expect(after.sealed.key).not.toBe(before.sealed.key);
  });

  test('is sealed under one key by two first messages at once', async () => {
    const { write } = makeLog(database.db, keys);
    const both = [1, 2].map((n) =>
      write({ type: 'turn.received', sealed: { person: 'dave' as typeof bob, content: n } }),
    );
    const bodies = await Promise.all((await Promise.all(both)).map(bodyOf));
    expect(new Set(bodies.map((body) => body.sealed?.key)).size).toBe(1);
  });

  test('has a key that can only be erased, and that once', async () => {
    const { write, personKeys } = makeLog(database.db, keys);
    await write({ type: 'turn.received', sealed: { person: 'erin' as typeof bob, content } });
    const swap = "UPDATE person_keys SET wrapped = sha256('') WHERE person = 'erin'";
    await expect(database.db.query(swap)).rejects.toMatchObject({ code: '42501' });
    expect(await database.db.transaction((tx) => personKeys.erase(tx, 'erin' as typeof bob))).toBe(1);
    expect(await database.db.transaction((tx) => personKeys.erase(tx, 'erin' as typeof bob))).toBe(0);
  });
});
