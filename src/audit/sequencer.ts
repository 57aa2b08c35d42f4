/**
 * The sequencer: gives entries their place, chains them, signs the tree. Any replica can be it; an advisory
 * lock on a connection of its own makes one the leader, and the index key of the leaves fences one that has lost the lock without knowing.
 */
import { AppError } from '../errors.ts';
import type { Database, Sql } from '../store/database.ts';
import { assembleBatch, type Head, type Rejected } from './batch.ts';
import { commitBatch, isFenced, loadHead } from './head.ts';
import type { Signer } from './note.ts';
import { BATCH_SIZE, cursorAt, FROM_THE_START, lowWaterMark, pendingPage, withoutLeaf } from './pending.ts';
import { createWaiter } from './waiter.ts';
import { AUDIT_CHANNEL } from './writer.ts';

/** "audit" in ASCII: the number of our advisory lock. */
export const SEQUENCER_LOCK = 0x6175646974;
/** The net under NOTIFY, and how long nobody leads after a leader died. */
const POLL_MS = 1_000;
/** After a batch it rests for as long as that took, up to this: it works half of the time at most. */
const REST_MAX_MS = 50;
/** After a failure that will not mend itself within a second. */
const RETRY_MS = 5_000;
/** Longer than a take-over and the adoption of a large backlog. */
const STUCK_MS = 10_000;
/** Everything without a leaf is looked for again this often, however old. */
const SWEEP_MS = 600_000;

export type SequencerCode =
  | 'ok'
  | 'starting'
  /** An entry that none of our processes wrote, or that was changed since. */
  | 'entry_rejected'
  /** The leaves do not add up to the newest checkpoint. */
  | 'log_inconsistent'
  /** Another process leads, and entries wait for longer than they should. */
  | 'unsequenced'
  /** The checkpoint was signed, but could not be put where it leaves the house. */
  | 'checkpoint_undelivered'
  | 'failed';
export type SequencerAlert = {
  code: Exclude<SequencerCode, 'ok' | 'starting'>;
  message: string;
  entry?: string;
  cause?: unknown;
};
export type Passed = { lead: boolean; sequenced: number; rejected: Rejected[] };

export interface Sequencer {
  /** Resolves once it leads or follows; from then on it works until `stop`. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Takes the lock, sequences all there is, gives the lock back. `lead: false`: another process is at it. */
  runOnce(): Promise<Passed>;
  readonly lead: boolean;
  /** For `/readyz`: not ok means that nothing may be done. */
  health(): { ok: boolean; code: SequencerCode };
}

export type SequencerOptions = {
  db: Database;
  macKey: Buffer;
  signer: Signer;
  /** Takes each signed note out of the house, in order; awaited, so slow deliveries belong into a queue. */
  onCheckpoint: (note: string) => Promise<void> | void;
  onAlert: (alert: SequencerAlert) => void;
  /** Milliseconds; a clock for tests. */
  now?: () => number;
};

async function takeLock(sql: Sql): Promise<boolean> {
  const row = await sql.one<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [SEQUENCER_LOCK]);
  return row.taken;
}

export function createSequencer(options: SequencerOptions): Sequencer {
  const { db, macKey, signer, onCheckpoint, onAlert, now = Date.now } = options;
  let waiter = createWaiter();
  let code: SequencerCode = 'starting';
  let lead = false;
  let stopped = true;
  let loop: Promise<void> | null = null;
  /** Entries without a leaf: refused by the leader; seen by a follower, and since when. */
  const refused = new Map<string, Rejected>();
  const waiting = new Map<string, number>();

  function refuse(rejected: Rejected): void {
    if (refused.has(rejected.id)) return;
    refused.set(rejected.id, rejected);
    const message = `An audit entry was not written by us, or was changed (${rejected.reason}). It stays outside of the log.`;
    onAlert({ code: 'entry_rejected', message, entry: rejected.id });
  }

  async function deliver(note: string): Promise<boolean> {
    try {
      await onCheckpoint(note);
      return true;
    } catch (cause) {
      onAlert({ code: 'checkpoint_undelivered', message: 'A checkpoint could not leave the house.', cause });
      return false;
    }
  }

  /** All batches there are from `floor` on. Every batch is a transaction of its own. */
  async function drain(
    start: Head,
    floor: string,
  ): Promise<{ head: Head; passed: Passed; delivered: boolean }> {
    let head = start;
    let cursor = cursorAt(floor);
    let delivered = true;
    const passed: Passed = { lead: true, sequenced: 0, rejected: [] };
    for (;;) {
      const rows = await pendingPage(db, cursor);
      const batch = assembleBatch(head, rows, macKey);
      passed.rejected.push(...batch.rejected);
      for (const rejected of batch.rejected) refuse(rejected);
      if (batch.leaves.length > 0) {
        const { note } = await commitBatch(db, batch.head, batch.leaves, signer);
        head = batch.head;
        passed.sequenced += batch.leaves.length;
        delivered = await deliver(note);
      }
      cursor = rows.at(-1) ?? cursor;
      if (rows.length < BATCH_SIZE || (stopped && loop !== null)) return { head, passed, delivered };
    }
  }

  async function leadUntilStopped(lock: Sql): Promise<void> {
    let head = await loadHead(db, signer);
    let floor = FROM_THE_START;
    let sweptAt = now();
    while (!stopped) {
      // The lock lives and dies with its connection: without it we do not lead.
      await lock.query('SELECT 1');
      if (now() - sweptAt >= SWEEP_MS) {
        floor = FROM_THE_START;
        sweptAt = now();
      }
      const low = await lowWaterMark(db);
      const began = performance.now();
      const drained = await drain(head, floor);
      const tookMs = performance.now() - began;
      head = drained.head;
      floor = low;
      const still = new Set(await withoutLeaf(db, [...refused.keys()]));
      for (const id of refused.keys()) if (!still.has(id)) refused.delete(id);
      code = refused.size > 0 ? 'entry_rejected' : drained.delivered ? 'ok' : 'checkpoint_undelivered';
      // What comes meanwhile shares a batch, a signature and two waits for the disk.
      if (drained.passed.sequenced > 0) await waiter.wait(Math.min(tookMs, REST_MAX_MS), { wakeable: false });
      await waiter.wait(POLL_MS, { wakeable: true });
    }
  }

  /** A follower sees from outside that its leader does not do its work. */
  async function watch(floor: string): Promise<string> {
    const still = new Set(await withoutLeaf(db, [...waiting.keys()]));
    for (const id of waiting.keys()) if (!still.has(id)) waiting.delete(id);
    const low = await lowWaterMark(db);
    for (const { id } of await pendingPage(db, cursorAt(floor))) if (!waiting.has(id)) waiting.set(id, now());
    const stuck = [...waiting.values()].some((since) => now() - since >= STUCK_MS);
    if (stuck && code !== 'unsequenced') {
      onAlert({ code: 'unsequenced', message: 'Audit entries wait for their place in the log.' });
    }
    code = stuck ? 'unsequenced' : 'ok';
    return low;
  }

  async function followThenLead(lock: Sql): Promise<void> {
    let floor = FROM_THE_START;
    while (!stopped) {
      if (await takeLock(lock)) {
        lead = true;
        return leadUntilStopped(lock);
      }
      floor = await watch(floor);
      await waiter.wait(POLL_MS, { wakeable: false });
    }
  }

  function failed(error: unknown): void {
    if (isFenced(error)) return;
    const inconsistent = error instanceof AppError && error.code === 'audit_broken';
    const next = inconsistent ? 'log_inconsistent' : 'failed';
    const message =
      error instanceof AppError ? error.message : 'The audit log cannot be continued at the moment.';
    // Once for each time that it begins to fail, not at every retry.
    if (code !== next) onAlert({ code: next, message, cause: error });
    code = next;
  }

  async function work(): Promise<void> {
    while (!stopped) {
      try {
        await db.withConnection(followThenLead);
      } catch (error) {
        failed(error);
        lead = false;
        await waiter.wait(isFenced(error) ? 0 : RETRY_MS, { wakeable: false });
      }
    }
    lead = false;
  }

  let stopListening: (() => Promise<void>) | null = null;
  return {
    get lead() {
      return lead;
    },
    health: () => ({ ok: code === 'ok' || code === 'checkpoint_undelivered', code }),
    async start() {
      if (loop !== null) return;
      stopped = false;
      waiter = createWaiter();
      stopListening = await db.listen(AUDIT_CHANNEL, () => waiter.wake());
      const settled = waiter.nextWait();
      loop = work();
      await settled;
    },
    async stop() {
      stopped = true;
      waiter.stop();
      await loop;
      loop = null;
      await stopListening?.();
      stopListening = null;
      code = 'starting';
    },
    async runOnce() {
      return db.withConnection(async (lock) => {
        if (!(await takeLock(lock))) return { lead: false, sequenced: 0, rejected: [] };
        const { passed } = await drain(await loadHead(db, signer), FROM_THE_START);
        return passed;
      });
    },
  };
}
