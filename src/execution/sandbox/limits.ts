/** How much one run may use. Limits are set before anything else happens, by the kernel where it can. */

const MIB = 2 ** 20;

export type RunLimits = {
  /** From start to answer. */
  wallMs: number;
  /** Processor time; the kernel ends it even if we hang. */
  cpuSeconds: number;
  /** JavaScript objects, in MiB; V8 ends the process beyond it. */
  heapMib: number;
  /**
   * Writable memory in MiB, buffers and WebAssembly included, on top of what V8 reserves for itself, by the kernel; and all memory that
   * is really used, on top of what Node itself uses, by the watch: what is made read-only afterwards no resource limit counts.
   */
  memoryMib: number;
  threads: number;
  /** Everything printed on stdout and stderr, the answer included. */
  outputBytes: number;
  /** What operators get to see of stderr. */
  stderrBytes: number;
};

export const DEFAULT_LIMITS: RunLimits = {
  // An action is a few requests to one system; the broker's own time limits are shorter.
  wallMs: 30_000,
  cpuSeconds: 10,
  // Octokit and a few pages of results take 30 MiB.
  heapMib: 128,
  memoryMib: 256,
  // Node has eleven.
  threads: 64,
  // A card shows far less; the largest answer is a job's tail of output.
  outputBytes: MIB,
  stderrBytes: 64 * 1024,
};

/** What a Node that has done nothing uses, and the kernel's allowance of as yet unused memory: of what the watch counts, not the action's. */
const NODES_OWN_MIB = 128;
/** V8 reserves a code range that RLIMIT_DATA counts: Node starts from 640 MiB, of which it uses little. */
const V8_RESERVED_MIB = 576;
/** Enough for Node's own (about 20) and the door; few enough to hoard nothing. */
const MAX_DESCRIPTORS = 64;

/** Beyond it the watch ends a run, whatever kind of memory it is. */
export const mostMemoryBytes = (limits: RunLimits): number => (NODES_OWN_MIB + limits.memoryMib) * MIB;

export type ProcessLimits = {
  cpuSeconds: number;
  /** RLIMIT_DATA of each process, in KiB. */
  dataKib: number;
  descriptors: number;
  /** In 512-byte blocks as POSIX `ulimit -f` counts; 0 forbids writing files at all. */
  fileBlocks: number;
};

export function processLimits(limits: RunLimits): ProcessLimits {
  return {
    cpuSeconds: limits.cpuSeconds,
    dataKib: (V8_RESERVED_MIB + limits.memoryMib) * 1024,
    descriptors: MAX_DESCRIPTORS,
    fileBlocks: 0,
  };
}

/**
 * A shell line that sets the limits and becomes the program after it (`sh -c LINE program args...`). POSIX
 * `ulimit` is in every shell, `prlimit` is not on every machine. One that cannot be set ends it.
 */
export function limitLine(limits: ProcessLimits, platform: NodeJS.Platform = process.platform): string {
  const steps = [
    // No core dump: it would hold what the process knew.
    'ulimit -c 0',
    `ulimit -f ${limits.fileBlocks}`,
    `ulimit -n ${limits.descriptors}`,
    // The soft limit's signal tells us why it died; the hard one ends whoever ignores it.
    `ulimit -S -t ${limits.cpuSeconds}`,
    `ulimit -H -t ${limits.cpuSeconds + 1}`,
  ];
  // macOS has no RLIMIT_DATA worth the name.
  if (platform === 'linux') steps.push('ulimit -l 0', `ulimit -d ${limits.dataKib}`);
  return `${steps.join(' && ')} && exec "$0" "$@"`;
}
