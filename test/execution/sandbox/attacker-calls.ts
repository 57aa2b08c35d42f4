/** Ways out by bare system calls, where Node lets a program make them; x86-64 only. */

import { constants } from 'node:os';

/** Any family there ever was, and a few more. */
const FAMILIES = 64;
const SYS = {
  write: 1,
  close: 3,
  mmap: 9,
  socket: 41,
  socketpair: 53,
  clone: 56,
  fork: 57,
  exit: 60,
  kill: 62,
  fcntl: 72,
  pipe2: 293,
} as const;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_SEQPACKET = 5;

const CLONE_PARENT = 0x8000;
const SIGCHLD = 17;
const [F_SETFL, F_SETOWN, F_SETSIG, F_SETOWN_EX] = [4, 8, 10, 15];
const O_ASYNC = 0o20000;

const [PROT_READ_WRITE, MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS, MAP_GROWSDOWN] = [3, 1, 2, 0x20, 0x100];

/** Buffers stand for pointers to their bytes. */
type Syscall = (...args: (number | Buffer)[]) => number;

/** Numbers and arguments that are harmless where they succeed. */
const CALLS: Record<string, (call: Syscall, parentPid: number) => boolean> = {
  'socket AF_UNIX': (call) => opens(call, 1, SOCK_STREAM),
  'socket AF_INET': (call) => opens(call, 2, SOCK_STREAM),
  'socket AF_INET6': (call) => opens(call, 10, SOCK_DGRAM),
  'socket AF_NETLINK': (call) => opens(call, 16, SOCK_RAW),
  'socket AF_VSOCK': (call) => opens(call, 40, SOCK_STREAM),
  'socket of any family': (call) =>
    Array.from({ length: FAMILIES }, (_, family) =>
      [SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET].some((type) => opens(call, family, type)),
    ).some((open) => open),
  'memory of its own that is shared': (call) => maps(call, MAP_SHARED | MAP_ANONYMOUS),
  'memory that grows down': (call) => maps(call, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN),
  'pair of datagrams': (call) =>
    [SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET].some(
      (type) => call(SYS.socketpair, 1, type, 0, Buffer.alloc(8)) === 0,
    ),
  'fork by a call': (call) => forks(call, SYS.fork),
  'fork a brother': (call) => forks(call, SYS.clone, CLONE_PARENT | SIGCHLD),
  'signal everybody by a call': (call) => call(SYS.kill, -1, 0) === 0,
  'signal by a descriptor': signalsByDescriptor,
  // Nothing to read, so nobody is asked whether it may be: only the call itself can be refused.
  process_vm_readv: (call, parentPid) => call(310, parentPid, 0, 0, 0, 0, 0) === 0,
  'limits of the parent': (call, parentPid) => call(302, parentPid, 7, 0, 0) === 0,
  // No namespace is asked for: again only the call itself can be refused.
  unshare: (call) => call(272, 0) === 0,
  userfaultfd: (call) => call(323, 1) >= 0,
  keyctl: (call) => call(250, 0, -3, 0) >= 0,
  'shared memory': (call) => call(29, 0, 4096, 0o1600) >= 0,
  memfd: (call) => call(319, Buffer.from('attack\0'), 0) >= 0,
  io_uring: (call) => call(425, 1, Buffer.alloc(120)) >= 0,
  // An array of one element.
  bpf: (call) => call(321, 0, Buffer.from(Int32Array.of(2, 4, 4, 1).buffer), 16) >= 0,
  // The time that this process itself takes, without the kernel's.
  perf: (call) => call(298, perfAttribute(), 0, -1, -1, 0) >= 0,
  'descriptor of the parent': (call, parentPid) => call(438, call(434, parentPid, 0), 0, 0) >= 0,
  // The last: who is traced stops at its next signal.
  ptrace: (call) => call(101, 0) === 0,
};

/** `struct perf_event_attr` in its first version: PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK, exclude_kernel. */
function perfAttribute(): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32LE(1, 0);
  bytes.writeUInt32LE(bytes.length, 4);
  bytes.writeBigUInt64LE(1n, 8);
  bytes.writeBigUInt64LE(1n << 5n, 40);
  return bytes;
}

/** Only whoever would be signalled can tell whether it was. */
function signalsByDescriptor(call: Syscall, parentPid: number): boolean {
  const owner = Buffer.alloc(8);
  owner.writeInt32LE(1, 0);
  owner.writeInt32LE(parentPid, 4);
  for (const command of [F_SETOWN, F_SETOWN_EX]) {
    const ends = Buffer.alloc(8);
    if (call(SYS.pipe2, ends, 0) < 0) continue;
    const [reading, writing] = [ends.readInt32LE(0), ends.readInt32LE(4)];
    call(SYS.fcntl, reading, command, command === F_SETOWN ? parentPid : owner);
    call(SYS.fcntl, reading, F_SETSIG, constants.signals.SIGUSR2);
    call(SYS.fcntl, reading, F_SETFL, O_ASYNC);
    call(SYS.write, writing, Buffer.from('x'), 1);
  }
  return false;
}

/** One page, which is not even touched. */
const maps = (call: Syscall, flags: number): boolean =>
  call(SYS.mmap, 0, 4096, PROT_READ_WRITE, flags, -1, 0) > 0;

function opens(call: Syscall, family: number, type: number): boolean {
  const descriptor = call(SYS.socket, family, type, 0);
  if (descriptor >= 0) call(SYS.close, descriptor);
  return descriptor >= 0;
}

/** The child has one thread and no business: it ends before it does anything. */
function forks(call: Syscall, ...how: number[]): boolean {
  const pid = call(...how);
  if (pid === 0) call(SYS.exit, 0);
  return pid >= 0;
}

/** `native calls` says whether Node lets any be made; the others are tried only then. */
export async function byCall(parentPid: number): Promise<Record<string, string>> {
  const ffi = await import('node:ffi').catch(() => null);
  if (ffi === null || process.arch !== 'x64') return {};
  try {
    const { functions } = ffi.dlopen('libc.so.6', {
      syscall: { arguments: ['i64', 'i64', 'i64', 'i64', 'i64', 'i64', 'i64'], return: 'i64' },
    });
    const { syscall } = functions as { syscall: (...args: bigint[]) => bigint };
    const plain = (arg: number | Buffer = 0): bigint =>
      BigInt(typeof arg === 'number' ? arg : ffi.getRawPointer(arg));
    const call: Syscall = (...args) =>
      Number(syscall(...Array.from({ length: 7 }, (_, index) => plain(args[index]))));
    const results: Record<string, string> = { 'native calls': 'open' };
    for (const [name, attempt] of Object.entries(CALLS))
      results[name] = attempt(call, parentPid) ? 'open' : 'refused';
    return results;
  } catch {
    return { 'native calls': 'refused' };
  }
}
