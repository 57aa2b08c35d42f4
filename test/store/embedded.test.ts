import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { nativeFolder } from '../../src/store/embedded/binaries.ts';
import { layoutOf } from '../../src/store/embedded/folder.ts';
import { liveness } from '../../src/store/embedded/processes.ts';
import { readPostmaster } from '../../src/store/embedded/server.ts';
import {
  type Embedded,
  findEmbedded,
  resetLocalData,
  startEmbedded,
  superuserUrl,
} from '../../src/store/embedded.ts';
import { openDatabase } from '../../src/store/postgres.ts';
import { freePort } from '../support/free-port.ts';
import { holderScript, holdServer } from '../support/server-process.ts';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
const quiet = () => undefined;
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function dataFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-embedded-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return path.join(folder, 'data');
}

/** A kill of a process loses nothing that the kernel has, so that these tests need not wait for the disk. */
async function start(
  folder: string,
  options: Partial<Parameters<typeof startEmbedded>[0]> = {},
): Promise<Embedded> {
  const server = await startEmbedded({ dataFolder: folder, log: quiet, settings: ['fsync=off'], ...options });
  cleanups.push(() => server.stop());
  return server;
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

const postmaster = (folder: string) => readPostmaster(layoutOf(folder))?.pid ?? 0;
const portOf = (url: string) => Number(new URL(url).port);
const modeOf = (file: string) => statSync(file).mode & 0o777;

describe('the embedded server', () => {
  test('listens on the loopback address alone, checks its pages, and knows passwords only', async () => {
    const folder = dataFolder();
    const server = await start(folder, { settings: [] });
    const shown = await query(
      superuserUrl(folder),
      `SELECT name, setting FROM pg_settings WHERE name IN
       ('listen_addresses', 'unix_socket_directories', 'data_checksums', 'password_encryption', 'fsync') ORDER BY name`,
    );
    expect(shown).toEqual([
      { name: 'data_checksums', setting: 'on' },
      { name: 'fsync', setting: 'on' },
      { name: 'listen_addresses', setting: '127.0.0.1' },
      { name: 'password_encryption', setting: 'scram-sha-256' },
      { name: 'unix_socket_directories', setting: '' },
    ]);
    const rules = await query(superuserUrl(folder), 'SELECT DISTINCT auth_method FROM pg_hba_file_rules');
    expect(rules).toEqual([{ auth_method: 'scram-sha-256' }]);
    const wrong = new URL(server.appUrl);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  });

  test('keeps folder and passwords to its owner, and writes nothing where it was installed', async () => {
    const before = readdirSync(path.join(nativeFolder(), 'lib')).sort();
    const folder = dataFolder();
    await start(folder);
    const layout = layoutOf(folder);
    expect([folder, layout.root, layout.cluster].map(modeOf)).toEqual([0o700, 0o700, 0o700]);
    expect([layout.secrets, layout.log].map(modeOf)).toEqual([0o600, 0o600]);
    expect(existsSync(path.join(layout.root, 'bootstrap.password'))).toBe(false);
    expect(readdirSync(path.join(nativeFolder(), 'lib')).sort()).toEqual(before);
    const secrets = Object.values(JSON.parse(readFileSync(layout.secrets, 'utf8')) as Record<string, string>);
    expect(secrets.filter((secret) => readFileSync(layout.log, 'utf8').includes(secret))).toEqual([]);
  });

  test('is gone after stop, and comes back with its data', async () => {
    const folder = dataFolder();
    const first = await start(folder);
    await query(first.ownerUrl, 'CREATE TABLE kept AS SELECT 7 AS n');
    const pid = postmaster(folder);
    await first.stop();
    expect(liveness(pid)).not.toBe('alive');
    expect(await findEmbedded(folder)).toBeNull();
    const second = await start(folder);
    expect(second.adopted).toBe(false);
    expect(await query(second.ownerUrl, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  });

  test('is gone after stop though one of its processes hangs', async () => {
    const folder = dataFolder();
    const server = await start(folder);
    const client = new pg.Client({ connectionString: server.appUrl });
    client.on('error', quiet);
    await client.connect();
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
    process.kill(rows[0].pid, 'SIGSTOP');
    const pid = postmaster(folder);
    await server.stop();
    expect([pid, rows[0].pid].map(liveness)).not.toContain('alive');
  });

  test('picks another port when the wished one is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => taken.close(resolve)));
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const server = await start(dataFolder(), { port });
    expect(portOf(server.appUrl)).not.toBe(port);
    expect(await query(server.appUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('after kill -9', () => {
  test('of the process, the server that lives on is adopted and then stopped', async () => {
    const folder = dataFolder();
    const holder = await holdServer(folder);
    const pid = postmaster(folder);
    await holder.kill();
    expect(liveness(pid)).toBe('alive');
    const server = await start(folder);
    expect(server).toMatchObject({ adopted: true, appUrl: holder.appUrl });
    expect(postmaster(folder)).toBe(pid);
    await server.stop();
    expect(liveness(pid)).not.toBe('alive');
  });

  test('during the very first start, the next one begins anew', async () => {
    const folder = dataFolder();
    const { place } = layoutOf(folder);
    const child = spawn(process.execPath, [holderScript, folder], { stdio: 'ignore' });
    const exited = once(child, 'exit');
    const making = () => existsSync(place) && readdirSync(place).some((name) => name.startsWith('cluster.'));
    await expect.poll(making, { interval: 5 }).toBe(true);
    child.kill('SIGKILL');
    await exited;
    expect(existsSync(layoutOf(folder).cluster)).toBe(false);
    const server = await start(folder);
    expect(await query(server.appUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(making()).toBe(false);
  });

  test('of the server, a new start recovers what was committed', async () => {
    const folder = dataFolder();
    const first = await start(folder);
    await query(first.ownerUrl, 'CREATE TABLE kept AS SELECT 7 AS n');
    process.kill(postmaster(folder), 'SIGKILL');
    const second = await start(folder);
    expect(second.adopted).toBe(false);
    expect(await query(second.ownerUrl, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  });

  test('of the server, a lock file whose number another program has now does not stop the start', async () => {
    const folder = dataFolder();
    const first = await start(folder);
    await first.stop();
    const lock = path.join(layoutOf(folder).cluster, 'postmaster.pid');
    writeFileSync(lock, `${process.pid}\n${layoutOf(folder).cluster}\n1\n5432\n\n127.0.0.1\n\nready\n`);
    expect(await findEmbedded(folder)).toBeNull();
    const second = await start(folder);
    expect(await query(second.appUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('two processes on one data folder', () => {
  test('share the server; the last one stops it, whoever started it', async () => {
    const folder = dataFolder();
    const holder = await holdServer(folder);
    cleanups.push(() => holder.kill());
    const pid = postmaster(folder);
    expect(await findEmbedded(folder)).toMatchObject({ appUrl: holder.appUrl });
    const here = await start(folder);
    expect(here).toMatchObject({ adopted: true, appUrl: holder.appUrl });
    await here.stop();
    expect(liveness(pid)).toBe('alive');
    const again = await start(folder);
    await holder.end();
    expect(liveness(pid)).toBe('alive');
    await again.stop();
    expect(liveness(pid)).not.toBe('alive');
  });

  test('that start at once get the same server', async () => {
    const folder = dataFolder();
    const servers = await Promise.all([start(folder), start(folder), start(folder)]);
    expect(new Set(servers.map((server) => server.appUrl)).size).toBe(1);
    expect(servers.filter((server) => !server.adopted)).toHaveLength(1);
  });

  test('Ctrl-C in the terminal does not reach the server', async () => {
    const folder = dataFolder();
    const holder = await holdServer(folder, { detached: true });
    const pid = postmaster(folder);
    process.kill(-(holder.child.pid ?? 0), 'SIGINT');
    await holder.kill();
    expect(liveness(pid)).toBe('alive');
    await (await start(folder)).stop();
  });
});

test('a database that stops in the middle is an error by code, and later queries work again', async () => {
  const folder = dataFolder();
  const first = await start(folder, { port: await freePort() });
  const broken: unknown[] = [];
  const database = openDatabase({ url: first.appUrl, onError: (error) => broken.push(error) });
  cleanups.push(() => database.close());
  const reconnected = Promise.withResolvers<void>();
  const heard = Promise.withResolvers<string>();
  await database.listen('later', (payload) =>
    payload === '' ? reconnected.resolve() : heard.resolve(payload),
  );
  const pid = postmaster(folder);
  const inTheMiddle = database.transaction(async (tx) => {
    await tx.query('SELECT 1');
    process.kill(pid, 'SIGQUIT');
    await expect.poll(() => liveness(pid)).not.toBe('alive');
    await tx.query('SELECT 2');
  });
  await expect(inTheMiddle).rejects.toMatchObject({ code: 'database_unavailable' });
  await expect(database.query('SELECT 1')).rejects.toMatchObject({ code: 'database_unavailable' });
  expect(broken.length).toBeGreaterThan(0);
  await start(folder, { port: portOf(first.appUrl) });
  expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await reconnected.promise;
  await database.query(`NOTIFY later, 'back'`);
  expect(await heard.promise).toBe('back');
});

describe('the data folder', () => {
  test('that others could read is tightened', async () => {
    const folder = dataFolder();
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    await start(folder);
    expect(modeOf(folder)).toBe(0o700);
  });

  test.skipIf(!isRoot)('of another account is refused (needs root)', async () => {
    const folder = dataFolder();
    mkdirSync(folder, { mode: 0o700 });
    chownSync(folder, NOBODY, NOBODY);
    await expect(start(folder)).rejects.toMatchObject({ code: 'data_folder' });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is emptied by a reset, which refuses while somebody uses it', async () => {
    const folder = dataFolder();
    const server = await start(folder);
    const pid = postmaster(folder);
    await expect(resetLocalData(folder)).rejects.toMatchObject({ code: 'conflict' });
    await server.stop();
    const holder = await holdServer(folder);
    const orphan = postmaster(folder);
    await holder.kill();
    await resetLocalData(folder);
    expect([pid, orphan].map(liveness)).not.toContain('alive');
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe.skipIf(!isRoot)('under other accounts (needs root)', () => {
  test('an ordinary user runs it as themselves', async () => {
    const parent = path.dirname(dataFolder());
    chownSync(parent, NOBODY, NOBODY);
    const holder = await holdServer(path.join(parent, 'data'), { uid: NOBODY, gid: NOBODY, cwd: '/' });
    expect(holder.adopted).toBe(false);
    expect(await query(holder.appUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await holder.end();
  });

  test('root where namespaces are forbidden runs it as nobody, in a place that nobody can reach', async () => {
    const folder = dataFolder();
    const account = { kind: 'nobody', uid: NOBODY, gid: NOBODY } as const;
    const server = await start(folder, { account });
    expect(await query(server.appUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const { place } = layoutOf(folder);
    expect(place).not.toContain(folder);
    expect(modeOf(place)).toBe(0o700);
    expect(statSync(`/proc/${postmaster(folder)}`).uid).toBe(NOBODY);
    await server.stop();
    await resetLocalData(folder);
    expect(existsSync(place)).toBe(false);
  });
});
