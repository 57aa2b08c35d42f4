/** How a run ended, in our words; what the sandboxed code said of it goes to operators only. */
import { constants } from 'node:os';
import type { Json } from '../../model/request.ts';

export type FailureCode =
  | 'timeout'
  | 'out_of_memory'
  | 'thread_limit'
  | 'output_limit'
  | 'crashed'
  | 'killed'
  | 'bad_answer'
  | 'threw'
  | 'isolation_too_low';

const MESSAGES: Record<FailureCode, string> = {
  timeout: 'It took longer than it may, and was stopped.',
  out_of_memory: 'It needed more memory than it may use, and was stopped.',
  thread_limit: 'It started more threads than it may, and was stopped.',
  output_limit: 'It printed more than it may, and was stopped.',
  crashed: 'It ended before it had answered.',
  killed: 'It was stopped from outside.',
  bad_answer: 'Its answer was not of the agreed form.',
  threw: 'It ended with an error.',
  isolation_too_low: 'This machine no longer isolates it as well as it must be. Operators have been told.',
};

export const FAILURE_CODES: readonly string[] = Object.keys(MESSAGES);

export type Durations = {
  /** From start to the end of the process. */
  wallMs: number;
  /** Until the first byte came out; null if none did. */
  firstByteMs: number | null;
};

export type SandboxOutcome =
  | { kind: 'answered'; value: Json; durations: Durations }
  | {
      kind: 'failed';
      code: FailureCode;
      message: string;
      /** For operators: bounded, untrusted, never shown to people or the model. */
      detail: string;
      durations: Durations;
    };

export function failed(
  code: FailureCode,
  detail: string,
  durations: Durations,
): SandboxOutcome & { kind: 'failed' } {
  return { kind: 'failed', code, message: MESSAGES[code], detail, durations };
}

/** It never began, for want of something that the machine will have again; `crashed`, as it too ended before it had answered. */
export function notStarted(error: Error, durations: Durations): SandboxOutcome {
  return {
    ...failed('crashed', error.message, durations),
    message: 'This machine is too busy to start it now. Please try again in a moment.',
  };
}

/** Why we ended it ourselves, if we did. */
export type Stop = 'timeout' | 'out_of_memory' | 'thread_limit' | 'output_limit' | 'killed' | 'bad_answer';

export type Exit = { code: number | null; signal: NodeJS.Signals | null };

// A shell's and bubblewrap's way of passing a signal on: 128 and its number.
const BY_SIGNAL = 128;
const { SIGTRAP, SIGABRT, SIGKILL, SIGXCPU } = constants.signals;

/** V8's last words when memory is gone. */
const OUT_OF_MEMORY = /out of memory|Allocation failed|Failed to reserve virtual memory|bad_alloc/i;

/** What an end without an answer means. `cpuSpent`: it ran at least as long as its processor time. */
export function readExit(exit: Exit, stderr: string, cpuSpent: boolean): FailureCode {
  const signal = exit.signal ? constants.signals[exit.signal] : (exit.code ?? 0) - BY_SIGNAL;
  if (signal === SIGXCPU || (signal === SIGKILL && cpuSpent)) return 'timeout';
  if ((signal === SIGABRT || signal === SIGTRAP) && OUT_OF_MEMORY.test(stderr)) return 'out_of_memory';
  if (signal === SIGKILL) return 'killed';
  return 'crashed';
}
