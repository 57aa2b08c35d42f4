/**
 * One executor process as the product has it: real claims, real sandbox, real broker, real jobs, recovery at its interval.
 * Started by the test with its orders as JSON on stdin; kills itself with SIGKILL at the step that they name.
 */
import { flushCompileCache } from 'node:module';
import { text } from 'node:stream/consumers';
import type { Action, Connector } from '../../../src/action.ts';
import { findRequest, move } from '../../../src/approval/requests.ts';
import { createSealing } from '../../../src/audit/aes-gcm.ts';
import { createPersonKeys } from '../../../src/audit/seal.ts';
import { createAuditLog } from '../../../src/audit/writer.ts';
import { createBroker } from '../../../src/execution/broker/broker.ts';
import { createExecutor } from '../../../src/execution/executor.ts';
import { createSandbox } from '../../../src/execution/sandbox/sandbox.ts';
import type { Pipeline } from '../../../src/pipeline.ts';
import { openDatabase } from '../../../src/store/postgres.ts';
import { createQueue } from '../../../src/store/queue.ts';
import { createSenders, startWorkers } from '../../../src/workers.ts';
import { HOST, type Kind, operations } from './kinds.ts';
import { markedBroker, markedDatabase, markedSandbox } from './steps.ts';

export type Orders = {
  url: string;
  /** Base64; made by the test. */
  macKey: string;
  wrapKey: string;
  instance: string;
  outside: string;
  bundle: { file: string; sha256: string };
  /** Null: never. */
  die: Death | null;
};

/** It dies at the first step at which fewer than `enough` have died: when it comes by one that nobody died at, or by another for the nth time. */
type Death = {
  died: Readonly<Record<string, number>>;
  enough: number;
  nth: number;
  /** After so many steps without one it says so, to be killed wherever it is. */
  wandersAfter: number;
};

// Who is killed keeps nothing: what the first has compiled the hundreds after it need not.
flushCompileCache();
const orders = JSON.parse(await text(process.stdin)) as Orders;
const seen = new Map<string, number>();
let taken = 0;

/** What is said has left before the next line runs: stdout is a pipe, which Node writes to at once. */
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

function mark(step: string): void {
  const times = (seen.get(step) ?? 0) + 1;
  seen.set(step, times);
  taken += 1;
  if (times === 1) say(`step ${step}`);
  if (orders.die === null) return;
  const { enough, nth, wandersAfter } = orders.die;
  const died = orders.die.died[step] ?? 0;
  if (died < enough && times === (died === 0 ? 1 : nth)) {
    say(`dies ${step}`);
    process.kill(process.pid, 'SIGKILL');
  }
  if (taken === wandersAfter) say('wandered');
}

const failed = (error: unknown): void => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
};
const plain = openDatabase({ url: orders.url, onError: failed });
const db = markedDatabase(plain, mark);
const queue = await createQueue({ url: orders.url, onError: failed });
const send = createSenders(queue);
const audit = createAuditLog({
  instance: orders.instance,
  macKey: Buffer.from(orders.macKey, 'base64'),
  personKeys: createPersonKeys(Buffer.from(orders.wrapKey, 'base64')),
});
const sandbox = await createSandbox({ level: 'process' });
const broker = createBroker({
  upstreams: { [HOST]: { baseUrl: orders.outside, addresses: ['127.0.0.0/8'] } },
  credentials: { get: async () => null },
  builtIns: {},
  scan: () => null,
} as Parameters<typeof createBroker>[0]);

const executor = createExecutor({
  db,
  audit,
  broker: markedBroker(broker, mark),
  sandbox: markedSandbox(sandbox, mark),
  bundleOf: () => orders.bundle,
  // No token is made for what this outside system is asked.
  sealing: createSealing(Buffer.from(orders.wrapKey, 'base64')),
  mask: (text) => text,
  troubled: () => undefined,
  isolation: () => ({ level: 'process', acceptProcess: true }),
  governed: (name) => ({
    action: { name, effect: 'write', risk: () => 'low', operation: name.split('.')[1]! } as unknown as Action,
    connector: {
      name: 'outside',
      title: () => 'the outside system',
      facts: () => ({}),
    } as unknown as Connector,
    operation: operations[name.split('.')[1] as Kind],
    settings: {},
  }),
  nameOf: async (id) => id,
  markOf: (execution) => execution,
  find: findRequest,
  verifyEvidence: async () => null,
  permittedNow: async () => ({ obstacle: null, evidence: null }),
  async stop(tx, request, { event, code, message }) {
    await move(tx, request.id, event, { code, message });
  },
  async started(tx, request) {
    await audit.append(tx, { type: 'execution.started', turn: request.turn, request: request.id, data: {} });
  },
  async finished(tx, request, state) {
    await audit.append(tx, {
      type: 'execution.finished',
      turn: request.turn,
      request: request.id,
      data: { state },
    });
  },
  progressed: async () => undefined,
  lookAgain: send.follow,
});

const nothing = async (): Promise<void> => undefined;
await startWorkers({
  db: plain,
  queue,
  executor,
  pipeline: {
    runTurn: nothing,
    execute: executor.execute,
    follow: executor.follow,
    expire: nothing,
  } as unknown as Pipeline,
  giveWay: nothing,
  deliver: nothing,
  askApprovers: nothing,
  remind: nothing,
  takeBackDue: nothing,
  takeBackTokens: nothing,
  runCiJob: { concurrency: 1, run: nothing, recover: nothing },
  failed,
});
say('ready');
