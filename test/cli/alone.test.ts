/** The command line without an assistant: it starts the database for the moment. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_NAME } from '../../src/store/embedded/secrets.ts';
import { findEmbedded, startEmbedded, superuserUrl } from '../../src/store/embedded.ts';
import { cliPath, countersign, linesOf, makePlace } from './cli.ts';

const NOBODY = 65_534;
const place = makePlace();
afterAll(() => place.remove());
const run = (...args: string[]) => countersign(place.data, args);

describe('on an empty data folder', () => {
  let first: { exit: number | null; stdout: string; stderr: string };
  beforeAll(async () => {
    first = await run('audit', 'key');
  });

  it('makes schema and keys, says to back them up, and keeps them', async () => {
    expect(first.exit).toBe(0);
    expect(first.stdout).toMatch(/^countersign-[0-9a-f]{8}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+\n$/);
    expect(first.stderr).toContain('master.key. Back it up');
    expect(await run('audit', 'key')).toEqual({ exit: 0, stdout: first.stdout, stderr: '' });
    expect(statSync(place.data).mode & 0o777).toBe(0o700);
  });

  it('leaves no server running', async () => {
    expect(await findEmbedded(place.data)).toBeNull();
  });

  it('verifies an empty log, and has no checkpoint of it', async () => {
    expect(await run('audit', 'verify')).toMatchObject({ exit: 0, stderr: '' });
    expect(await run('audit', 'checkpoint')).toMatchObject({ exit: 1, stdout: '' });
  });

  it('finds the schema up to date', async () => {
    const { exit, stdout } = await run('migrate', '--json');
    expect([exit, JSON.parse(stdout)]).toEqual([0, { applied: [] }]);
  });
});

describe('the log', () => {
  const file = path.join(place.folder, 'log.jsonl');
  const note = path.join(place.folder, 'checkpoint');

  it('exports up to a checkpoint, with the entry of this very export, where no sequencer runs', async () => {
    const { exit, stdout, stderr } = await run('audit', 'export');
    const lines = linesOf(stdout);
    expect(exit).toBe(0);
    expect(lines.map(({ index }) => index)).toEqual([0]);
    expect(lines[0]).toMatchObject({
      entry: { type: 'audit.read', data: { what: 'export', account: expect.stringMatching(/^os:/) } },
    });
    expect(stderr).toContain('1 entries, up to the signed checkpoint of 1');
    writeFileSync(file, stdout);
  });

  it('prints the checkpoint that the export ended at, and writes nothing for that', async () => {
    const { stdout } = await run('audit', 'checkpoint');
    expect(stdout.split('\n')[1]).toBe('1');
    writeFileSync(note, stdout);
    await run('audit', 'verify');
    await run('audit', 'key');
    expect((await run('audit', 'checkpoint')).stdout).toBe(stdout);
    expect(JSON.parse((await run('audit', 'checkpoint', '--json')).stdout)).toMatchObject({
      size: 1,
      note: stdout,
    });
  });

  it('is verified from the files alone', async () => {
    const key = (await run('audit', 'key')).stdout.trim();
    const elsewhere = path.join(place.folder, 'no-such-folder');
    const verify = (log: string) =>
      countersign(
        elsewhere,
        ['audit', 'verify', '--file', log, '--key', key, '--checkpoint', note, '--json'],
        {
          cwd: place.folder,
        },
      );
    const good = await verify(file);
    expect(JSON.parse(good.stdout)).toMatchObject({
      ok: true,
      entries: 1,
      checkpoints: { compared: 1, size: 1 },
    });
    expect(good.exit).toBe(0);
    expect(existsSync(elsewhere)).toBe(false);
    const changed = path.join(place.folder, 'changed.jsonl');
    writeFileSync(changed, readFileSync(file, 'utf8').replace('"what":"export"', '"what":"expert"'));
    const bad = await verify(changed);
    expect(JSON.parse(bad.stdout)).toMatchObject({ ok: false, problems: [{ index: 0 }] });
    expect(bad.exit).toBe(1);
  });

  it('is verified in the database against a checkpoint that was kept elsewhere', async () => {
    const good = await run('audit', 'verify', '--checkpoint', note, '--json');
    expect(JSON.parse(good.stdout)).toMatchObject({ ok: true });
    expect(good.exit).toBe(0);
    const forged = path.join(place.folder, 'forged');
    const kept = path.join(place.folder, 'kept');
    // As people keep them: one below the other, the last without its line feed. None is left out.
    const whole = readFileSync(note, 'utf8');
    writeFileSync(kept, `${whole}${whole.trimEnd()}`);
    const both = await run('audit', 'verify', '--checkpoint', kept);
    expect(both).toMatchObject({ exit: 0, stdout: expect.stringContaining('verified') });
    writeFileSync(kept, `${whole}${whole.replace('\n1\n', '\n7\n').trimEnd()}`);
    expect((await run('audit', 'verify', '--checkpoint', kept)).exit).toBe(1);
    const [origin, , ...rest] = readFileSync(note, 'utf8').split('\n');
    writeFileSync(forged, [origin, '7', ...rest].join('\n'));
    const bad = await run('audit', 'verify', '--checkpoint', forged, '--json');
    expect(JSON.parse(bad.stdout)).toMatchObject({ ok: false });
    expect(bad.exit).toBe(1);
  });

  it('gives the part that spans a window', async () => {
    const { exit, stdout } = await run('audit', 'export', '--until', '2001-01-01');
    expect([exit, stdout]).toEqual([0, '']);
  });

  it('ends without a complaint when its reader leaves', async () => {
    const child = spawn(process.execPath, [cliPath, 'audit', 'export'], {
      env: { PATH: process.env.PATH ?? '', HOME: '/', COUNTERSIGN_DATA: place.data },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let complaint = '';
    child.stderr.on('data', (chunk) => {
      complaint += chunk;
    });
    child.stdout.destroy();
    const [exit] = await once(child, 'close');
    expect([exit, complaint]).toEqual([0, '']);
    expect(await findEmbedded(place.data)).toBeNull();
  });
});

describe('the kill switch', () => {
  it('is recorded as the account of the operating system, narrows as told, and is lifted exactly', async () => {
    const on = await run('kill', 'on', '--action', 'ci.trigger', '--reason', 'bad deploy', '--json');
    expect(JSON.parse(on.stdout)).toMatchObject({
      to: 'on',
      scope: { action: 'ci.trigger', principal: null, connector: null },
      switches: [{ action: 'ci.trigger', reason: 'bad deploy', by: expect.stringMatching(/^os:./) }],
    });
    const other = await run('kill', 'off', '--reason', 'wrong one');
    expect(other).toMatchObject({ exit: 0, stdout: 'The kill switch was not on for everything.\n' });
    expect(other.stderr).toContain('1 more on');
    expect((await run('kill', 'status')).stdout).toContain('on for action ci.trigger since');
    await run('kill', 'off', '--action', 'ci.trigger', '--reason', 'over');
    expect((await run('kill', 'status')).stdout).toBe('No kill switch is on.\n');
    const log = linesOf((await run('audit', 'export')).stdout);
    const changes = log
      .map(({ entry }) => entry as { type: string; data: object })
      .filter(({ type }) => type === 'killswitch.changed');
    expect(changes.map(({ data }) => data)).toMatchObject([
      { to: 'on', reason: 'bad deploy', by: expect.stringMatching(/^os:./) },
      { to: 'off', reason: 'over' },
    ]);
  });

  it('masks a secret in its reason', async () => {
    const secret = ['AKIA', 'IOSFODNN7EXAMPLQ'].join('');
    const { stdout } = await run('kill', 'on', '--reason', `leaked ${secret}`, '--json');
    expect(stdout).not.toContain(secret);
    expect(JSON.parse(stdout).switches[0].reason).toMatch(/^leaked \[masked: /);
    await run('kill', 'off', '--reason', 'rotated');
  });

  it('works where policies cannot be read', async () => {
    const folder = path.join(place.folder, 'broken');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'countersign.yaml'), 'policies: ./nowhere\npeople: ./nobody.yaml\n');
    const around = { cwd: folder };
    const on = await countersign(place.data, ['kill', 'on', '--principal', 'alice', '--reason', 'x'], around);
    expect(on).toMatchObject({ exit: 0, stderr: expect.stringContaining('"alice" was not looked up') });
    expect((await countersign(place.data, ['policy', 'check'], around)).exit).toBe(1);
    await run('kill', 'off', '--principal', 'alice', '--reason', 'x');
  });
});

describe('a log that somebody changed', () => {
  it('is found beside a running server, with the place, and exit 1', async () => {
    const server = await startEmbedded({ dataFolder: place.data, log: () => undefined });
    try {
      const url = new URL(superuserUrl(place.data));
      url.pathname = `/${DATABASE_NAME}`;
      const client = new pg.Client({ connectionString: url.href });
      await client.connect();
      await client.query('ALTER TABLE audit_entries DISABLE TRIGGER ALL');
      await client.query(
        `UPDATE audit_entries e SET body = replace(body, '"what":"export"', '"what":"expert"')
         FROM audit_leaves l WHERE l.entry_id = e.id AND l.index = 0`,
      );
      const { exit, stdout } = await run('audit', 'verify', '--json');
      expect(JSON.parse(stdout)).toMatchObject({ ok: false, problems: [{ kind: 'changed', index: 0 }] });
      expect(exit).toBe(1);
      expect((await run('audit', 'verify')).stdout).toMatch(/^NOT verified/);
      await client.query(
        `UPDATE audit_entries e SET body = replace(body, '"what":"expert"', '"what":"export"')
         FROM audit_leaves l WHERE l.entry_id = e.id AND l.index = 0`,
      );
      await client.end();
      expect((await run('audit', 'verify')).exit).toBe(0);
    } finally {
      await server.stop();
    }
  });

  it('is not given new keys when its own are gone', async () => {
    const key = path.join(place.data, 'master.key');
    renameSync(key, `${key}.away`);
    const { exit, stderr } = await run('audit', 'verify');
    renameSync(`${key}.away`, key);
    expect(exit).toBe(1);
    expect(stderr).toContain('MASTER_KEY is not set');
  });
});

describe('reset', () => {
  it('asks, and without anybody to ask does nothing', async () => {
    const { exit, stderr } = await run('reset');
    expect(exit).toBe(2);
    expect(stderr).toContain('run it with --yes');
    expect(readdirSync(place.data)).toContain('postgres');
  });

  it('refuses while the data is in use', async () => {
    const server = await startEmbedded({ dataFolder: place.data, log: () => undefined });
    const { exit, stderr } = await run('reset', '--yes');
    await server.stop();
    expect(exit).toBe(1);
    expect(stderr).toContain('Stop it first');
    expect(readdirSync(place.data)).toContain('master.key');
  });

  it('refuses a folder that was never ours, and one that belongs to a database server', async () => {
    const strange = path.join(place.folder, 'strange');
    mkdirSync(strange);
    writeFileSync(path.join(strange, 'thesis.txt'), 'x');
    expect((await countersign(strange, ['reset', '--yes'])).exit).toBe(1);
    expect(readdirSync(strange)).toEqual(['thesis.txt']);
    const env = { DATABASE_URL: 'postgres://localhost/x' };
    expect((await countersign(place.data, ['reset', '--yes'], { env })).exit).toBe(1);
    expect(readdirSync(place.data)).toContain('master.key');
  });

  it("refuses a folder that is another account's, or that it cannot look into", async () => {
    const folder = path.join(place.folder, 'theirs');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'master.key'), 'x');
    if (process.getuid?.() === 0) chownSync(folder, NOBODY, NOBODY);
    else chmodSync(folder, 0);
    const { exit, stderr } = await countersign(folder, ['reset', '--yes']);
    expect(stderr).toMatch(
      new RegExp(`^countersign: The data folder ${folder} (belongs to another account|cannot be read)`),
    );
    expect(exit).toBe(1);
    chmodSync(folder, 0o700);
    expect(readdirSync(folder)).toEqual(['master.key']);
  });

  it('empties the folder, and has nothing to do then', async () => {
    const { exit, stdout } = await run('reset', '--yes', '--json');
    expect([exit, JSON.parse(stdout)]).toEqual([0, { folder: place.data, emptied: true }]);
    expect(readdirSync(place.data)).toEqual([]);
    expect((await run('reset')).stdout).toBe(`There is nothing in ${place.data}.\n`);
  });
});
