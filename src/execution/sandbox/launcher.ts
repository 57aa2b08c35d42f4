/**
 * The launcher of `kernel-lite`: binds itself with Landlock and seccomp, then becomes the program it was asked
 * for. It runs as a process of its own, bundled to plain JavaScript, and needs neither privilege nor package.
 * Landlock and credentials bind the calling thread only; `execve` ends every other thread, so what follows is
 * bound as a whole. Whatever fails ends it before the program starts.
 */

import ffi from 'node:ffi';
import { closeSync, constants, openSync } from 'node:fs';
import { grantedRights, pathAttribute, rulesetAttribute } from './landlock.ts';
import type { LaunchPlan } from './launch-plan.ts';
import { seccompFilter, supportedArch } from './seccomp.ts';

/** What the parent looks for on stderr when the launcher itself failed. */
const EXIT_LAUNCHER_FAILED = 126;

const arch = supportedArch(process.arch);
const SYS =
  arch === 'x64'
    ? { prctl: 157, fcntl: 72, capset: 126, setgroups: 116, setresgid: 119, setresuid: 117, seccomp: 317 }
    : { prctl: 167, fcntl: 25, capset: 91, setgroups: 159, setresgid: 149, setresuid: 147, seccomp: 277 };
const LANDLOCK_CREATE_RULESET = 444;
const LANDLOCK_ADD_RULE = 445;
const LANDLOCK_RESTRICT_SELF = 446;
const CLOSE_RANGE = 436;

const PR_SET_PDEATHSIG = 1;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const SIGKILL = 9;
const F_SETFD = 2;
const CLOSE_RANGE_CLOEXEC = 4;
/** The door; everything above it stays behind. */
const DOOR = 3;
/** O_PATH: a handle to name a file by, without opening it. */
const O_PATH = 0o10000000;
/** _LINUX_CAPABILITY_VERSION_3 */
const CAPABILITY_VERSION = 0x20080522;
/** More capabilities than any kernel knows; the first unknown one ends the loop. */
const MAX_CAPABILITIES = 64;

const { functions } = ffi.dlopen('libc.so.6', {
  syscall: { arguments: ['i64', 'i64', 'i64', 'i64', 'i64', 'i64'], return: 'i64' },
});
const libc = functions as { syscall: (...args: bigint[]) => bigint };

function call(number: number, ...args: (number | bigint)[]): number {
  const padded = [...args, 0, 0, 0, 0, 0].slice(0, 5).map(BigInt);
  return Number(libc.syscall(BigInt(number), ...padded));
}

const addressOf = (bytes: Buffer): bigint => BigInt(ffi.getRawPointer(bytes));

function must(step: string, result: number): number {
  if (result < 0) fail(step);
  return result;
}

function fail(step: string): never {
  process.stderr.write(`launcher: ${step} was refused\n`);
  process.exit(EXIT_LAUNCHER_FAILED);
}

/** Root keeps its files' ownership but none of its powers, now or after `execve`. */
function dropCapabilities(): void {
  for (let capability = 0; capability < MAX_CAPABILITIES; capability++) {
    if (call(SYS.prctl, PR_CAPBSET_DROP, capability) < 0) break;
  }
  const header = Buffer.alloc(8);
  header.writeUInt32LE(CAPABILITY_VERSION, 0);
  const none = Buffer.alloc(24);
  must('capset', call(SYS.capset, addressOf(header), addressOf(none)));
}

function become(uid: number): void {
  must('setgroups', call(SYS.setgroups, 0, 0));
  must('setresgid', call(SYS.setresgid, uid, uid, uid));
  must('setresuid', call(SYS.setresuid, uid, uid, uid));
}

/** Dies with the parent. Set after the change of account, which clears it; a parent already gone is noticed. */
function dieWith(parent: number): void {
  must('PR_SET_PDEATHSIG', call(SYS.prctl, PR_SET_PDEATHSIG, SIGKILL));
  if (process.ppid !== parent) fail('the parent is gone, and going on');
}

function restrictFiles(plan: LaunchPlan, abi: number): void {
  const attribute = rulesetAttribute(abi);
  const ruleset = must(
    'landlock_create_ruleset',
    call(LANDLOCK_CREATE_RULESET, addressOf(attribute), attribute.length, 0),
  );
  for (const { path, use } of plan.paths) {
    const descriptor = openSync(path, constants.O_RDONLY | O_PATH);
    const rule = pathAttribute(grantedRights(use, abi), descriptor);
    const RULE_PATH_BENEATH = 1;
    must(
      `landlock_add_rule ${path}`,
      call(LANDLOCK_ADD_RULE, ruleset, RULE_PATH_BENEATH, addressOf(rule), 0),
    );
    closeSync(descriptor);
  }
  must('landlock_restrict_self', call(LANDLOCK_RESTRICT_SELF, ruleset, 0));
}

function restrictCalls(plan: LaunchPlan, abi: number): void {
  const filter = seccompFilter(
    {
      ...plan.calls,
      signals:
        plan.calls.signals === 'self' ? { onlyPid: process.pid } : abi >= 6 ? 'any' : plan.calls.signals,
      truncation: abi >= 3,
    },
    arch,
  );
  const program = Buffer.alloc(16);
  program.writeUInt16LE(filter.length / 8, 0);
  program.writeBigUInt64LE(addressOf(filter), 8);
  const SET_MODE_FILTER = 1;
  must('seccomp', call(SYS.seccomp, SET_MODE_FILTER, 0, addressOf(program)));
}

const plan = JSON.parse(process.argv[2] ?? '') as LaunchPlan;
const abi = call(LANDLOCK_CREATE_RULESET, 0, 0, 1);
if (abi < 1) fail('Landlock');
if (plan.uid !== null) become(plan.uid);
else if (process.getuid?.() === 0) dropCapabilities();
dieWith(plan.parent);
must('close_range', call(CLOSE_RANGE, DOOR, 0xffffffff, CLOSE_RANGE_CLOEXEC));
must('PR_SET_NO_NEW_PRIVS', call(SYS.prctl, PR_SET_NO_NEW_PRIVS, 1));
restrictFiles(plan, abi);
if (plan.door) must('fcntl', call(SYS.fcntl, DOOR, F_SETFD, 0));
restrictCalls(plan, abi);
const [program] = plan.command;
if (program === undefined) fail('an empty command');
process.execve?.(program, plan.command);
