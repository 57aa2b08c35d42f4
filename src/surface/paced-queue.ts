/**
 * One line of waiting messages per conversation, for every chat platform's way out: in order, within the platform's
 * limits, patient with its 429. A message that cannot be sent in time takes those behind it along, so that whoever
 * retries keeps the order; and until the time that the platform named nothing more is sent there, whoever comes.
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

/** The platform asks to wait. The queue waits for whom it sends; who calls by themselves tells it by `hold`. */
export class RateLimited extends Error {
  readonly retryAfterMs: number;
  constructor(retryAfterMs: number) {
    super('The platform asks to wait.');
    this.name = 'RateLimited';
    this.retryAfterMs = retryAfterMs;
  }
}

type Item = { replaces: string | null; run: () => Promise<unknown>; done: PromiseWithResolvers<unknown> };
/** `sentMs`: when the newest sends ended, as many as the widest limit counts. `notBeforeMs`: as the platform has asked. */
type Line = { waiting: Item[]; busy: boolean; sentMs: number[]; notBeforeMs: number };

/** Idle lines are forgotten once there are more than this many. */
const LINES_MAX = 1_000;
/** More than any platform asks for: a date that makes no sense must not silence a conversation for ever. */
const HOLD_MAX_MS = 3_600_000;

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
   * @throws AppError `platform_unavailable` when stopped, or when the platform has asked to wait for longer than we are patient:
   * at once, as long as that lasts, with `retryAfterMs` to its end; whatever `run` throws.
   */
  async enqueue<T>(conversation: string, replaces: string | null, run: () => Promise<T>): Promise<T> {
    if (this.#stop.signal.aborted) throw this.#unavailable();
    const line = this.#line(conversation);
    if (!line.busy && this.#leftMs(line) > this.#pace.patienceMs) throw this.#later(line);
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

  /** The platform has asked to wait there, of somebody whom this does not wait for: an answer that grows, say. */
  hold(conversation: string, { retryAfterMs }: RateLimited): void {
    this.#holdLine(this.#line(conversation), retryAfterMs);
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
    const line: Line = { waiting: [], busy: false, sentMs: [], notBeforeMs: this.#clock.now() };
    this.#lines.set(conversation, line);
    return line;
  }

  #forgetIdle(): void {
    const now = this.#clock.now();
    const widestMs = Math.max(...this.#pace.limits.map(({ withinMs }) => withinMs));
    for (const [conversation, line] of this.#lines) {
      const isIdle = !line.busy && line.notBeforeMs <= now;
      if (isIdle && now - (line.sentMs.at(-1) ?? line.notBeforeMs) >= widestMs)
        this.#lines.delete(conversation);
    }
  }

  #holdLine(line: Line, forMs: number): void {
    line.notBeforeMs = Math.max(line.notBeforeMs, this.#clock.now() + Math.min(forMs, HOLD_MAX_MS));
  }

  #leftMs(line: Line): number {
    return line.notBeforeMs - this.#clock.now();
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
      item.done.resolve(await this.#patiently(line, item.run));
    } catch (error) {
      item.done.reject(error);
      // Those behind it would overtake it: its caller retries, and so must theirs.
      if (error instanceof AppError && error.code === 'platform_unavailable') {
        refuse(line.waiting.splice(0), error);
      }
    }
  }

  async #patiently(line: Line, run: () => Promise<unknown>): Promise<unknown> {
    const until = this.#clock.now() + this.#pace.patienceMs;
    for (;;) {
      if (line.notBeforeMs > until) throw this.#later(line);
      await this.#pause(this.#leftMs(line));
      if (this.#stop.signal.aborted) throw this.#unavailable();
      try {
        return await run();
      } catch (error) {
        if (!(error instanceof RateLimited)) throw error;
        this.#holdLine(line, error.retryAfterMs);
      }
    }
  }

  #later(line: Line): AppError {
    return this.#unavailable({ retryAfterMs: Math.max(0, this.#leftMs(line)) });
  }

  #unavailable(options: { retryAfterMs?: number } = {}): AppError {
    const words = `${this.#pace.platform} does not take messages at the moment.`;
    return new AppError('platform_unavailable', words, options);
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
