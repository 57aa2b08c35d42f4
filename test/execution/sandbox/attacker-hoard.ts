/** What no resource limit of one process bounds, by native calls; where Node makes none for us, it throws. */

type Native = Record<string, (...args: (bigint | number | Buffer)[]) => bigint | number>;

const [PROT_READ, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS] = [1, 3, 0x22];
const FAILED = 0xffff_ffff_ffff_ffffn;
const CHUNK = 64n << 20n;
/** Far beyond every limit, and not so much that a machine without the watch would suffer. */
const CHUNKS = 32;
const THREADS = 1_000;
const SMALLEST_STACK = 16_384n;

async function libc(): Promise<Native> {
  const { dlopen } = await import('node:ffi');
  const { functions } = dlopen('libc.so.6', {
    mmap: { arguments: ['u64', 'u64', 'i32', 'i32', 'i32', 'i64'], return: 'u64' },
    memset: { arguments: ['u64', 'i32', 'u64'], return: 'u64' },
    mprotect: { arguments: ['u64', 'u64', 'i32'], return: 'i32' },
    dlsym: { arguments: ['u64', 'pointer'], return: 'u64' },
    pthread_attr_init: { arguments: ['pointer'], return: 'i32' },
    pthread_attr_setstacksize: { arguments: ['pointer', 'u64'], return: 'i32' },
    pthread_create: { arguments: ['pointer', 'pointer', 'u64', 'u64'], return: 'i32' },
  });
  return functions as Native;
}

/** Fills memory and makes it read-only: RLIMIT_DATA counts it no more. */
export async function hoardMemory(): Promise<number> {
  const c = await libc();
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const at = c.mmap?.(0n, CHUNK, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0n) ?? FAILED;
    if (at === FAILED) throw new Error('refused');
    c.memset?.(at, 1, CHUNK);
    c.mprotect?.(at, CHUNK, PROT_READ);
  }
  return rest();
}

/** Each waits for a signal that never comes. */
export async function hoardThreads(): Promise<number> {
  const c = await libc();
  const attributes = Buffer.alloc(128);
  c.pthread_attr_init?.(attributes);
  c.pthread_attr_setstacksize?.(attributes, SMALLEST_STACK);
  const pause = c.dlsym?.(0n, Buffer.from('pause\0')) ?? 0n;
  for (let thread = 0; thread < THREADS; thread++)
    if (c.pthread_create?.(Buffer.alloc(8), attributes, pause, 0n) !== 0) throw new Error('refused');
  return rest();
}

/** Longer than any watch takes to look; only one that does not look lets it answer. */
const rest = (): Promise<number> => new Promise((resolve) => setTimeout(() => resolve(0), 5_000));
