#!/usr/bin/env node
/**
 * `npm run bench`, or `node bench/run.ts [NAME...] [--json]`: measures, prints, and leaves nothing behind. It asserts
 * nothing: numbers of different runs, and of different machines, compare by their ratios at most.
 */
import { availableParallelism, loadavg } from 'node:os';
import { audit } from './audit.ts';
import type { Bench, Context, Table } from './bench.ts';
import { broker } from './broker.ts';
import { click } from './click.ts';
import { events } from './events.ts';
import { executions } from './executions.ts';
import { policy } from './policy.ts';
import { inWords } from './report.ts';
import { sandbox } from './sandbox.ts';
import { turn } from './turn.ts';

const BENCHES: readonly Bench[] = [turn, events, click, executions, sandbox, policy, audit, broker];
const USAGE = `usage: node bench/run.ts [NAME...] [--json]
${BENCHES.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n')}
`;

const undos: (() => Promise<void> | void)[] = [];
const context: Context = { defer: (undo) => undos.push(undo) };

let cleaning: Promise<void> | null = null;
/** One at a time: a signal may come while a benchmark that it broke cleans up already. */
function cleanUp(): Promise<void> {
  cleaning ??= undoAll().finally(() => {
    cleaning = null;
  });
  return cleaning;
}

async function undoAll(): Promise<void> {
  for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) {
    try {
      await undo();
    } catch (error) {
      // The rest is undone all the same.
      process.exitCode = 1;
      process.stderr.write(`bench: ${error instanceof Error ? error.stack : String(error)}\n`);
    }
  }
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => void cleanUp().then(() => process.exit(code)));
}

type Outcome = { bench: string; seconds: number; tables: Table[] };

async function runOne({ name, run }: Bench): Promise<Outcome> {
  const started = performance.now();
  try {
    return { bench: name, tables: await run(context), seconds: (performance.now() - started) / 1000 };
  } finally {
    await cleanUp();
  }
}

async function main(args: readonly string[]): Promise<number> {
  const names = args.filter((arg) => arg !== '--json');
  const asJson = names.length < args.length;
  const chosen = names.length === 0 ? BENCHES : BENCHES.filter(({ name }) => names.includes(name));
  if (chosen.length < names.length) {
    process.stderr.write(USAGE);
    return 2;
  }
  const machine = {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cores: availableParallelism(),
    loadBefore: loadavg()[0]!,
  };
  if (!asJson) {
    const { node, platform, cores, loadBefore } = machine;
    process.stdout.write(
      `Node ${node} on ${platform}, ${cores} cores; load before ${loadBefore.toFixed(1)}\n\n`,
    );
  }
  const outcomes: Outcome[] = [];
  for (const bench of chosen) {
    const outcome = await runOne(bench);
    outcomes.push(outcome);
    if (asJson) continue;
    process.stdout.write(`## ${bench.name}: ${bench.about}\n\n${outcome.tables.map(inWords).join('\n')}\n`);
  }
  const loadAfter = loadavg()[0]!;
  process.stdout.write(
    asJson
      ? `${JSON.stringify({ ...machine, loadAfter, outcomes }, null, 2)}\n`
      : `load after ${loadAfter.toFixed(1)}; ${outcomes.map(({ bench, seconds }) => `${bench} ${seconds.toFixed(0)} s`).join(', ')}\n`,
  );
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
