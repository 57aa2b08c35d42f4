import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  auditCheckpoint,
  auditExport,
  auditKey,
  auditVerify,
  auditVerifyFile,
  readKeptCheckpoints,
} from '../../src/audit/commands.ts';
import { privacyErase, privacyExport } from '../../src/audit/privacy.ts';
import { useDatabase as ownDatabase } from '../support/database.ts';
import { alice, bob, fill, type Keys, makeKeys, makeLog, makeSequencer, tamper } from './support.ts';

const database = ownDatabase();
let keys: Keys;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-export-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  keys = makeKeys();
  await tamper(database.appUrl, ['TRUNCATE audit_entries, audit_leaves, audit_checkpoints, person_keys']);
});

function makeOutput() {
  let text = '';
  return {
    written: () => text,
    lines: () => text.trimEnd().split('\n'),
    write: (chunk: string) => {
      text += chunk;
    },
    say: () => undefined,
  };
}
function makeDeps() {
  const { log, personKeys } = makeLog(database.db, keys);
  const { sequencer } = makeSequencer(database.db, keys);
  const output = makeOutput();
  const rest = {
    log,
    personKeys,
    keys,
    notes: [],
    account: 'root',
    sequence: () => sequencer.runOnce(),
  };
  return { ...output, ...rest, db: database.db };
}
async function save(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe('audit export', () => {
  test('with no sequencer running ends at a checkpoint that covers its own reading, and verifies by it', async () => {
    await fill(database.db, keys, 5);
    const [exported, checkpoint, key] = [makeDeps(), makeDeps(), makeDeps()];
    expect(await auditExport(exported, {})).toEqual({ exit: 0 });
    await auditCheckpoint(checkpoint, {});
    await auditKey(key, {});
    const lines = exported.lines().map((line) => JSON.parse(line));
    expect(lines.map((line) => line.index)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(lines[5].entry).toMatchObject({ type: 'audit.read', data: { what: 'export', account: 'root' } });
    expect(checkpoint.written().split('\n')[1]).toBe('6');
    const args = {
      file: await save('export', exported.written()),
      checkpoint: await save('note', checkpoint.written()),
      key: key.written(),
    };
    const verified = makeOutput();
    expect(await auditVerifyFile(verified, { ...args, json: true })).toEqual({ exit: 0 });
    expect(JSON.parse(verified.written())).toMatchObject({
      ok: true,
      entries: 6,
      checkpoints: { compared: 1, size: 6 },
    });
    const written = join(folder, 'written');
    const again = makeDeps();
    await auditExport(again, { checkpoint: written });
    // What a running assistant writes meanwhile is no part of the export, and none of its checkpoint.
    await fill(database.db, keys, 1);
    const file = await save('again', again.written());
    const later = makeOutput();
    expect(await auditVerifyFile(later, { file, key: args.key, checkpoint: written })).toEqual({ exit: 0 });
    expect(later.lines()[1]).toBe('signed checkpoints that match: 1, the largest covers 7');
    // Those that were kept before stay: a rewritten log is found by them.
    const last = makeDeps();
    await auditExport(last, { checkpoint: written });
    const all = { file: await save('last', last.written()), key: key.written(), checkpoint: written };
    expect(await readKeptCheckpoints(written)).toHaveLength(2);
    const both = makeOutput();
    expect(await auditVerifyFile(both, all)).toEqual({ exit: 0 });
    expect(both.lines()[1]).toBe('signed checkpoints that match: 2, the largest covers 9');
    const marked = await save('marked', `\uFEFF${(await readKeptCheckpoints(written)).join('')}`);
    expect(await auditVerifyFile(makeOutput(), { ...all, checkpoint: marked })).toEqual({ exit: 0 });
    const bent = await save('bent', exported.written().replace('"n":3', '"n":4'));
    const found = makeOutput();
    expect(await auditVerifyFile(found, { ...args, file: bent })).toEqual({ exit: 1 });
    expect(found.lines()[1]).toMatch(/changed at 3/);
  });

  test('beside a running sequencer waits for it', async () => {
    const { sequencer } = makeSequencer(database.db, keys);
    await sequencer.start();
    try {
      const deps = makeDeps();
      await auditExport(deps, {});
      expect(deps.lines()).toHaveLength(1);
    } finally {
      await sequencer.stop();
    }
  });

  test('of a window is the contiguous range that spans it, and is verified as a range', async () => {
    const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
    for (const second of [1, 5, 2, 6, 9]) {
      await makeLog(database.db, keys, () => at(second)).write({ type: 'turn.received', data: { second } });
      await makeSequencer(database.db, keys).sequencer.runOnce();
    }
    const deps = makeDeps();
    await auditExport(deps, { since: '2026-01-01T00:00:05Z', until: '2026-01-01T01:00:06+01:00' });
    const lines = deps.lines().map((line) => JSON.parse(line));
    expect(lines.map((line) => line.entry.data.second)).toEqual([5, 2, 6]);
    const verified = makeOutput();
    const file = await save('range', deps.written());
    expect(await auditVerifyFile(verified, { file })).toEqual({ exit: 0 });
    expect(verified.written()).toMatch(/range of entries 1 to 3/);
    const empty = makeDeps();
    await auditExport(empty, { until: '2020-01-01' });
    expect(empty.written()).toBe('');
  });

  test.each([{ since: 'yesterday' }, { until: '2026-13-01' }, { since: '2026-02-01', until: '2026-01-01' }])(
    'refuses %j as wrong usage, and writes nothing',
    async (args) => {
      await expect(auditExport(makeDeps(), args)).rejects.toMatchObject({ code: 'usage', exit: 2 });
      expect(await database.db.query('SELECT 1 FROM audit_entries')).toEqual([]);
    },
  );
});

describe('audit verify', () => {
  test('reads the database, writes no entry, and says what it compared', async () => {
    await fill(database.db, keys, 3);
    const deps = makeDeps();
    expect(await auditVerify(deps, {})).toEqual({ exit: 0 });
    expect(deps.lines()[0]).toBe('verified: 3 entries');
    expect(await database.db.query('SELECT 1 FROM audit_entries')).toHaveLength(3);
    await tamper(database.appUrl, ["UPDATE audit_entries SET body = replace(body, 'n', 'N')"]);
    expect(await auditVerify(makeDeps(), { json: true })).toEqual({ exit: 1 });
  });

  test('of a file that is not there, or a checkpoint without its key, is wrong usage', async () => {
    const missing = { file: join(folder, 'missing') };
    await expect(auditVerifyFile(makeOutput(), missing)).rejects.toMatchObject({ code: 'usage' });
    const keyless = { file: join(folder, 'missing'), checkpoint: join(folder, 'missing') };
    await expect(auditVerifyFile(makeOutput(), keyless)).rejects.toMatchObject({ code: 'usage' });
  });

  test('says what is wrong with a file or a key that was given', async () => {
    const empty = await save('empty', '');
    const refused = (args: { file: string; key?: string; checkpoint?: string }) =>
      auditVerifyFile(makeOutput(), args).catch((error: Error) => error.message);
    expect(await refused({ file: empty })).toBe(
      `${empty} holds no entry: there is nothing to verify. Export the log again.`,
    );
    expect(await refused({ file: folder })).toBe(`${folder} cannot be read: it is a folder.`);
    expect(await refused({ file: `${empty}.gone` })).toBe(`${empty}.gone cannot be read: it does not exist.`);
    expect(await refused({ file: empty, key: 'bad' })).toContain('--key takes a verifier key');
    const key = keys.signer.vkey;
    expect(await refused({ file: empty, key, checkpoint: empty })).toBe(`${empty} holds no checkpoint.`);
    await expect(auditExport(makeDeps(), { checkpoint: folder })).rejects.toMatchObject({
      code: 'usage',
      message: `${folder} cannot be written: it is a folder.`,
    });
    expect(await database.db.query('SELECT 1 FROM audit_entries')).toEqual([]);
  });

  test('before anything was signed there is no checkpoint to print', async () => {
    await expect(auditCheckpoint(makeDeps(), {})).rejects.toMatchObject({ code: 'not_found', exit: 1 });
  });
});

describe('privacy', () => {
  const say = (person: typeof alice, text: string) =>
    makeLog(database.db, keys).write({
      type: 'turn.received',
      principal: person,
      sealed: { person, content: { text } },
    });

  test('export gives a person what they wrote, and nothing that others did', async () => {
    await say(alice, 'the VPN is down');
    await say(bob, 'a secret of bob');
    await makeLog(database.db, keys).write({
      type: 'approval.denied',
      principal: alice,
      sealed: { person: bob, content: { reason: 'words of bob' } },
    });
    const deps = makeDeps();
    await privacyExport(deps, { person: alice });
    const entries = deps.lines().map((line) => JSON.parse(line));
    expect(entries).toMatchObject([
      { type: 'turn.received', content: { text: 'the VPN is down' }, erased: false },
      { type: 'approval.denied', content: null, erased: false },
    ]);
    expect(deps.written()).not.toContain('bob');
  });

  test('erase destroys the keys, records it, and leaves a log that verifies', async () => {
    await say(alice, 'the VPN is down');
    const deps = makeDeps();
    const eraseElsewhere = async () => 2;
    expect(await privacyErase({ ...deps, eraseElsewhere }, { person: alice, json: true })).toEqual({
      exit: 0,
    });
    expect(JSON.parse(deps.written())).toEqual({ person: 'alice', keys: 1, elsewhere: 2 });
    const exported = makeDeps();
    await privacyExport(exported, { person: alice });
    expect(JSON.parse(exported.lines()[0] ?? '')).toMatchObject({ content: null, erased: true });
    const verified = makeDeps();
    expect(await auditVerify(verified, {})).toEqual({ exit: 0 });
    expect(await database.db.query("SELECT 1 FROM audit_entries WHERE type = 'privacy.erased'")).toHaveLength(
      1,
    );
  });

  test('erase of somebody unknown changes and records nothing', async () => {
    const deps = { ...makeDeps(), eraseElsewhere: async () => 0 };
    await expect(privacyErase(deps, { person: bob })).rejects.toMatchObject({ code: 'not_found' });
    expect(await database.db.query('SELECT 1 FROM audit_entries')).toEqual([]);
  });
});
