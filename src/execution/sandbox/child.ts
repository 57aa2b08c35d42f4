/**
 * What runs in the sandbox around a connector: reads one call, hands it to the operation with its tools, prints
 * the answer. It protects nothing: whatever it promises, the code beside it could do otherwise. The parent
 * bounds and checks every byte that comes out.
 */
import { readFileSync, writeSync } from 'node:fs';
import type { Operation, Tools } from '../../action.ts';
import type { Call, CallName, Line } from './call.ts';
import { doorFetch } from './door.ts';

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

/** What runs of an operation; the rest of it is data that the core reads. */
export type Served = Pick<Operation, CallName>;

/** Runs the one call that stands on stdin, and ends the process. `describe`: for actions from elsewhere. */
export async function serve(
  operations: Readonly<Record<string, Served>>,
  describe?: () => unknown,
): Promise<void> {
  // Libraries that print must not write into the answer.
  for (const name of ['log', 'info', 'debug'] as const) console[name] = console.error;
  globalThis.fetch = doorFetch as typeof fetch;
  process.on('uncaughtException', end);
  try {
    const call = JSON.parse(readFileSync(STDIN, 'utf8')) as Call;
    const value = await perform(operations, call, describe);
    say({ value: value as never });
    process.exit(0);
  } catch (error) {
    end(error);
  }
}

async function perform(
  operations: Readonly<Record<string, Served>>,
  call: Call,
  describe?: () => unknown,
): Promise<unknown> {
  if (call.call === 'describe') {
    if (describe === undefined) throw new Error('Nothing here describes itself.');
    return describe();
  }
  const operation = operations[call.operation];
  if (operation === undefined) throw new Error(`The connector has no operation ${call.operation}.`);
  const tools: Tools = {
    fetch: doorFetch as typeof fetch,
    settings: call.settings,
    pinned: call.pinned,
    mark: call.mark,
    requester: call.requester,
    idempotencyKey: call.idempotencyKey,
    progress: (line) => say({ progress: line }),
  };
  return operation[call.call](call.input, tools);
}

function end(error: unknown): never {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  writeAll(STDERR, `${message}\n`);
  const summary = error instanceof Error ? error.message : String(error);
  say({ error: { code: ranOutOfMemory(error) ? 'out_of_memory' : 'threw', message: summary } });
  process.exit(1);
}

/** V8 tells of refused buffers only in words. */
function ranOutOfMemory(error: unknown): boolean {
  return error instanceof RangeError && /allocat|Invalid array buffer length/i.test(error.message);
}

function say(line: Line): void {
  writeAll(STDOUT, `${JSON.stringify(line)}\n`);
}

/** Straight to the descriptor, which blocks: the answer is out before the process ends. */
function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let from = 0; from < bytes.length; ) from += writeSync(descriptor, bytes, from);
}
