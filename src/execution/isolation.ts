/**
 * The isolation level in force. It was established at start by the self-attack, and is again at intervals: a machine
 * changes under a process that runs for months (a package removed, a kernel's switch, a container's profile).
 */
import { AppError } from '../errors.ts';
import type { IsolationLevel } from '../model/request.ts';
import { isEnough } from './levels.ts';
import { failed, type SandboxOutcome } from './sandbox/outcome.ts';
import type { Established } from './sandbox/probe.ts';
import type { Sandbox, SandboxRun } from './sandbox/sandbox.ts';

export type IsolationChange = {
  kind: 'fell' | 'rose';
  from: IsolationLevel;
  to: IsolationLevel;
  /** What did not hold, for operators. */
  failures: string[];
};

export type Isolation = {
  /** What launches now are made at. */
  now(): IsolationLevel;
  /** Whether it is the best that this process has seen. */
  isAtItsBest(): boolean;
  /** Attacks again. What it found is in force before this answers; null where nothing changed or `signal` ended it. */
  look(signal: AbortSignal): Promise<IsolationChange | null>;
};

type Found = Pick<Established, 'level' | 'attempts'>;

/** A way that was open is believed at once. An attack that came to no end may have met a busy moment: it deserves another go. */
const isDoubtful = ({ level, attempts }: Found, expected: IsolationLevel): boolean =>
  !isEnough(level, expected) && attempts.every(({ held, unfinished }) => held || unfinished);

/** What the attack at the start finds; where it comes to no end below what everything needs at least, what the next one finds. */
export async function foundAtStart(
  attack: () => Promise<Established>,
  least: IsolationLevel,
): Promise<Established> {
  const found = await attack();
  return isDoubtful(found, least) ? attack() : found;
}

/** `attack` that cannot be made shows nothing, and what is not shown does not hold: the level is `none` then. */
export function createIsolation(
  first: IsolationLevel,
  attack: (signal: AbortSignal) => Promise<Established>,
): Isolation {
  let now = first;
  let best = first;

  async function once(signal: AbortSignal): Promise<Found> {
    try {
      return await attack(signal);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const failures = [`the self-attack could not be made: ${why}`];
      return { level: 'none', attempts: [{ level: 'none', held: false, failures, unfinished: true }] };
    }
  }

  async function established(signal: AbortSignal): Promise<Found> {
    const found = await once(signal);
    return isDoubtful(found, now) && !signal.aborted ? once(signal) : found;
  }

  return {
    now: () => now,
    isAtItsBest: () => isEnough(now, best),
    async look(signal) {
      const { level, attempts } = await established(signal);
      if (signal.aborted || level === now) return null;
      const from = now;
      now = level;
      if (isEnough(now, best)) best = now;
      const failures = attempts
        .filter(({ held }) => !held)
        .map((attempt) => `${attempt.level}: ${attempt.failures.join(', ')}`);
      return { kind: isEnough(now, from) ? 'rose' : 'fell', from, to: now, failures };
    },
  };
}

/** Sandboxes at the level in force, prepared when first needed; nothing is launched below what a run asks for. */
export function sandboxInForce(
  isolation: Pick<Isolation, 'now'>,
  prepare: (level: IsolationLevel) => Promise<Pick<Sandbox, 'run'>>,
): { run(run: SandboxRun, least: IsolationLevel): Promise<SandboxOutcome> } {
  const prepared = new Map<IsolationLevel, Pick<Sandbox, 'run'>>();
  const refused = (detail: string): SandboxOutcome =>
    failed('isolation_too_low', detail, { wallMs: 0, firstByteMs: null });

  return {
    async run(run, least) {
      const level = isolation.now();
      const sandbox = prepared.get(level) ?? (await orWhyNot(prepare(level)));
      if (sandbox instanceof AppError) return refused(sandbox.message);
      prepared.set(level, sandbox);
      // Preparing takes a moment, in which it may have fallen.
      const now = isolation.now();
      if (!isEnough(level, least) || !isEnough(now, level))
        return refused(`It needs ${least}; the level in force is ${now}.`);
      return sandbox.run(run);
    },
  };
}

/** What a level is made of may be gone before the self-attack notices. */
function orWhyNot<T>(preparing: Promise<T>): Promise<T | AppError> {
  return preparing.catch((error: unknown) => {
    if (error instanceof AppError) return error;
    throw error;
  });
}
