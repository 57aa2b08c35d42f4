/** What recording costs: writing entries, giving them their place, and checking them, beside storing the same bytes. */
import { randomUUID } from 'node:crypto';
import { readPlaced, toLine } from '../src/audit/export.ts';
import { newestCheckpoint } from '../src/audit/head.ts';
import type { EntryInput } from '../src/audit/log.ts';
import { createSequencer } from '../src/audit/sequencer.ts';
import { verifyExport } from '../src/audit/verify.ts';
import { verifyDatabase } from '../src/audit/verify-database.ts';
import { type House, openHouse } from '../src/house.ts';
import { PrincipalId, RequestId, TurnId } from '../src/model/ids.ts';
import { openDatabase } from '../src/store/postgres.ts';
import type { Bench } from './bench.ts';
import { localConfig, stopWhenStarted, storageLog } from './installation.ts';
import { tableOf, takeTurns, timed } from './measure.ts';

/** Entries of one transaction: what a turn writes is about 5, a busy second of all turns some hundreds. */
const BATCH = 100;
const SINGLE = { rounds: 300, withinMs: 8_000, warmUp: 10 };
const BATCHED = { rounds: 30, withinMs: 8_000, warmUp: 1 };
const SEQUENCED = { rounds: 8, withinMs: 8_000, warmUp: 1 };
const PER_SEQUENCING = 500;
const VERIFIED = { rounds: 8, withinMs: 8_000, warmUp: 1 };

/** As long as a decision's evidence usually is. */
const ENTRY: EntryInput = {
  type: 'decision.made',
  turn: TurnId.parse(randomUUID()),
  request: RequestId.parse(randomUUID()),
  principal: PrincipalId.parse('alice'),
  data: {
    digest: 'ab'.repeat(32),
    allowed: true,
    code: 'allowed',
    policies: ['engineers-trigger-ci'],
    evidence: { principal: { type: 'Person', id: 'alice' }, groups: ['employees', 'engineers'] },
  },
};
const WORDS = { person: PrincipalId.parse('alice'), content: { text: 'please open a ticket for the VPN' } };

/** A table that anybody would make for the same: an id and the text. */
async function bareTable({ storage }: House): Promise<(sql: Bare) => Promise<void>> {
  const owner = openDatabase({
    url: storage.access.ownerUrl!,
    max: 1,
    onError: (error) => storageLog.error(error, 'owner'),
  });
  await owner.query('create table bench_bare (id uuid primary key, body text not null)');
  await owner.query('grant insert on bench_bare to countersign_app');
  await owner.close();
  const body = await bytesOfEntry(storage.db);
  return async (sql) => {
    await sql.query('insert into bench_bare (id, body) values ($1, $2)', [randomUUID(), body]);
  };
}
type Bare = Pick<House['storage']['db'], 'query'>;

async function bytesOfEntry(db: House['storage']['db']): Promise<string> {
  const row = await db.one<{ body: string }>(
    `select body from audit_entries where type = $1 and sealed_key is null limit 1`,
    [ENTRY.type],
  );
  return row.body;
}

export const audit: Bench = {
  name: 'audit',
  about: 'writing, sequencing and verifying entries, beside a bare INSERT of the same bytes',
  async run(context) {
    const config = localConfig(context);
    const opening = openHouse(config, storageLog, { works: false, migrates: true });
    stopWhenStarted(context, opening, (opened) => opened.close());
    const house = await opening;
    const { db } = house.storage;
    const { signer, macKey } = house.keys;
    const sequencer = createSequencer({
      db,
      macKey,
      signer,
      onCheckpoint: () => undefined,
      onAlert: ({ message }) => {
        throw new Error(message);
      },
    });
    const write = (count: number, entry: EntryInput): Promise<number> =>
      timed(() =>
        db.transaction(async (tx) => {
          for (let n = 0; n < count; n += 1) await house.audit.append(tx, entry);
        }),
      );
    await write(1, ENTRY);
    const insert = await bareTable(house);
    const store = (count: number): Promise<number> =>
      timed(() =>
        db.transaction(async (tx) => {
          for (let n = 0; n < count; n += 1) await insert(tx);
        }),
      );
    const sealed = { ...ENTRY, sealed: WORDS };

    const single = await takeTurns(
      [
        { what: 'bare INSERT', once: () => store(1) },
        { what: 'entry', once: () => write(1, ENTRY) },
        { what: 'entry with sealed words', once: () => write(1, sealed) },
      ],
      SINGLE,
    );
    const each = async (took: Promise<number>, count: number): Promise<number> => (await took) / count;
    const batched = await takeTurns(
      [
        { what: 'bare INSERT', once: () => each(store(BATCH), BATCH) },
        { what: 'entry', once: () => each(write(BATCH, ENTRY), BATCH) },
        { what: 'entry with sealed words', once: () => each(write(BATCH, sealed), BATCH) },
      ],
      BATCHED,
    );

    await sequencer.runOnce();
    const sequence = async (): Promise<number> => {
      await write(PER_SEQUENCING, ENTRY);
      const ms = await timed(async () => {
        const { sequenced } = await sequencer.runOnce();
        if (sequenced !== PER_SEQUENCING) throw new Error(`sequenced ${sequenced} of ${PER_SEQUENCING}`);
      });
      return ms / PER_SEQUENCING;
    };
    const sequenced = await takeTurns(
      [
        { what: 'bare INSERT', once: () => each(store(PER_SEQUENCING), PER_SEQUENCING) },
        { what: 'sequenced, chained and signed', once: sequence },
      ],
      SEQUENCED,
    );

    const newest = (await newestCheckpoint(db))!;
    const lines: string[] = [];
    for await (const placed of readPlaced(db, 0, newest.size)) lines.push(toLine(placed));
    const mustHold = (found: { ok: boolean }): void => {
      if (!found.ok) throw new Error('the log does not verify');
    };
    const verified = await takeTurns(
      [
        { what: 'bare INSERT', once: () => each(store(BATCH), BATCH) },
        {
          what: 'verified in the database',
          once: () =>
            each(
              timed(async () =>
                mustHold(await verifyDatabase({ sql: db, keys: [signer], notes: [], macKey })),
              ),
              newest.size,
            ),
        },
        {
          what: 'verified from an export',
          once: () =>
            each(
              timed(async () =>
                mustHold(await verifyExport({ lines, keys: [signer], notes: [newest.note] })),
              ),
              newest.size,
            ),
        },
      ],
      VERIFIED,
    );
    return [
      tableOf('A transaction each', 'ms', 'bare INSERT', single, [
        'Either is mostly the commit, which waits for the disk.',
      ]),
      tableOf(`${BATCH} in one transaction, for one`, 'ms', 'bare INSERT', batched),
      tableOf(
        `A sequencer that starts and places ${PER_SEQUENCING}, for one`,
        'ms',
        'bare INSERT',
        sequenced,
        [
          'A start reads all leaves that there are; a sequencer that runs keeps the end of the tree in memory.',
        ],
      ),
      tableOf(`Verification of ${newest.size} entries, for one`, 'ms', 'bare INSERT', verified),
    ];
  },
};
