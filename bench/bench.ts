/** What a benchmark is, and what it hands to whoever prints it. */

/** One thing measured: all of a table's rows share their unit, and one of them is what the others are compared with. */
export type Row = {
  what: string;
  /** How many measurements the numbers come from. */
  count: number;
  p50: number;
  /** Null where a tail says nothing, as with bursts. */
  p99: number | null;
  /** Its median over that of `against`; null for what is itself the measure. */
  ratio: number | null;
};

export type Unit = 'ms' | 'µs' | 'per s';

export type Table = {
  title: string;
  unit: Unit;
  /** The row that ratios are taken against. */
  against: string;
  rows: Row[];
  /** What was left out on this machine and why, and what else a reader must know. */
  notes: string[];
};

export type Context = {
  /** Undone in reverse order when the benchmark has ended, also by Ctrl-C. */
  defer(undo: () => Promise<void> | void): void;
};

export type Bench = {
  name: string;
  /** One sentence. */
  about: string;
  run(context: Context): Promise<Table[]>;
};
