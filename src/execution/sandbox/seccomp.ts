/**
 * Seccomp filters, assembled here as classic BPF, with no library. A deny list with default allow: Node needs
 * too many calls for an allow list to survive its updates, and files and processes are bounded by namespaces or
 * Landlock besides. What is newer than our table is refused.
 */
import { type Arch, ATTRIBUTES, AUDIT_ARCH, FIRST_UNKNOWN, GUARDED, NEVER, numberOf } from './syscalls.ts';

export type SeccompProfile = {
  /** `threads`: no new process at all. `fork`: processes, but no new namespaces. */
  processes: 'threads' | 'fork';
  /** `pairs`: connected AF_UNIX pairs, which Node's child processes use for their pipes; never `socket()`. */
  sockets: 'none' | 'pairs';
  /** Whom it may signal, where no PID namespace and no Landlock scope already decides. */
  signals: 'any' | 'none' | { onlyPid: number };
  /** `setsid` and `setpgid`: refused where the process group is what we kill. */
  newSessions: boolean;
  /** chmod, chown and their like. */
  attributes: boolean;
  /** Truncating by name or by O_TRUNC: refused where Landlock is too old to govern it (ABI below 3). */
  truncation: boolean;
};

/** An action inside bubblewrap: one process, and its namespaces decide what it may signal and touch. */
export const ACTION_IN_NAMESPACES: SeccompProfile = {
  processes: 'threads',
  sockets: 'none',
  signals: 'any',
  newSessions: true,
  attributes: true,
  truncation: true,
};

/** A job inside bubblewrap: shells and processes, everything else alike. */
export const JOB_IN_NAMESPACES: SeccompProfile = {
  ...ACTION_IN_NAMESPACES,
  processes: 'fork',
  sockets: 'pairs',
};

// linux/bpf_common.h: BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_JMP|JGE|K, BPF_JMP|JSET|K, BPF_RET|K
const LOAD = 0x20;
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

// struct seccomp_data: nr, arch, instruction pointer (8 bytes), six 64-bit arguments; low halves, little-endian
const NUMBER_AT = 0;
const ARCH_AT = 4;
const argumentAt = (index: number): number => 16 + index * 8;

/** x86-64's 32-bit-pointer calls share the architecture's name; a number with this bit is one. */
const X32_BIT = 0x40000000;
const CLONE_THREAD = 0x00010000;
/** Every CLONE_NEW* flag of clone() (mount, cgroup, UTS, IPC, user, PID, network). */
const CLONE_NEW_ANY = 0x7e020000;
const AF_UNIX = 1;
const O_TRUNC = 0o1000;
/** Terminal ioctls that type into the terminal of whoever started us. */
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, k: number];

const load = (offset: number): Instruction => [LOAD, 0, 0, offset];
const answer = (what: number): Instruction => [RETURN, 0, 0, what];
const refuse = (errno: number): Instruction => answer(ERRNO | errno);

/** If the loaded value equals `value`, what follows in `body` runs; otherwise it is skipped. */
function whenEqual(value: number, body: readonly Instruction[]): Instruction[] {
  return [[IF_EQUAL, 0, body.length, value], ...body];
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
    on('clone', [load(argumentAt(0)), [IF_ANY_BIT, 0, 1, CLONE_NEW_ANY], refuse(EPERM), answer(ALLOW)]);
  }

  on('socket', [refuse(EPERM)]);
  if (profile.sockets === 'none') on('socketpair', [refuse(EPERM)]);
  else on('socketpair', [load(argumentAt(0)), [IF_EQUAL, 1, 0, AF_UNIX], refuse(EPERM), answer(ALLOW)]);

  // Only one's own limits: 0 stands for the caller.
  on('prlimit64', [load(argumentAt(0)), [IF_EQUAL, 1, 0, 0], refuse(EPERM), answer(ALLOW)]);
  on('ioctl', [
    load(argumentAt(1)),
    [IF_EQUAL, 1, 0, TIOCSTI],
    [IF_EQUAL, 0, 1, TIOCLINUX],
    refuse(EPERM),
    answer(ALLOW),
  ]);

  if (profile.signals !== 'any') {
    on('tkill', [refuse(EPERM)]);
    on('rt_sigqueueinfo', [refuse(EPERM)]);
    on('rt_tgsigqueueinfo', [refuse(EPERM)]);
    const own = profile.signals === 'none' ? null : profile.signals.onlyPid;
    for (const name of ['kill', 'tgkill'] as const) {
      on(
        name,
        own === null
          ? [refuse(EPERM)]
          : [load(argumentAt(0)), [IF_EQUAL, 1, 0, own], refuse(EPERM), answer(ALLOW)],
      );
    }
  }
  if (!profile.newSessions) {
    on('setsid', [refuse(EPERM)]);
    on('setpgid', [refuse(EPERM)]);
  }
  if (!profile.truncation) {
    const unlessTruncating = (flags: number): Instruction[] => [
      load(argumentAt(flags)),
      [IF_ANY_BIT, 0, 1, O_TRUNC],
      refuse(EPERM),
      answer(ALLOW),
    ];
    on('truncate', [refuse(EPERM)]);
    on('creat', [refuse(EPERM)]);
    on('open', unlessTruncating(1));
    on('openat', unlessTruncating(2));
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
