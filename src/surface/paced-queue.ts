/**
 * One line of waiting messages per conversation, for every chat platform's way out: in order, within the platform's
 * limits, patient with its 429. A message that cannot be sent in time takes those behind it along, so that whoever
 * retries keeps the order.
 */
import { AppError } from '../errors.ts';

/** What a platform allows: so many sends to one conversation within so long. */
export type Pace = {
  /** As people call it: "Slack". */
  platform: string;
  limits: readonly { sends: number; withinMs: number }[];
  /** How long a message may wait for the platform's own "later" before its sender is told to come back. */
  patienceMs: number;
};

/** Time as a parameter. `sleep` ends early when `signal` aborts. */
export type Clock = { now(): number; sleep(ms: number, signal: AbortSignal): Promise<void> };

/** The platform asks to wait; only the queue ever sees this. */
export class RateLimited extends Error {
  readonly retryAfterMs: number;
  constructor(retryAfterMs: number) {
    super('The platform asks to wait.');
    this.name = 'RateLimited';
    this.retryAfterMs = retryAfterMs;
  }
}

type Item = { replaces: string | null; run: () => Promise<unknown>; done: PromiseWithResolvers<unknown> };
/** `sentMs`: when the newest sends ended, as many as the widest limit counts. */
type Line = { waiting: Item[]; busy: boolean; sentMs: number[] };

/** Idle lines are forgotten once there are more than this many. */
const LINES_MAX = 1_000;

export class PacedQueue {
  readonly #lines = new Map<string, Line>();
  readonly #clock: Clock;
  readonly #pace: Pace;
  readonly #stop = new AbortController();

  constructor(clock: Clock, pace: Pace) {
    this.#clock = clock;
    this.#pace = pace;
  }

  /**
   * Runs `run` when its turn in `conversation` has come. A waiting item of the same `replaces` is overtaken: only the
   * newest rewriting of a message is sent, and both callers are told when it was.
   * @throws AppError `platform_unavailable` when the platform has asked to wait for too long, or when stopped; whatever `run` throws.
   */
  async enqueue<T>(conversation: string, replaces: string | null, run: () => Promise<T>): Promise<T> {
    if (this.#stop.signal.aborted) throw this.#unavailable();
    const line = this.#line(conversation);
    const older = replaces === null ? undefined : line.waiting.find((item) => item.replaces === replaces);
    if (older !== undefined) {
      older.run = run;
      return older.done.promise as Promise<T>;
    }
    const item: Item = { replaces, run, done: Promise.withResolvers() };
    line.waiting.push(item);
    if (!line.busy) void this.#work(line);
    return item.done.promise as Promise<T>;
  }

  /** Nothing more is sent; what waits is refused, to be retried after the next start. */
  stop(): void {
    this.#stop.abort();
    for (const line of this.#lines.values()) refuse(line.waiting.splice(0), this.#unavailable());
  }

  #line(conversation: string): Line {
    const found = this.#lines.get(conversation);
    if (found !== undefined) return found;
    if (this.#lines.size >= LINES_MAX) this.#forgetIdle();
    const line: Line = { waiting: [], busy: false, sentMs: [] };
    this.#lines.set(conversation, line);
    return line;
  }

  #forgetIdle(): void {
    const now = this.#clock.now();
    const widestMs = Math.max(...this.#pace.limits.map(({ withinMs }) => withinMs));
    for (const [conversation, line] of this.#lines) {
      if (!line.busy && now - (line.sentMs.at(-1) ?? now) >= widestMs) this.#lines.delete(conversation);
    }
  }

  async #work(line: Line): Promise<void> {
    const remembered = Math.max(...this.#pace.limits.map(({ sends }) => sends));
    line.busy = true;
    for (let item = line.waiting[0]; item !== undefined; item = line.waiting[0]) {
      await this.#pause(waitMs(this.#pace.limits, line.sentMs, this.#clock.now()));
      if (this.#stop.signal.aborted) break;
      line.waiting.shift();
      await this.#send(line, item);
      line.sentMs = [...line.sentMs, this.#clock.now()].slice(-remembered);
    }
    line.busy = false;
  }

  async #send(line: Line, item: Item): Promise<void> {
    try {
      item.done.resolve(await this.#patiently(item.run));
    } catch (error) {
      item.done.reject(error);
      // Those behind it would overtake it: its caller retries, and so must theirs.
      if (error instanceof AppError && error.code === 'platform_unavailable') {
        refuse(line.waiting.splice(0), error);
      }
    }
  }

  async #patiently(run: () => Promise<unknown>): Promise<unknown> {
    const until = this.#clock.now() + this.#pace.patienceMs;
    for (;;) {
      try {
        return await run();
      } catch (error) {
        if (!(error instanceof RateLimited)) throw error;
        if (this.#clock.now() + error.retryAfterMs > until) throw this.#unavailable(error);
        await this.#pause(error.retryAfterMs);
        if (this.#stop.signal.aborted) throw this.#unavailable(error);
      }
    }
  }

  #unavailable(cause?: unknown): AppError {
    return new AppError(
      'platform_unavailable',
      `${this.#pace.platform} does not take messages at the moment.`,
      { cause },
    );
  }

  async #pause(ms: number): Promise<void> {
    if (ms > 0) await this.#clock.sleep(ms, this.#stop.signal);
  }
}

/** How long the next send must wait, given when the sends before it were, oldest first. */
export function waitMs(limits: Pace['limits'], sentMs: readonly number[], nowMs: number): number {
  const waits = limits.map(({ sends, withinMs }) => {
    const earlier = sentMs.at(-sends);
    return earlier === undefined ? 0 : earlier + withinMs - nowMs;
  });
  return Math.max(0, ...waits);
}

function refuse(items: Item[], error: AppError): void {
  for (const item of items) item.done.reject(error);
}
