/** Counts what processes use together, and all memory of one, which no resource limit does without control groups. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export type Usage = {
  processes: number;
  /** Threads of all of them: where an ordinary account's are counted by nobody else, they are what a job can make without end. */
  tasks: number;
  memoryBytes: number;
  cpuSeconds: number;
};

type Stat = { pid: number; parent: number; group: number; threads: number; ticks: number };

/** How often it is asked: often enough that a runaway does little harm; reading all of /proc takes a few milliseconds. */
export const WATCH_MS = 200;
/** Kernels are built with it (CONFIG_PROC_CHILDREN) as a rule. */
const listsChildren = (): boolean => existsSync('/proc/thread-self/children');
/** USER_HZ, which Linux fixes at 100 for everything that /proc shows. */
const TICKS_PER_SECOND = 100;

/** Of the process `root`, its group, and everything that descends from either. Reads all of /proc. */
export const usageOf = (root: number): Usage => together(membersOf(root, readAll()));

/**
 * Of the process `root` and what descends from it by first threads. Cheap, as it is asked where everything else runs too; and enough
 * for an action, which can start no process: bubblewrap starts it two down.
 */
export function usageOfAction(root: number): Usage {
  if (!listsChildren()) return usageOf(root);
  const pids = [root];
  for (const pid of pids) {
    const children = readOrEmpty(`/proc/${pid}/task/${pid}/children`);
    pids.push(...(children.match(/\d+/g) ?? []).map(Number));
  }
  return together(pids.flatMap((pid) => readStat(pid) ?? []));
}

function together(members: readonly Stat[]): Usage {
  let memoryBytes = 0;
  let tasks = 0;
  let ticks = 0;
  for (const member of members) {
    memoryBytes += anonymousBytes(member.pid);
    tasks += member.threads;
    ticks += member.ticks;
  }
  return { processes: members.length, tasks, memoryBytes, cpuSeconds: ticks / TICKS_PER_SECOND };
}

function membersOf(root: number, all: readonly Stat[]): Stat[] {
  const pids = new Set(all.filter(({ pid, group }) => pid === root || group === root).map(({ pid }) => pid));
  for (let before = -1; before !== pids.size; ) {
    before = pids.size;
    for (const { pid, parent } of all) if (pids.has(parent)) pids.add(pid);
  }
  return all.filter(({ pid }) => pids.has(pid));
}

function readAll(): Stat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)) ?? []);
}

/** proc_pid_stat(5); the name in parentheses may itself hold parentheses. Null if it has just ended. */
function readStat(pid: number): Stat | null {
  const text = readOrEmpty(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields.length < 18) return null;
  const at = (field: number): number => Number(fields[field - 3]);
  // utime, stime and those of children that were waited for
  const ticks = at(14) + at(15) + at(16) + at(17);
  return { pid, parent: at(4), group: at(5), threads: at(20), ticks };
}

function anonymousBytes(pid: number): number {
  const status = readOrEmpty(`/proc/${pid}/status`);
  const kib = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
  return (kib('RssAnon') + kib('RssShmem') + kib('VmSwap')) * 1024;
}

/** A process may end between two reads; then it uses nothing. */
function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
