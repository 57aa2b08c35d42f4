/** Two executors that are killed again and again, each time at another step, while requests keep coming. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Moment } from './outside.ts';
import type { Orders } from './worker.ts';

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));
/** A process and its imports, on a machine that has much else to do; only one that hangs takes longer. In milliseconds. */
const STARTS_WITHIN_MS = 120_000;
/** How many steps it takes without coming by one that is wanted, before it is killed wherever it is: those of some executions. */
const WANDERS_STEPS = 200;
/** One in so many lives is for no step: it ends between steps too, and in what has none, such as the queue's own statements. */
const ANYWHERE_ONE_IN = 10;
/**
 * The same for one that finds nothing to do, from when it is ready: a lease and its recovery are shorter, on a busy machine too. In
 * milliseconds.
 */
const WANDERS_MS = 30_000;
/** The same step is passed by several requests; which of them dies there is varied up to this. */
const MAX_NTH = 3;
/** How many more may die until each step has been hit: some are passed after a certain crash only, and then once. */
const MORE_AT_MOST = 100;
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
type Life = { child: ChildProcess; enough: number; diesAt: string | null };

export function crashingExecutors(base: Base, outsideOf: (slot: number) => string, seed: number) {
  const below = choices(seed);
  /** How often an executor died at each step; every step that was ever passed is there. */
  const kills = new Map<string, number>(MOMENTS.map((moment) => [moment, 0]));
  const live = new Map<number, Life>();
  const troubles: string[] = [];
  let wanted = 0;
  let total = 0;
  let anywhere = 0;

  const missed = (): string[] => [...kills].filter(([, died]) => died === 0).map(([step]) => step);
  const goesOn = (): boolean => total < wanted || (missed().length > 0 && total < wanted + MORE_AT_MOST);

  /**
   * Steps at which fewer have died are wanted. It rises with every life, also of those who wandered, so that one which hardly
   * anybody comes by is not waited for alone; what lies between two whole numbers is a matter of chance.
   */
  const enough = (): number => 1 + Math.floor((total + below(kills.size)) / kills.size);

  function begin(slot: number): Life {
    const child = spawn(process.execPath, [WORKER], {
      env: { PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const dies = goesOn();
    const isAnywhere = below(ANYWHERE_ONE_IN) === 0;
    // One that is for no step still dies at the first that nobody died at: some are passed once, and it would have been that time.
    const life: Life = { child, enough: !dies ? 0 : isAnywhere ? 1 : enough(), diesAt: null };
    const orders: Orders = {
      ...base,
      instance: crypto.randomUUID(),
      outside: outsideOf(slot),
      die: dies
        ? {
            died: Object.fromEntries(kills),
            enough: life.enough,
            nth: 1 + below(MAX_NTH),
            wandersAfter: isAnywhere ? 1 + below(WANDERS_STEPS) : WANDERS_STEPS,
          }
        : null,
    };
    child.stdin.end(JSON.stringify(orders));
    child.stderr.on('data', (chunk: Buffer) => troubles.push(chunk.toString()));
    live.set(slot, life);
    return life;
  }

  /** Follows what it says until it has ended, and kills it where it comes by nothing that is wanted. */
  async function outlive(life: Life): Promise<void> {
    const { child } = life;
    const closed = once(child, 'close') as Promise<[number | null, string | null]>;
    let hangs = false;
    let timer = setTimeout(() => {
      hangs = true;
      child.kill('SIGKILL');
    }, STARTS_WITHIN_MS);
    for await (const line of createInterface({ input: child.stdout! })) {
      const [word = '', step = ''] = line.split(/ (.*)/s);
      if (word === 'step' && !kills.has(step)) kills.set(step, 0);
      if (word === 'dies') life.diesAt ??= step;
      if (word === 'wandered') child.kill('SIGKILL');
      if (word !== 'ready') continue;
      clearTimeout(timer);
      timer = setTimeout(() => child.kill('SIGKILL'), WANDERS_MS);
    }
    const [code, signal] = await closed;
    clearTimeout(timer);
    if (hangs) throw new Error(`an executor did not start in ${STARTS_WITHIN_MS} ms: ${troubles.join('')}`);
    if (signal !== 'SIGKILL') throw new Error(`an executor ended by itself (${code}): ${troubles.join('')}`);
  }

  /** Lives of one executor, one after the other, until enough have died; then one that stays. */
  async function keep(slot: number): Promise<void> {
    while (goesOn()) {
      const life = begin(slot);
      await outlive(life);
      total += 1;
      if (life.diesAt === null) anywhere += 1;
      else kills.set(life.diesAt, (kills.get(life.diesAt) ?? 0) + 1);
    }
    begin(slot).child.stdout?.resume();
  }

  return {
    kills,
    total: () => total,
    /** How many were killed wherever they were. */
    anywhere: () => anywhere,
    missed,
    /** Resolves when so many have died, and some at each step; healthy ones are there then. */
    async run(target: number): Promise<void> {
      wanted = target;
      await Promise.all([keep(0), keep(1)]);
    },
    /** Kills this executor if it is to die at this moment; to be asked by what it calls. */
    dieAt(slot: number, moment: Moment): boolean {
      const life = live.get(slot);
      if (!life || (kills.get(moment) ?? 0) >= life.enough || !life.child.kill('SIGKILL')) return false;
      life.diesAt ??= moment;
      return true;
    },
    async stop(): Promise<void> {
      wanted = -MORE_AT_MOST;
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
