/**
 * Becomes another program of ours under what a container's default profile leaves: no new privileges, and the filter.
 * Arguments: the program and its own. Run it without capabilities, as the recipes do.
 */
import ffi from 'node:ffi';
import { supportedArch } from '../../../src/execution/sandbox/seccomp.ts';
import { containerFilter } from './container-filter.ts';

const arch = supportedArch(process.arch);
const SYS = arch === 'x64' ? { prctl: 157n, seccomp: 317n } : { prctl: 167n, seccomp: 277n };
const PR_SET_NO_NEW_PRIVS = 38n;
const SET_MODE_FILTER = 1n;

const { functions } = ffi.dlopen('libc.so.6', {
  syscall: { arguments: ['i64', 'i64', 'i64', 'i64', 'i64', 'i64'], return: 'i64' },
});
const { syscall } = functions as { syscall: (...args: bigint[]) => bigint };

const filter = containerFilter(arch);
const program = Buffer.alloc(16);
program.writeUInt16LE(filter.length / 8, 0);
program.writeBigUInt64LE(BigInt(ffi.getRawPointer(filter)), 8);
if (syscall(SYS.prctl, PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n) < 0n) throw new Error('no_new_privs was refused');
if (syscall(SYS.seccomp, SET_MODE_FILTER, 0n, BigInt(ffi.getRawPointer(program)), 0n, 0n) < 0n)
  throw new Error('the filter was refused');
// Both bind this thread alone; what follows has no other.
process.execve?.(process.execPath, [process.execPath, ...process.argv.slice(2)]);
