/** What the attack suite tries, in the words of the table. Each name is one of the attacker's own. */

/** `thrown`: what its own error means. */
type Use = {
  use: string;
  limits?: { cpuSeconds?: number; wallMs?: number };
  thrown?: string;
  /** By native calls: at the kernel levels it is tried without Node's permissions. */
  native?: true;
};

export type Row = {
  what: string;
  /** One of the ways out, or one of the ways to use too much. */
  try: { way: string } | Use;
  /** What a machine's settings decide where no kernel wall stands; there the answer may be another. */
  varies?: true;
};

const way = (what: string, name: string, varies?: true): Row => ({
  what,
  try: { way: name },
  ...(varies ? { varies } : {}),
});
const use = (what: string, name: string, more: Omit<Use, 'use'> = {}): Row => ({
  what,
  try: { use: name, ...more },
});

export const GROUPS: Record<string, readonly Row[]> = {
  Files: [
    way('read a file outside', 'read canary'),
    way('read `/etc/passwd`', 'read /etc/passwd'),
    way('list a folder', 'list folder'),
    way('watch a folder (`inotify`)', 'watch folder'),
    way('make a file', 'write file'),
    way('make a file by `node:sqlite`', 'write by sqlite'),
    way('append to a file', 'append to canary'),
    way('empty a file', 'truncate canary'),
    way("change a file's mode", 'change mode of canary'),
    way("change a file's times", 'change times of canary'),
    way('remove a file', 'remove canary link'),
    way('make a link', 'make a link'),
  ],
  'Environment and descriptors': [
    way('have the environment of the assistant', 'inherited environment'),
    way('have a descriptor that the assistant inherited', 'inherited descriptor'),
  ],
  '`/proc` and other processes': [
    way('list processes', 'list processes'),
    way("read the parent's environment", 'read parent environ', true),
    way("open the parent's memory", 'read parent memory', true),
    way("read the parent's memory by a call", 'process_vm_readv', true),
    way("read the parent's limits by a call", 'limits of the parent', true),
    way('signal the parent', 'signal parent'),
    way('signal everybody', 'signal everybody'),
    way('signal everybody by a call', 'signal everybody by a call'),
    way('have the kernel signal the parent (`F_SETOWN`)', 'signal by a descriptor'),
    way('trace, or be traced (`ptrace`)', 'ptrace', true),
    way('take a descriptor of the parent (`pidfd_getfd`)', 'descriptor of the parent', true),
    way('slow the parent down', 'renice parent', true),
  ],
  'Network and sockets': [
    way('connect by TCP', 'tcp'),
    way('listen on TCP', 'listen'),
    way('send by UDP', 'udp'),
    way('connect to a unix socket', 'unix socket'),
    way('connect to an abstract unix socket', 'abstract socket'),
    way('make an AF_UNIX socket by a call', 'socket AF_UNIX'),
    way('make an AF_INET socket by a call', 'socket AF_INET'),
    way('make an AF_INET6 socket by a call', 'socket AF_INET6', true),
    way('make an AF_NETLINK socket by a call', 'socket AF_NETLINK'),
    way('make an AF_VSOCK socket by a call', 'socket AF_VSOCK', true),
    way('make a pair of sockets that can be pointed elsewhere', 'pair of datagrams'),
    way('make a socket of any family, 0 to 63, by a call', 'socket of any family'),
  ],
  'New processes and threads': [
    way('start Node', 'spawn node'),
    way('start a shell', 'spawn shell'),
    way('fork by a call', 'fork by a call'),
    way('fork a child of the assistant (`CLONE_PARENT`)', 'fork a brother'),
    use('start a worker thread', 'worker', { thrown: 'refused (Node)' }),
    use('start fifty workers that never end', 'workers', { thrown: 'refused (Node)' }),
    use('start a thousand threads by native calls', 'threads', { thrown: 'refused (Node)', native: true }),
  ],
  'Around JavaScript': [
    way('make code from a string', 'code from a string'),
    way('load a native library (`process.dlopen`)', 'native addon'),
    way('make native calls (`node:ffi`)', 'native calls'),
    way('use `process.binding`', 'process.binding'),
  ],
  'Parts of the kernel': [
    way('change namespaces', 'unshare', true),
    way('handle page faults (`userfaultfd`)', 'userfaultfd', true),
    way("use the account's keyring", 'keyctl', true),
    way('make System V shared memory', 'shared memory'),
    way('make a file of memory alone (`memfd_create`)', 'memfd'),
    way('have calls made by a ring (`io_uring`)', 'io_uring', true),
    way('load programs into the kernel (`bpf`)', 'bpf', true),
    way('count what the machine does (`perf_event_open`)', 'perf', true),
  ],
  'Using too much': [
    use('memory: JavaScript objects', 'heap'),
    use('memory: `Buffer`', 'buffer'),
    use('memory: `WebAssembly.Memory`', 'wasm'),
    use('memory: `SharedArrayBuffer`', 'shared'),
    way('memory: shared without a file, by a call', 'memory of its own that is shared'),
    way('memory: growing downwards as a stack does, by a call', 'memory that grows down'),
    use('memory: made read-only once it is full, by native calls', 'read-only memory', {
      thrown: 'refused (Node)',
      native: true,
    }),
    use('processor time without end', 'loop', { limits: { cpuSeconds: 1 } }),
    use('sleep without end', 'sleep', { limits: { wallMs: 1_000 } }),
    use('print without end', 'print'),
    use('complain without end (stderr)', 'complain'),
    use('open a thousand files', 'descriptors', { thrown: 'stopped (descriptor limit)' }),
  ],
};
