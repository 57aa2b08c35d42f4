/** Two executors that are killed again and again, each time at another step, while requests keep coming. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Moment } from './outside.ts';
import type { Orders } from './worker.ts';

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));
/** An executor that does not come by its step in this time is killed wherever it is: in milliseconds. */
const WANDERS_MS = 3_000;
/** The same step is passed by several requests; which of them dies there is varied up to this. */
const MAX_NTH = 3;
export const ANYWHERE = 'wherever it was';
const MOMENTS: readonly Moment[] = ['outside: write arrived', 'outside: write done, not answered'];

/** Repeatable choices (a linear congruential generator, constants of Numerical Recipes). */
function choices(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

type Base = Omit<Orders, 'die' | 'instance' | 'outside'>;

export function crashingExecutors(base: Base, outsideOf: (slot: number) => string, seed: number) {
  const below = choices(seed);
  /** How often an executor died at each step; every step that was ever passed is there. */
  const kills = new Map<string, number>(MOMENTS.map((moment) => [moment, 0]));
  /** How often a step was chosen: one that hardly anybody comes by must not be waited for again and again. */
  const chosen = new Map<string, number>();
  const live = new Map<number, { child: ChildProcess; at: string | null }>();
  const troubles: string[] = [];
  let wanted = 0;
  let total = 0;

  const count = (step: string): void => {
    kills.set(step, (kills.get(step) ?? 0) + 1);
    total += 1;
  };

  /** The step that was chosen least so far; ties are broken by chance. */
  function nextStep(): string {
    const times = (step: string): number => chosen.get(step) ?? 0;
    const known = [...kills.keys()].filter((step) => step !== ANYWHERE);
    const fewest = Math.min(...known.map(times));
    const steps = known.filter((step) => times(step) === fewest);
    const step = steps[below(steps.length)]!;
    chosen.set(step, fewest + 1);
    return step;
  }

  function begin(slot: number): ChildProcess {
    const step = total < wanted ? nextStep() : null;
    const isOurs = step !== null && !step.startsWith('outside');
    const child = spawn(process.execPath, [WORKER], {
      env: { PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const orders: Orders = {
      ...base,
      instance: crypto.randomUUID(),
      outside: outsideOf(slot),
      die: isOurs ? { step, nth: 1 + below(MAX_NTH) } : null,
    };
    child.stdin.end(JSON.stringify(orders));
    child.stdout.on('data', (chunk: Buffer) => {
      for (const [, passed = ''] of chunk.toString().matchAll(/^step (.*)$/gm))
        if (!kills.has(passed)) kills.set(passed, 0);
    });
    child.stderr.on('data', (chunk: Buffer) => troubles.push(chunk.toString()));
    live.set(slot, { child, at: step });
    return child;
  }

  /** Lives of one executor, one after the other, until enough have died; then one that stays. */
  async function keep(slot: number): Promise<void> {
    while (total < wanted) {
      const child = begin(slot);
      const { at } = live.get(slot)!;
      let wandered = false;
      const timer = setTimeout(() => {
        wandered = true;
        child.kill('SIGKILL');
      }, WANDERS_MS);
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
      clearTimeout(timer);
      if (signal !== 'SIGKILL')
        throw new Error(`an executor ended by itself (${code}): ${troubles.join('')}`);
      count(wandered || at === null ? ANYWHERE : at);
    }
    begin(slot);
  }

  return {
    kills,
    total: () => total,
    /** Resolves when so many have died; healthy ones are there then. */
    async run(target: number): Promise<void> {
      wanted = target;
      await Promise.all([keep(0), keep(1)]);
    },
    /** Kills this executor if its turn is to die at this moment; to be asked by what it calls. */
    dieAt(slot: number, moment: Moment): boolean {
      const running = live.get(slot);
      return running?.at === moment && running.child.kill('SIGKILL');
    },
    async stop(): Promise<void> {
      wanted = 0;
      await Promise.all(
        [...live.values()].map(async ({ child }) => {
          if (child.exitCode !== null || child.signalCode !== null) return;
          const exited = once(child, 'exit');
          child.kill('SIGKILL');
          await exited;
        }),
      );
    },
  };
}
