/**
 * Runs an action and a job while no descriptors are left, or so few that a file can be read but no process started, and then
 * with all of them; a program of its own, as it takes all that it may have. Argument: a folder for bundles.
 */
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../../src/errors.ts';
import { type Bundle, bundleOperations } from '../../../src/execution/sandbox/bundle.ts';
import type { Call } from '../../../src/execution/sandbox/call.ts';
import { runJob } from '../../../src/execution/sandbox/job.ts';
import { createSandbox } from '../../../src/execution/sandbox/sandbox.ts';

const outFolder = process.argv[2] ?? '';
/** Fewer than the pipes of one process. */
const FEW = 3;
const MIB = 2 ** 20;

const module = fileURLToPath(new URL('./attacker.ts', import.meta.url));
const bundles = await bundleOperations({ modules: [{ name: 'attacker', module }], outFolder });
const sandbox = await createSandbox({ level: 'kernel-lite', outFolder });
const call: Call = {
  call: 'run',
  operation: 'use',
  input: { what: 'nothing' },
  settings: null,
  pinned: {},
  mark: '',
  requester: '',
  idempotencyKey: '',
};

async function action(): Promise<string> {
  const bundle = bundles.get('attacker') as Bundle;
  const outcome = await sandbox.run({ bundle, job: call, door: () => undefined });
  return outcome.kind === 'answered' ? 'answered' : `${outcome.code}: ${outcome.message}`;
}

async function job(): Promise<string> {
  const limits = { cpuSeconds: 20, wallSeconds: 20, memoryBytes: 256 * MIB, outputBytes: MIB };
  try {
    const { exitCode } = await runJob({
      level: 'kernel-lite',
      source: import.meta.dirname,
      command: ['true'],
      inputs: {},
      limits: { ...limits, processes: 16, scratchBytes: 16 * MIB },
      outFolder,
      onOutput: () => undefined,
    });
    return `exit ${exitCode}`;
  } catch (error) {
    return error instanceof AppError ? `${error.code}: ${error.message}` : String(error);
  }
}

const taken: number[] = [];
function takeAll(): void {
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
  }
}
const giveBack = (count: number): void => taken.splice(0, count).forEach(closeSync);

await job();
takeAll();
const none = await action();
giveBack(FEW);
const few = [await action(), await job()];
giveBack(taken.length);
const all = [await action(), await job()];
process.stdout.write(JSON.stringify({ none, few, all }));
process.exit(0);
