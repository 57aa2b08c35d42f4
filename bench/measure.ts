/** Measurements side by side: contenders take turns, so that whatever else the machine does befalls them alike. */
import type { Row, Table, Unit } from './bench.ts';

/** Does the thing once and answers how much it took, in the table's unit. */
export type Contender = { what: string; once: (round: number) => Promise<number> | number };

export type Rounds = {
  rounds: number;
  /** No further round begins after this long, in milliseconds. */
  withinMs: number;
  /** Rounds before the first that counts: caches, connections, compiled code. */
  warmUp: number;
};

/** Fewer measurements than this have no 99th percentile: the largest would only pretend to be one. */
const TAIL_NEEDS = 50;

/** Everything that was measured, by contender. Who begins changes with every round. */
export async function takeTurns(
  contenders: readonly Contender[],
  { rounds, withinMs, warmUp }: Rounds,
): Promise<Map<string, number[]>> {
  const measured = new Map<string, number[]>(contenders.map(({ what }) => [what, []]));
  const started = performance.now();
  for (let round = -warmUp; round < rounds; round += 1) {
    const isOver = performance.now() - started > withinMs;
    if (isOver && round > 0) break;
    for (let place = 0; place < contenders.length; place += 1) {
      const contender = contenders[(place + round + warmUp) % contenders.length]!;
      const took = await contender.once(round);
      if (round >= 0) measured.get(contender.what)!.push(took);
    }
  }
  return measured;
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown> | unknown): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** The smallest measurement that at least this share of all does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** Rows in the order of `measured`, each compared with `against`; `unit` is what was measured in. */
export function tableOf(
  title: string,
  unit: Unit,
  against: string,
  measured: ReadonlyMap<string, readonly number[]>,
  notes: string[] = [],
): Table {
  const base = percentile(measured.get(against) ?? [], 0.5);
  const rows = [...measured].map(([what, values]): Row => {
    const p50 = percentile(values, 0.5);
    return {
      what,
      count: values.length,
      p50,
      p99: values.length < TAIL_NEEDS ? null : percentile(values, 0.99),
      ratio: what === against ? null : p50 / base,
    };
  });
  return { title, unit, against, rows, notes };
}
