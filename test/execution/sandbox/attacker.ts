/**
 * Hostile action code for the tests: tries every way out by Node and by bare system calls, and says for each
 * `open` or why not. Bundled and run like an action; not part of the product.
 */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import fs from 'node:fs';
import { createConnection, createServer } from 'node:net';
import os from 'node:os';
import type { Operation } from '../../../src/action.ts';

export type AttackInput = {
  canary: string;
  folder: string;
  unixSocket: string;
  tcpPort: number;
  parentPid: number;
  node: string;
};

/** Node's permissions refuse some things by never answering. */
const PATIENCE_MS = 500;

const settle = (start: (done: (error?: Error | null) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('no answer')), PATIENCE_MS);
    start((error) => (error ? reject(error) : resolve()));
  });

const byNode: Record<string, (input: AttackInput) => unknown> = {
  'read canary': ({ canary }) => fs.readFileSync(canary),
  'read /etc/passwd': () => fs.readFileSync('/etc/passwd'),
  'read parent environ': ({ parentPid }) => fs.readFileSync(`/proc/${parentPid}/environ`),
  'read parent memory': ({ parentPid }) => fs.openSync(`/proc/${parentPid}/mem`, 'r'),
  'list processes': () => fs.readdirSync('/proc'),
  'list folder': ({ folder }) => fs.readdirSync(folder),
  'write file': ({ folder }) => fs.writeFileSync(`${folder}/written`, 'x'),
  'append to canary': ({ canary }) => fs.appendFileSync(canary, 'x'),
  'truncate canary': ({ canary }) => fs.closeSync(fs.openSync(canary, fs.constants.O_TRUNC)),
  'change mode of canary': ({ canary }) => fs.chmodSync(canary, 0o666),
  'change times of canary': ({ canary }) => fs.utimesSync(canary, 1, 1),
  'remove canary link': ({ folder }) => fs.unlinkSync(`${folder}/expendable`),
  'make a link': ({ canary, folder }) => fs.symlinkSync(canary, `${folder}/link`),
  'write by sqlite': async ({ folder }) => {
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(`${folder}/database`);
    database.exec('create table one (two)');
    database.close();
  },
  tcp: ({ tcpPort }) =>
    settle((done) => {
      createConnection(tcpPort, '127.0.0.1', () => done()).on('error', done);
    }),
  listen: () =>
    settle((done) => {
      const server = createServer().on('error', done);
      server.listen(0, '127.0.0.1', () => server.close(done));
    }),
  udp: ({ tcpPort }) =>
    settle((done) => {
      const socket = createSocket('udp4').on('error', done);
      socket.send('x', tcpPort, '127.0.0.1', (error) => {
        socket.close();
        done(error);
      });
    }),
  'unix socket': ({ unixSocket }) =>
    settle((done) => {
      createConnection(unixSocket, () => done()).on('error', done);
    }),
  'spawn node': ({ node }) => throwOn(spawnSync(node, ['-e', '0']).error),
  'spawn shell': () => throwOn(spawnSync('/bin/sh', ['-c', ':']).error),
  'signal parent': ({ parentPid }) => process.kill(parentPid, 0),
  'inherited descriptor': () => {
    for (let descriptor = 3; descriptor < 64; descriptor++) if (isPlanted(descriptor)) return;
    throw new Error('none found');
  },
  'renice parent': ({ parentPid }) => os.setPriority(parentPid, 1),
};

/** The size of the file that the tests leave open for whoever inherits it. */
const PLANTED_BYTES = 4242;

function isPlanted(descriptor: number): boolean {
  try {
    return fs.fstatSync(descriptor).size === PLANTED_BYTES;
  } catch {
    return false;
  }
}

function throwOn(error: Error | undefined): void {
  if (error) throw error;
}

/** x86-64 numbers and arguments that are harmless where they succeed. */
const BY_CALL: Record<string, number[]> = {
  'socket AF_UNIX': [41, 1, 1, 0],
  'socket AF_INET': [41, 2, 1, 0],
  'socket AF_INET6': [41, 10, 2, 0],
  'socket AF_NETLINK': [41, 16, 3, 0],
  'socket AF_VSOCK': [41, 40, 1, 0],
  userfaultfd: [323, 1],
  keyctl: [250, 0, -3, 0],
  'shared memory': [29, 0, 4096, 0o1600],
};

async function byCall(): Promise<Record<string, string>> {
  const ffi = await import('node:ffi').catch(() => null);
  if (ffi === null || process.arch !== 'x64') return {};
  try {
    const { functions } = ffi.dlopen('libc.so.6', {
      syscall: { arguments: ['i64', 'i64', 'i64', 'i64'], return: 'i64' },
    });
    const { syscall } = functions as { syscall: (...args: bigint[]) => bigint };
    const results: Record<string, string> = { 'native calls': 'open' };
    for (const [name, args] of Object.entries(BY_CALL)) {
      const [a = 0, b = 0, c = 0, d = 0] = args;
      results[name] = syscall(BigInt(a), BigInt(b), BigInt(c), BigInt(d)) < 0n ? 'refused' : 'open';
    }
    return results;
  } catch {
    return { 'native calls': 'refused' };
  }
}

async function attack(input: Record<string, unknown>): ReturnType<Operation['run']> {
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', () => undefined);
  const results: Record<string, string> = {};
  for (const [name, attempt] of Object.entries(byNode)) {
    try {
      await attempt(input as AttackInput);
      results[name] = 'open';
    } catch (error) {
      results[name] = (error as NodeJS.ErrnoException).code ?? 'refused';
    }
  }
  Object.assign(results, await byCall());
  const data = { results, environment: Object.keys(process.env).sort() };
  return { kind: 'done', result: { code: 'attacked', message: '', data } };
}

async function use(input: Record<string, unknown>): ReturnType<Operation['run']> {
  const kept: unknown[] = [];
  switch (input.what) {
    case 'heap':
      for (;;) kept.push(Array.from({ length: 10_000 }, (_, index) => ({ index })));
    case 'buffer':
      for (;;) kept.push(Buffer.alloc(16 * 2 ** 20, 1));
    case 'wasm':
      return done(new WebAssembly.Memory({ initial: 32_768 }).buffer.byteLength);
    case 'shared':
      return done(new Uint8Array(new SharedArrayBuffer(2 ** 31)).fill(1).length);
    case 'loop':
      for (;;);
    case 'sleep':
      fs.writeSync(1, '{"progress":"asleep"}\n');
      setInterval(() => undefined, 1_000);
      return new Promise(() => undefined);
    case 'print':
      for (;;) fs.writeSync(1, `${JSON.stringify({ progress: 'x'.repeat(60_000) })}\n`);
    case 'garbage':
      fs.writeSync(1, 'not an answer\n');
      return done(0);
    case 'two answers':
      fs.writeSync(1, '{"value":1}\n');
      return done(0);
    case 'exit':
      return process.exit(7);
    case 'throw':
      throw new Error(String(input.words));
    case 'workers': {
      const { Worker } = await import('node:worker_threads');
      for (let index = 0; index < 50; index++) kept.push(new Worker('for (;;);', { eval: true }));
      return done(kept.length);
    }
    default:
      return done(0);
  }
}

const done = (data: number): Awaited<ReturnType<Operation['run']>> => ({
  kind: 'done',
  result: { code: 'done', message: '', data },
});

const never = (): Promise<never> => Promise.reject(new Error('Only run.'));
const operation = (run: Operation['run']): Operation => ({
  egress: [],
  writes: 0,
  idempotency: 'natural',
  preview: never,
  run,
  reconcile: never,
  follow: never,
});

export const operations = { attack: operation(attack), use: operation(use) };
