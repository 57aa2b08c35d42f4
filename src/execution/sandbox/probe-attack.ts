/**
 * The attack that a level must withstand at start, bundled and run exactly like an action. It tries to leave by
 * every way a real one would, and says which ways were open.
 */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import type { Operation, Tools } from '../../action.ts';

/** What is tried, and what stands ready outside for it, all of it harmless. */
export type Targets = {
  attacks: Attack[];
  canaryFile: string;
  newFile: string;
  newDatabase: string;
  tcpPort: number;
  udpPort: number;
  unixSocket: string;
  parentPid: number;
  node: string;
};

/** The ways out; all are closed at the kernel levels. */
export const ATTACKS = [
  'read_file',
  'read_environ',
  'write_file',
  'write_sqlite',
  'tcp',
  'udp',
  'unix_socket',
  'spawn',
  'signal',
] as const;
export type Attack = (typeof ATTACKS)[number];

/** A connection that neither opens nor fails counts as refused. */
const CONNECT_TIMEOUT_MS = 1_000;

const LOOPBACK = '127.0.0.1';

const attempts: Record<Attack, (targets: Targets) => unknown> = {
  read_file: ({ canaryFile }) => readFileSync(canaryFile),
  read_environ: ({ parentPid }) => readFileSync(`/proc/${parentPid}/environ`),
  write_file: ({ newFile }) => writeFileSync(newFile, 'written'),
  write_sqlite: async ({ newDatabase }) => {
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(newDatabase);
    database.exec('create table written (one)');
    database.close();
  },
  tcp: ({ tcpPort }) => connected({ port: tcpPort, host: LOOPBACK }),
  udp: ({ udpPort }) =>
    new Promise((resolve, reject) => {
      const socket = createSocket('udp4');
      socket.on('error', reject);
      socket.send('out', udpPort, LOOPBACK, (error) => {
        socket.close();
        if (error) reject(error);
        else resolve(null);
      });
    }),
  unix_socket: ({ unixSocket }) => connected({ path: unixSocket }),
  spawn: ({ node }) => {
    const { error } = spawnSync(node, ['-e', '0']);
    if (error) throw error;
  },
  signal: ({ parentPid }) => process.kill(parentPid, 0),
};

function connected(to: { port: number; host: string } | { path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ ...to, timeout: CONNECT_TIMEOUT_MS }, () => {
      socket.destroy();
      resolve();
    });
    socket.on('timeout', () => socket.destroy(new Error('timeout')));
    socket.on('error', reject);
  });
}

async function attack(input: Record<string, unknown>, tools: Tools): ReturnType<Operation['run']> {
  // A refused socket may also be thrown from the event loop, where nobody can catch it.
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', () => undefined);
  const targets = input as Targets;
  const open: string[] = [];
  for (const name of targets.attacks) {
    if (await succeeds(() => attempts[name](targets))) open.push(name);
  }
  const door = await succeeds(async () => {
    const { status } = await tools.fetch('https://door.internal/');
    if (status !== 200) throw new Error('no door');
  });
  return { kind: 'done', result: { code: 'attacked', message: '', data: { open, door } } };
}

/** Node's permissions refuse some things by never answering. */
async function succeeds(attempt: () => unknown): Promise<boolean> {
  let patience: NodeJS.Timeout | undefined;
  const noAnswer = new Promise((_, reject) => {
    patience = setTimeout(() => reject(new Error('no answer')), CONNECT_TIMEOUT_MS);
  });
  try {
    await Promise.race([attempt(), noAnswer]);
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(patience);
  }
}

const onlyRun = (): Promise<never> => Promise.reject(new Error('The probe only runs.'));

export const operations: Record<string, Operation> = {
  attack: {
    egress: [],
    writes: 0,
    idempotency: 'natural',
    preview: onlyRun,
    run: attack,
    reconcile: onlyRun,
    follow: onlyRun,
  },
};
