/**
 * An answer that grows in a personal chat, by Teams' protocol of typing activities with a `streaminfo` entity.
 * learn.microsoft.com/microsoftteams/platform/bots/streaming-ux: one request at a time, about one in a second and a half;
 * each holds all that was sent before; two minutes at most; one stream a chat.
 */
import { AppError } from '../../src/errors.ts';
import type { Delivered } from '../../src/model/card.ts';
import type { AnswerStream } from '../../src/model/ports.ts';
import { type Clock, type Pace, type PacedQueue, RateLimited } from '../../src/surface/paced-queue.ts';
import { type Address, AnswerStopped, type Connector } from './connector.ts';
import { harmless } from './harmless.ts';
import { type Log, nameOf } from './log.ts';
import { clip } from './outbound-text.ts';

export const STREAM_PACE: Pace = {
  platform: 'Teams',
  limits: [{ sends: 1, withinMs: 1_500 }],
  patienceMs: 1_000,
};
/** Teams ends a stream after two minutes; what comes later must be a message. */
const STREAM_MAX_MS = 110_000;
/** Words of ours above an answer: Teams takes 1,000 characters. */
const STATUS_MAX = 300;
const WRITING = 'A language model is writing this answer';
const NOT_CONTINUED = 'This answer is not continued here.';

export type StreamParts = {
  connector: Connector;
  /** Of messages, which wait too where Teams has asked a stream to. */
  queue: PacedQueue;
  streams: PacedQueue;
  shown: Shown;
  clock: Clock;
  log: Log;
};

/** What this process has last sent of each stream, and in which chats one is open. */
export class Shown {
  readonly #texts = new Map<string, string>();
  readonly #since = new Map<string, number>();

  /** False while another answer grows there. */
  enter(conversation: string, nowMs: number): boolean {
    if (nowMs - (this.#since.get(conversation) ?? -STREAM_MAX_MS) < STREAM_MAX_MS) return false;
    this.#since.set(conversation, nowMs);
    return true;
  }

  sent(id: string, text: string): void {
    this.#texts.set(id, text);
  }

  /** What was sent last, if we are who sent it. */
  leave(conversation: string, id: string): string {
    const text = this.#texts.get(id) ?? '';
    this.#texts.delete(id);
    this.#since.delete(conversation);
    return text;
  }
}

export class TeamsStream implements AnswerStream {
  readonly #parts: StreamParts;
  readonly #conversation: string;
  readonly #where: () => Promise<Address>;
  readonly #noted: (id: string) => Promise<boolean>;
  readonly #stopped: () => Promise<void>;
  readonly #beganMs: number;
  readonly #steps: string[] = [];
  #text = '';
  #sent = '';
  #id: string | null = null;
  #sequence = 1;
  #waits = false;
  #ended = false;
  #sending: Promise<void> = Promise.resolve();

  constructor(
    parts: StreamParts,
    conversation: string,
    where: () => Promise<Address>,
    noted: (id: string) => Promise<boolean>,
    stopped: () => Promise<void>,
  ) {
    this.#parts = parts;
    this.#conversation = conversation;
    this.#where = where;
    this.#noted = noted;
    this.#stopped = stopped;
    this.#beganMs = parts.clock.now();
  }

  did(what: string): void {
    this.#steps.push(what);
  }

  show(text: string): void {
    this.#text = harmless(text);
    this.#line();
  }

  async close(): Promise<void> {
    this.#ended = true;
    await this.#sending;
  }

  /** One call at a time; it takes what is newest when its turn comes. */
  #line(): void {
    if (this.#ended || this.#waits || (this.#id !== null && this.#text === this.#sent)) return;
    this.#waits = true;
    const run = () => {
      this.#waits = false;
      if (!this.#ended) this.#sending = this.#send();
      return this.#sending;
    };
    this.#parts.streams.enqueue(this.#conversation, null, run).then(
      () => this.#line(),
      () => {
        this.#ended = true;
      },
    );
  }

  /** Whatever goes wrong, a wish to wait included: the stored answer follows, when that is over, and this was a courtesy. */
  async #send(): Promise<void> {
    try {
      if (this.#parts.clock.now() - this.#beganMs > STREAM_MAX_MS) this.#ended = true;
      else await (this.#id === null ? this.#start() : this.#grow(this.#id));
    } catch (error) {
      this.#ended = true;
      if (this.#id === null) this.#parts.shown.leave(this.#conversation, '');
      const { queue, streams } = this.#parts;
      if (error instanceof RateLimited)
        for (const line of [queue, streams]) line.hold(this.#conversation, error);
      if (error instanceof AnswerStopped) await this.#honourStop();
      else {
        const fields = { code: 'teams_stream_ended', error: nameOf(error) };
        this.#parts.log.info(fields, 'an answer does not grow any more; it follows whole');
      }
    }
  }

  /** Whoever closes us waits for it, so that what is stopped is not stored as answered a moment later. */
  async #honourStop(): Promise<void> {
    const { log } = this.#parts;
    try {
      await this.#stopped();
      log.info({ code: 'teams_stream_stopped' }, 'an answer was stopped by its person');
    } catch (error) {
      const fields = { code: 'teams_stop_failed', error: nameOf(error) };
      log.warn(fields, 'an answer could not be stopped; it follows whole');
    }
  }

  /** Without a word of the answer: should we fall before it is noted, only this stands there. */
  async #start(): Promise<void> {
    const { connector, shown, clock } = this.#parts;
    if (!shown.enter(this.#conversation, clock.now())) {
      this.#ended = true;
      return;
    }
    const to = await this.#where();
    const status = clip([...this.#steps, WRITING].map(harmless).join(', '), STATUS_MAX);
    const id = await connector.startStream(to, status);
    if (await this.#noted(id)) this.#id = id;
    else {
      this.#ended = true;
      shown.leave(this.#conversation, id);
      await connector.endStream(to, id, { text: NOT_CONTINUED, byModel: false });
    }
  }

  async #grow(id: string): Promise<void> {
    const text = this.#text;
    this.#sequence += 1;
    await this.#parts.connector.growStream(await this.#where(), { id, sequence: this.#sequence, text });
    this.#sent = text;
    this.#parts.shown.sent(id, text);
  }
}

/** Of what was begun, nothing can be made: it is posted instead. */
const BEYOND_MENDING = new Set(['not_found', 'not_allowed', 'upstream_failed']);

/**
 * Ends what was begun, wherever it was left, and makes it the message by `update`; where Teams will not have that, as after
 * its two minutes, `post` shows it anew. Ending twice is no failure.
 */
export async function completeStream(
  { connector, shown, queue }: Pick<StreamParts, 'connector' | 'shown' | 'queue'>,
  begun: { to: Address; id: string; handle: Delivered; text: string; byModel: boolean },
  ways: { update(): Promise<void>; post(): Promise<Delivered | null> },
): Promise<Delivered> {
  const { to, id, handle, byModel } = begun;
  const before = shown.leave(to.conversation, id);
  const whole = harmless(begun.text);
  // What was sent must be part of it, also where it turned out not to be the answer.
  const text = whole.startsWith(before) ? whole : before;
  try {
    await queue.enqueue(to.conversation, null, async () => {
      await connector.endStream(to, id, { text, byModel }).catch((error: unknown) => {
        if (!(error instanceof AppError) || !BEYOND_MENDING.has(error.code)) throw error;
      });
    });
    await ways.update();
    return handle;
  } catch (error) {
    if (!(error instanceof AppError) || !BEYOND_MENDING.has(error.code)) throw error;
    return (await ways.post()) ?? handle;
  }
}
