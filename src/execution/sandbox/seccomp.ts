/**
 * Seccomp filters, assembled here as classic BPF, with no library. A deny list with default allow: Node needs
 * too many calls for an allow list to survive its updates, and files and processes are bounded by namespaces or
 * Landlock besides. What is newer than our table is refused.
 */
import { type Arch, ATTRIBUTES, AUDIT_ARCH, FIRST_UNKNOWN, GUARDED, NEVER, numberOf } from './syscalls.ts';

export type SeccompProfile = {
  /** `threads`: no new process at all. `fork`: processes, but no new namespaces. */
  processes: 'threads' | 'fork';
  /** `pairs`: connected AF_UNIX streams, which Node's child processes use for their pipes; never `socket()`. */
  sockets: 'none' | 'pairs';
  /** Whom it may signal, itself or by the kernel's hand, where no PID namespace and no Landlock scope already decides. */
  signals: 'any' | 'none' | { onlyPid: number };
  /** `setsid` and `setpgid`, refused where the process group is what we kill; and outliving us, where no namespace ends all. */
  newSessions: boolean;
  /** inotify: refused where folders outside can be named, as Landlock does not govern it. */
  watching: boolean;
  /** chmod, chown and their like. */
  attributes: boolean;
  /** Memory without a file that RLIMIT_DATA does not count: what is shared, and what grows downwards as a stack does. */
  uncountedMemory: boolean;
  /** Truncating by name or by O_TRUNC: refused where Landlock is too old to govern it (ABI below 3). */
  truncation: boolean;
};

/** An action inside bubblewrap: one process, and its namespaces decide what it may signal and touch. */
export const ACTION_IN_NAMESPACES: SeccompProfile = {
  processes: 'threads',
  sockets: 'none',
  signals: 'any',
  newSessions: true,
  watching: true,
  attributes: true,
  uncountedMemory: false,
  truncation: true,
};

/** A job inside bubblewrap: shells and processes, everything else alike. */
export const JOB_IN_NAMESPACES: SeccompProfile = {
  ...ACTION_IN_NAMESPACES,
  processes: 'fork',
  sockets: 'pairs',
  uncountedMemory: true,
};

// linux/bpf_common.h: BPF_LD|W|ABS, BPF_ALU|AND|K, BPF_JMP|JEQ|K, BPF_JMP|JGE|K, BPF_JMP|JSET|K, BPF_RET|K
const LOAD = 0x20;
const AND = 0x54;
const IF_EQUAL = 0x15;
const IF_AT_LEAST = 0x35;
const IF_ANY_BIT = 0x45;
const RETURN = 0x06;

// linux/seccomp.h
const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const ERRNO = 0x00050000;
const EPERM = 1;
const ENOSYS = 38;

// struct seccomp_data: nr, arch, instruction pointer (8 bytes), six 64-bit arguments; low halves, little-endian. The kernel
// takes ids, flags and commands from the low half alone, so that only pointers are compared with their high half too.
const NUMBER_AT = 0;
const ARCH_AT = 4;
const argumentAt = (index: number): number => 16 + index * 8;
const highHalfAt = (index: number): number => argumentAt(index) + 4;

/** x86-64's 32-bit-pointer calls share the architecture's name; a number with this bit is one. */
const X32_BIT = 0x40000000;
const CLONE_THREAD = 0x00010000;
/** Every CLONE_NEW* flag of clone() (mount, cgroup, UTS, IPC, user, PID, network). */
const CLONE_NEW_ANY = 0x7e020000;
/** Makes a brother instead of a child: ours then, whom nobody waits for. */
const CLONE_PARENT = 0x00008000;
const AF_UNIX = 1;
/** Connected for good. A pair of datagrams can be pointed at any socket's path, which Landlock does not govern. */
const SOCK_STREAM = 1;
/** What of a socket's type is not its flags. */
const SOCK_TYPE_MASK = 0xf;
const O_TRUNC = 0o1000;
/** asm-generic/mman-common.h; MAP_SHARED_VALIDATE has MAP_SHARED's bit too, and nothing private has. */
const MAP_SHARED = 0x01;
const MAP_ANONYMOUS = 0x20;
const MAP_GROWSDOWN = 0x0100;
/** Terminal ioctls that type into the terminal of whoever started us. */
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
/** Whom the kernel signals, and how, when a descriptor is ready: fcntl's F_SETOWN, F_SETSIG, F_SETOWN_EX, and two ioctls. */
const SIGNALLING_COMMANDS = [8, 10, 15];
const SIGNALLING_IOCTLS = [0x8901, 0x8902];
/** What is sent to us when our parent ends. */
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, k: number];

const load = (offset: number): Instruction => [LOAD, 0, 0, offset];
const answer = (what: number): Instruction => [RETURN, 0, 0, what];
const refuse = (errno: number): Instruction => answer(ERRNO | errno);

/** If the loaded value equals `value`, what follows in `body` runs; otherwise it is skipped. */
function whenEqual(value: number, body: readonly Instruction[]): Instruction[] {
  return [[IF_EQUAL, 0, body.length, value], ...body];
}

/** Passes where the argument is `value`. */
function only(index: number, value: number): Instruction[] {
  return [load(argumentAt(index)), [IF_EQUAL, 1, 0, value], refuse(EPERM), answer(ALLOW)];
}

/** Passes where the argument is none of `values`. */
function noneOf(index: number, values: readonly number[]): Instruction[] {
  const compared = values.map((value, at): Instruction => [IF_EQUAL, values.length - at, 0, value]);
  return [load(argumentAt(index)), ...compared, answer(ALLOW), refuse(EPERM)];
}

/** Passes where the argument has none of `bits`. */
function without(index: number, bits: number): Instruction[] {
  return [load(argumentAt(index)), [IF_ANY_BIT, 0, 1, bits], refuse(EPERM), answer(ALLOW)];
}

/** @throws RangeError on an architecture without a table: there, no filter is better known than made up. */
export function supportedArch(arch: string): Arch {
  if (arch === 'x64' || arch === 'arm64') return arch;
  throw new RangeError(`No system call table for ${arch}.`);
}

/** The filter as `struct sock_filter[]`, for `bwrap --seccomp` or `SECCOMP_SET_MODE_FILTER`. */
export function seccompFilter(profile: SeccompProfile, arch: Arch): Buffer {
  const program: Instruction[] = [
    load(ARCH_AT),
    [IF_EQUAL, 1, 0, AUDIT_ARCH[arch]],
    answer(KILL_PROCESS),
    load(NUMBER_AT),
    ...(arch === 'x64' ? [[IF_AT_LEAST, 0, 1, X32_BIT] as const, answer(KILL_PROCESS)] : []),
    [IF_AT_LEAST, 0, 1, FIRST_UNKNOWN],
    refuse(ENOSYS),
  ];
  const on = (name: keyof typeof GUARDED, body: readonly Instruction[]): void => {
    const number = numberOf(GUARDED[name], arch);
    if (number !== null) program.push(...whenEqual(number, body));
  };

  for (const numbers of Object.values(NEVER)) denyAll(numbers);
  if (!profile.attributes) for (const numbers of Object.values(ATTRIBUTES)) denyAll(numbers);

  // glibc falls back from clone3, whose flags lie behind a pointer that no filter can read, to clone.
  on('clone3', [refuse(ENOSYS)]);
  if (profile.processes === 'threads') {
    on('fork', [refuse(EPERM)]);
    on('vfork', [refuse(EPERM)]);
    on('clone', [load(argumentAt(0)), [IF_ANY_BIT, 1, 0, CLONE_THREAD], refuse(EPERM), answer(ALLOW)]);
  } else {
    on('clone', without(0, CLONE_NEW_ANY | CLONE_PARENT));
  }

  on('socket', [refuse(EPERM)]);
  if (profile.sockets === 'none') on('socketpair', [refuse(EPERM)]);
  else {
    on('socketpair', [
      load(argumentAt(0)),
      [IF_EQUAL, 1, 0, AF_UNIX],
      refuse(EPERM),
      load(argumentAt(1)),
      [AND, 0, 0, SOCK_TYPE_MASK],
      [IF_EQUAL, 1, 0, SOCK_STREAM],
      refuse(EPERM),
      answer(ALLOW),
    ]);
  }
  // What is connected needs no address, neither its own nor another's.
  on('connect', [refuse(EPERM)]);
  on('bind', [refuse(EPERM)]);
  on('sendto', [load(highHalfAt(4)), [IF_EQUAL, 1, 0, 0], refuse(EPERM), ...only(4, 0)]);

  // Only one's own limits: 0 stands for the caller.
  on('prlimit64', only(0, 0));

  on('ioctl', noneOf(1, [TIOCSTI, TIOCLINUX, ...(profile.signals === 'any' ? [] : SIGNALLING_IOCTLS)]));
  if (profile.signals !== 'any') {
    on('fcntl', noneOf(1, SIGNALLING_COMMANDS));
    on('tkill', [refuse(EPERM)]);
    on('rt_sigqueueinfo', [refuse(EPERM)]);
    on('rt_tgsigqueueinfo', [refuse(EPERM)]);
    const own = profile.signals === 'none' ? null : profile.signals.onlyPid;
    for (const name of ['kill', 'tgkill'] as const) on(name, own === null ? [refuse(EPERM)] : only(0, own));
  }
  if (!profile.newSessions) {
    on('setsid', [refuse(EPERM)]);
    on('setpgid', [refuse(EPERM)]);
    on('prctl', [
      load(argumentAt(0)),
      [IF_EQUAL, 1, 0, PR_SET_PDEATHSIG],
      answer(ALLOW),
      ...only(1, SIGKILL),
    ]);
  }
  if (!profile.watching) {
    on('inotify_init', [refuse(EPERM)]);
    on('inotify_init1', [refuse(EPERM)]);
    on('inotify_add_watch', [refuse(EPERM)]);
  }
  if (!profile.uncountedMemory) {
    on('mmap', [
      load(argumentAt(3)),
      [IF_ANY_BIT, 0, 1, MAP_GROWSDOWN],
      refuse(EPERM),
      [IF_ANY_BIT, 1, 0, MAP_ANONYMOUS],
      answer(ALLOW),
      ...without(3, MAP_SHARED),
    ]);
  }
  if (!profile.truncation) {
    on('truncate', [refuse(EPERM)]);
    on('creat', [refuse(EPERM)]);
    on('open', without(1, O_TRUNC));
    on('openat', without(2, O_TRUNC));
    on('openat2', [refuse(ENOSYS)]);
  }
  program.push(answer(ALLOW));
  return encode(program);

  function denyAll(numbers: readonly [number | null, number | null]): void {
    const number = numberOf(numbers, arch);
    if (number !== null) program.push(...whenEqual(number, [refuse(EPERM)]));
  }
}

/** `struct sock_filter`: 16-bit code, two 8-bit jumps, 32-bit k. */
function encode(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code, ifTrue, ifFalse, k], index) => {
    const at = index * 8;
    bytes.writeUInt16LE(code, at);
    bytes.writeUInt8(ifTrue, at + 2);
    bytes.writeUInt8(ifFalse, at + 3);
    bytes.writeUInt32LE(k >>> 0, at + 4);
  });
  return bytes;
}
