/**
 * How many executions a second come to their end: from the click that completes a request to `succeeded`, in the composed assistant.
 * Each has its signed checkpoint, every check once more, a claim, a fresh sandbox, one keyed write through the broker and its entries.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { compose, type Running } from '../src/compose.ts';
import { establishLevel } from '../src/execution/sandbox/probe.ts';
import { createLog } from '../src/log.ts';
import { IsolationLevel, type RequestView } from '../src/model/request.ts';
import type { Bench, Context, Table } from './bench.ts';
import { localConfig, stopWhenStarted, temporaryFolder } from './installation.ts';
import { type Contender, tableOf, takeTurns, timed } from './measure.ts';
import { alice, ask, decide, succeeded } from './requests.ts';

const ROUNDS = { rounds: 8, withinMs: 40_000, warmUp: 1 };
/** Of each contender in a round: enough that the last one under way alone hardly counts. */
const BURST = 16;
/** Under way at once: one, and as many as one process works on. */
const CONCURRENCIES = [1, 4] as const;
const BARE = 'bare node process';
const QUESTION = 'the VPN is down for the Berlin office, please open a ticket';

/** All of them with so many under way at once, for one second of which so many are done. */
async function perSecond<T>(
  things: readonly T[],
  concurrency: number,
  work: (thing: T) => Promise<void>,
): Promise<number> {
  const left = [...things];
  const worker = async (): Promise<void> => {
    for (let thing = left.shift(); thing !== undefined; thing = left.shift()) await work(thing);
  };
  const tookMs = await timed(() => Promise.all(Array.from({ length: concurrency }, worker)));
  return things.length / (tookMs / 1000);
}

async function bareNode(): Promise<void> {
  const child = spawn(process.execPath, ['-e', 'process.stdout.write("x")'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {},
  });
  child.stdout.resume();
  await once(child, 'close');
}

/** `process` has to be accepted by its operator; policy never lets anything run at `none`. */
const EXECUTES = IsolationLevel.options.filter((level) => level !== 'none').reverse();

async function assistantAt(context: Context, level: IsolationLevel): Promise<Running> {
  const config = { ...localConfig(context), acceptProcess: level === 'process' };
  const composing = compose(config, createLog('error'), () => null, { strongest: level });
  stopWhenStarted(context, composing, (started) => started.stop());
  const running = await composing;
  await running.start();
  return running;
}

/** Requests that one click completes. */
async function pending(running: Running): Promise<RequestView[]> {
  const views: RequestView[] = [];
  for (let count = 0; count < BURST; count += 1) views.push(await ask(running, QUESTION));
  return views;
}

export const executions: Bench = {
  name: 'executions',
  about: 'executions a second at each isolation level, beside bare Node processes',
  async run(context) {
    const assistants: { level: IsolationLevel; running: Running }[] = [];
    const notes: string[] = [];
    for (const level of EXECUTES) {
      const outFolder = temporaryFolder(context);
      if ((await establishLevel({ strongest: level, outFolder })).level === level)
        assistants.push({ level, running: await assistantAt(context, level) });
      else notes.push(`Level ${level} does not hold on this machine and is left out.`);
    }
    const tables: Table[] = [];
    for (const concurrency of CONCURRENCIES) {
      const contenders: Contender[] = [
        { what: BARE, once: () => perSecond(Array(BURST).fill(BARE), concurrency, bareNode) },
        ...assistants.map(
          ({ level, running }): Contender => ({
            what: level,
            async once() {
              const requests = await pending(running);
              return perSecond(requests, concurrency, async (request) => {
                await decide(running, request, alice, 'confirm');
                await succeeded(running, request.id);
              });
            },
          }),
        ),
      ];
      const title = concurrency === 1 ? 'One after the other' : `${concurrency} under way at once`;
      tables.push(tableOf(title, 'per s', BARE, await takeTurns(contenders, ROUNDS), notes));
    }
    return tables;
  },
};
