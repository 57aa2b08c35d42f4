/** Which process is it, is it alive: a number alone is not an identity, since numbers are used again. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** How often the state of a process or a file is looked at while we wait. */
const LOOK_EVERY_MS = 20;

export type Liveness = 'alive' | 'zombie' | 'gone';

/** Fields of /proc/PID/stat after the name, which may itself hold spaces and brackets. */
function linuxStat(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    // No such process, or no /proc: the caller asks the kernel by signal.
    return null;
  }
}

/** A zombie has ended, but still counts as running for `kill(pid, 0)` and so for PostgreSQL. */
export function liveness(pid: number): Liveness {
  // 0 and below mean whole groups of processes to the kernel.
  if (!Number.isInteger(pid) || pid <= 0) return 'gone';
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'alive' : 'gone';
  }
  return linuxStat(pid)?.[0] === 'Z' ? 'zombie' : 'alive';
}

/** Distinguishes a process from a later one with the same number. Empty where the system does not tell. */
export function birthmark(pid: number): string {
  // proc(5): field 22, starttime, in clock ticks since boot; the state is field 3.
  const FIELD_AFTER_STATE = 19;
  return linuxStat(pid)?.[FIELD_AFTER_STATE] ?? '';
}

/** The command line of a process, or '' when it cannot be read. */
export function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux')
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    // It ended between two looks.
    return '';
  }
}

/** Waits until `done` answers true; false when `timeoutMs` passed before. */
export async function waitUntil(done: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!(await done())) {
    if (performance.now() > deadline) return false;
    await delay(LOOK_EVERY_MS);
  }
  return true;
}

/** Sends a signal; a process that is already gone is what we wanted. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
