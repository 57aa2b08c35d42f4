/** Cold start of a sandboxed action at every level that this machine reaches, beside a bare Node process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { bundleOperations } from '../src/execution/sandbox/bundle.ts';
import { establishLevel } from '../src/execution/sandbox/probe.ts';
import { createSandbox, type Sandbox, type SandboxRun } from '../src/execution/sandbox/sandbox.ts';
import { IsolationLevel } from '../src/model/request.ts';
import type { Bench } from './bench.ts';
import { temporaryFolder } from './installation.ts';
import { type Contender, tableOf, takeTurns } from './measure.ts';

const ROUNDS = { rounds: 60, withinMs: 30_000, warmUp: 3 };
const BARE = 'bare node process';
const MODULE = fileURLToPath(new URL('./instant.operations.ts', import.meta.url));

type Started = { firstByteMs: number; exitMs: number };

async function bareNode(): Promise<Started> {
  const started = performance.now();
  const child = spawn(process.execPath, ['-e', 'process.stdout.write("x")'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {},
  });
  let firstByteMs = Number.NaN;
  child.stdout.once('data', () => {
    firstByteMs = performance.now() - started;
  });
  await once(child, 'close');
  return { firstByteMs, exitMs: performance.now() - started };
}

async function sandboxed(sandbox: Sandbox, run: SandboxRun): Promise<Started> {
  const started = performance.now();
  const outcome = await sandbox.run(run);
  if (outcome.kind === 'failed' || outcome.durations.firstByteMs === null)
    throw new Error(`the sandbox at ${sandbox.level} did not answer`);
  // With the check of the code's digest before it, as an execution has it.
  const exitMs = performance.now() - started;
  return { firstByteMs: exitMs - outcome.durations.wallMs + outcome.durations.firstByteMs, exitMs };
}

export const sandbox: Bench = {
  name: 'sandbox',
  about: 'cold start of an action at each isolation level, beside a bare Node process',
  async run(context) {
    const outFolder = temporaryFolder(context);
    const bundles = await bundleOperations({ modules: [{ name: 'instant', module: MODULE }], outFolder });
    const run: SandboxRun = {
      bundle: bundles.get('instant')!,
      job: {
        call: 'run',
        operation: 'instant',
        input: {},
        settings: null,
        pinned: {},
        mark: '',
        requester: '',
        idempotencyKey: '',
      },
      door: (stream) => void stream.resume(),
    };
    const notes: string[] = [];
    const exits = new Map<string, number[]>([[BARE, []]]);
    /** First byte is what takes turns; exits are collected on the way. */
    const contender = (what: string, start: () => Promise<Started>): Contender => ({
      what,
      async once(round) {
        const { firstByteMs, exitMs } = await start();
        if (round >= 0) exits.get(what)!.push(exitMs);
        return firstByteMs;
      },
    });
    const contenders = [contender(BARE, bareNode)];
    for (const level of [...IsolationLevel.options].reverse()) {
      const reached =
        level === 'none' ? 'none' : (await establishLevel({ strongest: level, outFolder })).level;
      if (reached !== level) {
        notes.push(`Level ${level} does not hold on this machine and is left out.`);
        continue;
      }
      const prepared = await createSandbox({ level, outFolder });
      exits.set(level, []);
      contenders.push(contender(level, () => sandboxed(prepared, run)));
    }
    const firstBytes = await takeTurns(contenders, ROUNDS);
    return [
      tableOf('Start to first byte of the answer', 'ms', BARE, firstBytes, notes),
      tableOf('Start to end of the process, output drained', 'ms', BARE, exits),
    ];
  },
};
