/** Ways out of a sandbox by Node's own means; each resolves where it is open and throws where it is refused. */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import fs from 'node:fs';
import { createConnection, createServer } from 'node:net';
import os from 'node:os';

export type AttackInput = {
  canary: string;
  folder: string;
  unixSocket: string;
  abstractSocket: string;
  tcpPort: number;
  parentPid: number;
  node: string;
  /** Node's permissions refuse some things by never answering. */
  patienceMs: number;
};

/** A name in the environment of whoever starts the sandbox. */
const PARENT_SECRET = 'PARENT_SECRET';
/** Nobody refuses what is not there. */
const NOT_GIVEN = Object.assign(new Error('It was not given.'), { code: 'NOT_GIVEN' });

const settle = (patienceMs: number, start: (done: (error?: Error | null) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer')), patienceMs);
    start((error) => {
      clearTimeout(timer);
      if (error) reject(error);
      else resolve();
    });
  });

export const BY_NODE: Record<string, (input: AttackInput) => unknown> = {
  'read canary': ({ canary }) => fs.readFileSync(canary),
  'read /etc/passwd': () => fs.readFileSync('/etc/passwd'),
  'read parent environ': ({ parentPid }) => fs.readFileSync(`/proc/${parentPid}/environ`),
  'read parent memory': ({ parentPid }) => fs.openSync(`/proc/${parentPid}/mem`, 'r'),
  'list processes': () => fs.readdirSync('/proc'),
  'list folder': ({ folder }) => fs.readdirSync(folder),
  'watch folder': ({ folder }) => fs.watch(folder).close(),
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
  tcp: ({ tcpPort, patienceMs }) =>
    settle(patienceMs, (done) => {
      createConnection(tcpPort, '127.0.0.1', () => done()).on('error', done);
    }),
  listen: ({ patienceMs }) =>
    settle(patienceMs, (done) => {
      const server = createServer().on('error', done);
      server.listen(0, '127.0.0.1', () => server.close(done));
    }),
  udp: ({ tcpPort, patienceMs }) =>
    settle(patienceMs, (done) => {
      const socket = createSocket('udp4').on('error', done);
      socket.send('x', tcpPort, '127.0.0.1', (error) => {
        socket.close();
        done(error);
      });
    }),
  'abstract socket': ({ abstractSocket, patienceMs }) =>
    settle(patienceMs, (done) => {
      createConnection(abstractSocket, () => done()).on('error', done);
    }),
  'unix socket': ({ unixSocket, patienceMs }) =>
    settle(patienceMs, (done) => {
      createConnection(unixSocket, () => done()).on('error', done);
    }),
  'spawn node': ({ node }) => throwOn(spawnSync(node, ['-e', '0']).error),
  'spawn shell': () => throwOn(spawnSync('/bin/sh', ['-c', ':']).error),
  'signal parent': ({ parentPid }) => process.kill(parentPid, 0),
  'signal everybody': () => process.kill(-1, 0),
  'inherited environment': () => {
    if (process.env[PARENT_SECRET] === undefined) throw NOT_GIVEN;
  },
  'code from a string': () => new Function('return 1')(),
  'process.binding': () => (process as unknown as { binding(name: string): unknown }).binding('fs'),
  'native addon': ({ canary }) => loadAddon(canary),
  'inherited descriptor': () => {
    for (let descriptor = 3; descriptor < 64; descriptor++) if (isPlanted(descriptor)) return;
    throw NOT_GIVEN;
  },
  'renice parent': ({ parentPid }) => os.setPriority(parentPid, 1),
};

/** A library that is no addon is loaded, and then missed its registration: the way is open. */
function loadAddon(canary: string): void {
  try {
    process.dlopen({ exports: {} }, process.platform === 'linux' ? 'libc.so.6' : canary);
  } catch (error) {
    if (!(error instanceof Error && error.message.includes('self-register'))) throw error;
  }
}

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
