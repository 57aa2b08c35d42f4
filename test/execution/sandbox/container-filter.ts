/**
 * What Docker's default seccomp profile refuses to a container without capabilities, of what matters to a sandbox: a
 * filter of ours, written after moby's `profiles/seccomp/default_linux.go` (github.com/moby/moby), which containerd's
 * `RuntimeDefault` follows. That profile is an allow list; this is its other side, for calls that our sandboxes, or those
 * who would break out of them, make. Landlock and seccomp itself are allowed there, and so here.
 */
import { type Arch, AUDIT_ARCH, GUARDED, NEVER, numberOf } from '../../../src/execution/sandbox/syscalls.ts';

/** Of what our own filters never allow, Docker's profile allows these. */
const ALLOWED = new Set<string>([
  'ptrace',
  'process_vm_readv',
  'process_vm_writev',
  'process_mrelease',
  'pidfd_open',
  'memfd_create',
  'memfd_secret',
  'execveat',
  'name_to_handle_at',
]);

const LOAD = 0x20;
const IF_EQUAL = 0x15;
const IF_ANY_BIT = 0x45;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const NUMBER_AT = 0;
const ARCH_AT = 4;
const FIRST_ARGUMENT_AT = 16;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET: the mask of the profile's own rule. */
const NAMESPACES = 0x7e020000;
const AF_VSOCK = 40;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, k: number];

export function containerFilter(arch: Arch): Buffer {
  const program: Instruction[] = [
    [LOAD, 0, 0, ARCH_AT],
    [IF_EQUAL, 1, 0, AUDIT_ARCH[arch]],
    [RETURN, 0, 0, EPERM],
    [LOAD, 0, 0, NUMBER_AT],
  ];
  const on = (number: number | null, ...body: Instruction[]): void => {
    if (number !== null) program.push([IF_EQUAL, 0, body.length, number], ...body);
  };
  for (const [name, numbers] of Object.entries(NEVER))
    if (!ALLOWED.has(name)) on(numberOf(numbers, arch), [RETURN, 0, 0, EPERM]);
  on(numberOf(GUARDED.clone3, arch), [RETURN, 0, 0, ENOSYS]);
  on(
    numberOf(GUARDED.clone, arch),
    [LOAD, 0, 0, FIRST_ARGUMENT_AT],
    [IF_ANY_BIT, 0, 1, NAMESPACES],
    [RETURN, 0, 0, EPERM],
    [RETURN, 0, 0, ALLOW],
  );
  on(
    numberOf(GUARDED.socket, arch),
    [LOAD, 0, 0, FIRST_ARGUMENT_AT],
    [IF_EQUAL, 0, 1, AF_VSOCK],
    [RETURN, 0, 0, EPERM],
    [RETURN, 0, 0, ALLOW],
  );
  program.push([RETURN, 0, 0, ALLOW]);
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, [code, ifTrue, ifFalse, k]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(ifTrue, index * 8 + 2);
    bytes.writeUInt8(ifFalse, index * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4);
  }
  return bytes;
}
