import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { assembleBatch } from '../../src/audit/batch.ts';
import { coveringCheckpoint, untilCovered } from '../../src/audit/cover.ts';
import { commitBatch, loadHead, newestCheckpoint } from '../../src/audit/head.ts';
import { openCheckpoint } from '../../src/audit/note.ts';
import { cursorAt, FROM_THE_START, pendingPage } from '../../src/audit/pending.ts';
import { createSequencer, SEQUENCER_LOCK } from '../../src/audit/sequencer.ts';
import { useDatabase as ownDatabase } from '../support/database.ts';
import { alice, fill, type Keys, makeKeys, makeLog, makeSequencer, tamper } from './support.ts';

const database = ownDatabase();
/** Only what never comes takes longer, on a busy machine too. */
const PATIENCE_MS = 60_000;
let keys: Keys;

beforeEach(async () => {
  keys = makeKeys();
  await tamper(database.appUrl, ['TRUNCATE audit_entries, audit_leaves, audit_checkpoints, person_keys']);
});

const leaves = () =>
  database.db.query<{ index: number; entry_id: string }>(
    'SELECT index, entry_id FROM audit_leaves ORDER BY index',
  );

describe('the sequencer', () => {
  test('places every entry once and signs the tree with each batch', async () => {
    const ids = await fill(database.db, keys, 25);
    const placed = await leaves();
    expect(placed.map((leaf) => leaf.index)).toEqual(ids.map((_, n) => n));
    expect(placed.map((leaf) => leaf.entry_id).sort()).toEqual([...ids].sort());
    const newest = await newestCheckpoint(database.db);
    expect(newest && openCheckpoint(newest.note, [keys.signer])).toMatchObject({
      kind: 'good',
      checkpoint: { size: 25 },
    });
  });

  test('orders a batch by the writer’s clock, then by writer and count', async () => {
    const late = makeLog(database.db, keys, () => new Date('2026-01-01T00:00:02Z'));
    const early = makeLog(database.db, keys, () => new Date('2026-01-01T00:00:01Z'));
    const three = await late.write({ type: 'turn.received', principal: alice });
    const four = await late.write({ type: 'turn.received', principal: alice });
    const one = await early.write({ type: 'turn.received', principal: alice });
    await makeSequencer(database.db, keys).sequencer.runOnce();
    expect((await leaves()).map((leaf) => leaf.entry_id)).toEqual([one, three, four]);
  });

  test('misses no entry whose transaction commits after a later one', async () => {
    const { log, write } = makeLog(database.db, keys);
    const { sequencer, alerts } = makeSequencer(database.db, keys);
    await sequencer.start();
    try {
      const slow = await database.db.transaction(async (tx) => {
        const { id } = await log.append(tx, { type: 'turn.received', principal: alice });
        const fast = await write({ type: 'turn.received', principal: alice });
        await untilCovered({ db: database.db, entryIds: [fast], timeoutMs: PATIENCE_MS });
        expect(await coveringCheckpoint(database.db, [id])).toBeNull();
        return id;
      });
      const checkpoint = await untilCovered({ db: database.db, entryIds: [slow], timeoutMs: PATIENCE_MS });
      expect(checkpoint.size).toBe(2);
      expect(alerts).toEqual([]);
    } finally {
      await sequencer.stop();
    }
  });

  test('is woken by the entry itself, not by its poll', async () => {
    const { write } = makeLog(database.db, keys);
    const { sequencer, notes } = makeSequencer(database.db, keys);
    await sequencer.start();
    try {
      // One a poll, which comes every second, would not be done when the test must be.
      for (let n = 0; n < 100; n++) {
        const id = await write({ type: 'turn.received', principal: alice });
        await untilCovered({ db: database.db, entryIds: [id], timeoutMs: PATIENCE_MS });
      }
      expect(notes.length).toBeGreaterThanOrEqual(1);
    } finally {
      await sequencer.stop();
    }
  });

  test('leads once: of two, the second follows, and takes over when the first stops', async () => {
    const one = makeSequencer(database.db, keys);
    const two = makeSequencer(database.db, keys);
    await one.sequencer.start();
    await two.sequencer.start();
    try {
      expect([one.sequencer.lead, two.sequencer.lead]).toEqual([true, false]);
      expect(await makeSequencer(database.db, keys).sequencer.runOnce()).toMatchObject({ lead: false });
      const { write } = makeLog(database.db, keys);
      const first = await write({ type: 'turn.received', principal: alice });
      await untilCovered({ db: database.db, entryIds: [first], timeoutMs: PATIENCE_MS });
      await one.sequencer.stop();
      const second = await write({ type: 'turn.received', principal: alice });
      const checkpoint = await untilCovered({ db: database.db, entryIds: [second], timeoutMs: PATIENCE_MS });
      expect(checkpoint.size).toBe(2);
      expect(two.sequencer.lead).toBe(true);
      expect(two.sequencer.health()).toEqual({ ok: true, code: 'ok' });
    } finally {
      await one.sequencer.stop();
      await two.sequencer.stop();
    }
  });

  test('fences a leader that was replaced without knowing', async () => {
    const { write } = makeLog(database.db, keys);
    const stale = await loadHead(database.db, keys.signer);
    await fill(database.db, keys, 3);
    await write({ type: 'turn.received', principal: alice });
    const rows = await pendingPage(database.db, cursorAt(FROM_THE_START));
    const batch = assembleBatch(stale, rows, keys.macKey);
    await expect(commitBatch(database.db, batch.head, batch.leaves, keys.signer)).rejects.toMatchObject({
      code: '23505',
    });
    expect(await leaves()).toHaveLength(3);
  });

  test('goes on where a crash between two batches left it', async () => {
    await fill(database.db, keys, 1_200);
    const { write } = makeLog(database.db, keys);
    await write({ type: 'turn.received', principal: alice });
    const { sequencer } = makeSequencer(database.db, keys);
    expect(await sequencer.runOnce()).toMatchObject({ lead: true, sequenced: 1 });
    expect((await newestCheckpoint(database.db))?.size).toBe(1_201);
  });

  test('gives no leaf to an entry that it did not write, raises an alert and is unready', async () => {
    await fill(database.db, keys, 2);
    const forged = makeLog(database.db, makeKeys());
    const id = await forged.write({ type: 'turn.received', principal: alice });
    const { sequencer, alerts } = makeSequencer(database.db, keys);
    await sequencer.start();
    try {
      expect(sequencer.health()).toEqual({ ok: false, code: 'entry_rejected' });
      expect(alerts).toMatchObject([{ code: 'entry_rejected', entry: id }]);
      // The honest ones go on, so that the alert itself can be recorded.
      const { write } = makeLog(database.db, keys);
      const next = await write({ type: 'alert.raised' });
      await untilCovered({ db: database.db, entryIds: [next], timeoutMs: PATIENCE_MS });
      expect(await coveringCheckpoint(database.db, [id])).toBeNull();
    } finally {
      await sequencer.stop();
    }
  });

  test('refuses an entry whose copies for finding it say something else than its body', async () => {
    const { write } = makeLog(database.db, keys);
    const id = await write({ type: 'turn.received', principal: alice });
    await tamper(database.appUrl, [['UPDATE audit_entries SET principal = $1 WHERE id = $2', ['bob', id]]]);
    const passed = await makeSequencer(database.db, keys).sequencer.runOnce();
    expect(passed.rejected).toEqual([{ id, reason: 'columns' }]);
  });

  test('does not sign a tree that somebody changed', async () => {
    await fill(database.db, keys, 5);
    await tamper(database.appUrl, ['DELETE FROM audit_leaves WHERE index = 4']);
    const { sequencer, alerts } = makeSequencer(database.db, keys);
    await expect(sequencer.runOnce()).rejects.toMatchObject({ code: 'audit_broken' });
    await sequencer.start();
    expect(sequencer.health()).toEqual({ ok: false, code: 'log_inconsistent' });
    expect(alerts.map((alert) => alert.code)).toEqual(['log_inconsistent']);
    await sequencer.stop();
  });

  test('a follower whose leader does nothing says so, and is unready', async () => {
    let clock = 0;
    const told = Promise.withResolvers<string>();
    const follower = createSequencer({
      db: database.db,
      macKey: keys.macKey,
      signer: keys.signer,
      onCheckpoint: () => undefined,
      onAlert: (alert) => told.resolve(alert.code),
      now: () => {
        clock += 6_000;
        return clock;
      },
    });
    await makeLog(database.db, keys).write({ type: 'turn.received', principal: alice });
    await database.db.withConnection(async (idle) => {
      await idle.query('SELECT pg_advisory_lock($1)', [SEQUENCER_LOCK]);
      await follower.start();
      expect(await told.promise).toBe('unsequenced');
      expect(follower.health()).toEqual({ ok: false, code: 'unsequenced' });
      await follower.stop();
    });
  });

  test('says that a checkpoint could not leave, and goes on', async () => {
    const alerts: string[] = [];
    const sequencer = createSequencer({
      db: database.db,
      macKey: keys.macKey,
      signer: keys.signer,
      onCheckpoint: () => Promise.reject(new Error('no space')),
      onAlert: (alert) => alerts.push(alert.code),
    });
    await makeLog(database.db, keys).write({ type: 'turn.received', principal: alice });
    expect(await sequencer.runOnce()).toMatchObject({ sequenced: 1 });
    expect(alerts).toEqual(['checkpoint_undelivered']);
  });

  test('waiting for a checkpoint ends in time, and when it is called off', async () => {
    const { write } = makeLog(database.db, keys);
    const id = await write({ type: 'turn.received', principal: alice });
    const unwritable = expect.objectContaining({ code: 'audit_unwritable' });
    await expect(untilCovered({ db: database.db, entryIds: [id], timeoutMs: 50 })).rejects.toEqual(
      unwritable,
    );
    const signal = AbortSignal.abort();
    await expect(
      untilCovered({ db: database.db, entryIds: [randomUUID()], timeoutMs: 60_000, signal }),
    ).rejects.toEqual(unwritable);
  });
});
