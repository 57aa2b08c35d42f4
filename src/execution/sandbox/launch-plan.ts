/** What the parent tells the launcher of `kernel-lite`: plain data, as its one argument. */
import type { PathRule } from './landlock.ts';
import type { SeccompProfile } from './seccomp.ts';

export type LaunchPlan = {
  /** The program and its arguments, `argv[0]` included. */
  command: string[];
  paths: PathRule[];
  /** `self` for the launcher's own process id, known only there; truncation follows from Landlock's ABI. */
  calls: Omit<SeccompProfile, 'signals' | 'truncation'> & { signals: 'any' | 'none' | 'self' };
  /** Whether descriptor 3 is handed on. */
  door: boolean;
  /** As root: the account to become; null keeps it, without its capabilities. */
  uid: number | null;
  /** Whose end is ours too. */
  parent: number;
};
