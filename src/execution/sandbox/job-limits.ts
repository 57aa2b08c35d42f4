/** How much one job may use, over all its processes together. */
import type { ProcessLimits } from './limits.ts';

export type JobLimits = {
  cpuSeconds: number;
  wallSeconds: number;
  /** Anonymous memory of all processes; scratch in memory is counted by `scratchBytes`. */
  memoryBytes: number;
  /** stdout and stderr together. */
  outputBytes: number;
  processes: number;
  /** Everything it may keep in files at one moment, the unpacked source included. */
  scratchBytes: number;
};

/** Threads count where the kernel counts processes, and a Node process has eleven. */
const TASKS_PER_PROCESS = 16;
/** A test runner with a few files open in each process. */
const DESCRIPTORS = 256;
/** Reserved by V8 when it starts and counted by RLIMIT_DATA, hardly used; a job may run Node. */
const V8_RESERVED_KIB = 640 * 1024;
/** `ulimit -f` counts blocks of 512 bytes. */
const BLOCK_BYTES = 512;

/** What the kernel enforces for each process; the total is watched. */
export function jobProcessLimits(limits: JobLimits): ProcessLimits {
  return {
    cpuSeconds: limits.cpuSeconds,
    dataKib: V8_RESERVED_KIB + Math.ceil(limits.memoryBytes / 1024),
    descriptors: DESCRIPTORS,
    fileBlocks: Math.ceil(limits.scratchBytes / BLOCK_BYTES),
  };
}

export function maxTasks(limits: JobLimits): number {
  return limits.processes * TASKS_PER_PROCESS;
}
