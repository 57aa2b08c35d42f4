/** Ways out by bare system calls, where Node lets a program make them; x86-64 only. */

/** Any family there ever was, and a few more. */
const FAMILIES = 64;
const SYS = { close: 3, fork: 57, kill: 62, socket: 41, exit: 60 } as const;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_SEQPACKET = 5;

type Syscall = (...args: number[]) => number;

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
  'fork by a call': forks,
  'signal everybody by a call': (call) => call(SYS.kill, -1, 0) === 0,
  // Nothing to read, so nobody is asked whether it may be: only the call itself can be refused.
  process_vm_readv: (call, parentPid) => call(310, parentPid, 0, 0, 0, 0, 0) === 0,
  'limits of the parent': (call, parentPid) => call(302, parentPid, 7, 0, 0) === 0,
  // No namespace is asked for: again only the call itself can be refused.
  unshare: (call) => call(272, 0) === 0,
  userfaultfd: (call) => call(323, 1) >= 0,
  keyctl: (call) => call(250, 0, -3, 0) >= 0,
  'shared memory': (call) => call(29, 0, 4096, 0o1600) >= 0,
};

function opens(call: Syscall, family: number, type: number): boolean {
  const descriptor = call(SYS.socket, family, type, 0);
  if (descriptor >= 0) call(SYS.close, descriptor);
  return descriptor >= 0;
}

/** The child has one thread and no business: it ends before it does anything. */
function forks(call: Syscall): boolean {
  const pid = call(SYS.fork);
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
    const call: Syscall = (...args) =>
      Number(syscall(...Array.from({ length: 7 }, (_, index) => BigInt(args[index] ?? 0))));
    const results: Record<string, string> = { 'native calls': 'open' };
    for (const [name, attempt] of Object.entries(CALLS))
      results[name] = attempt(call, parentPid) ? 'open' : 'refused';
    return results;
  } catch {
    return { 'native calls': 'refused' };
  }
}
