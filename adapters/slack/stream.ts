/**
 * An answer that grows in a direct message's thread (chat.startStream, appendStream). A model's words go out in `blocks`
 * chunks of `rich_text`, where nothing is markup; `markdown_text` would turn them into links, mentions and formatting. What
 * Slack has begun to show cannot be changed before it is stopped: the complete message then takes its place.
 * docs.slack.dev: reference/methods/chat.startStream, chat.appendStream, chat.stopStream.
 */
import { AppError } from '../../src/errors.ts';
import type { Delivered } from '../../src/model/card.ts';
import type { AnswerStream } from '../../src/model/ports.ts';
import type { Place } from '../../src/model/turn.ts';
import { type Clock, type PacedQueue, RateLimited } from '../../src/surface/paced-queue.ts';
import { visible } from '../../src/surface/unseen.ts';
import { context, quote, rich } from './blocks.ts';
import type { Chunk, Posted, SlackClient } from './client.ts';
import { LABEL_MAX } from './limits.ts';
import { type Log, nameOf } from './log.ts';
import { clip } from './outbound-text.ts';

/** Of the 50 blocks that Slack takes in the chunks of one stream, each of ours is one. */
const BLOCKS_MAX = 45;
/** Each piece stands as a paragraph of its own: sentences are kept together, unless one is longer than this. */
const PIECE_MAX = 240;
/** Reads that are named above the answer. */
const STEPS_MAX = 8;
const WRITING = 'A language model is writing this answer';
const NOT_CONTINUED = 'This answer is not continued here.';

/** Slack takes 20 starts a minute of a whole workspace, and as many stops (its tier 2); an answer that must wait for one is worse than a whole one. */
const STARTS_A_MINUTE = 15;

/** How many answers may begin to grow in the workspace. */
export class StreamBudget {
  #startsMs: number[] = [];

  take(nowMs: number): boolean {
    this.#startsMs = this.#startsMs.filter((at) => nowMs - at < 60_000);
    if (this.#startsMs.length >= STARTS_A_MINUTE) return false;
    this.#startsMs.push(nowMs);
    return true;
  }
}

export type StreamParts = {
  client: SlackClient;
  queue: PacedQueue;
  budget: StreamBudget;
  clock: Pick<Clock, 'now'>;
  log: Log;
};

export class SlackStream implements AnswerStream {
  readonly #parts: StreamParts;
  readonly #place: Place;
  readonly #noted: (posted: Posted) => Promise<boolean>;
  readonly #steps: string[] = [];
  #text = '';
  #appended = 0;
  #blocks = 0;
  #posted: Posted | null = null;
  #waits = false;
  #ended = false;
  #sending: Promise<void> = Promise.resolve();

  constructor(parts: StreamParts, place: Place, noted: (posted: Posted) => Promise<boolean>) {
    this.#parts = parts;
    this.#place = place;
    this.#noted = noted;
  }

  did(what: string): void {
    this.#steps.push(what);
  }

  show(text: string): void {
    this.#text = text;
    this.#line();
  }

  async close(): Promise<void> {
    this.#ended = true;
    await this.#sending;
  }

  /** One call at a time, each in its turn among the channel's messages; it takes what is newest when that comes. */
  #line(): void {
    if (this.#ended || this.#waits || (this.#posted !== null && this.#next() === '')) return;
    this.#waits = true;
    const { queue } = this.#parts;
    const run = () => {
      this.#waits = false;
      if (!this.#ended) this.#sending = this.#send();
      return this.#sending;
    };
    queue.enqueue(this.#place.container, null, run).then(
      () => this.#line(),
      () => {
        this.#ended = true;
      },
    );
  }

  /** Whatever goes wrong, a wish to wait included: the stored answer follows, when that is over, and this was a courtesy. */
  async #send(): Promise<void> {
    try {
      await (this.#posted === null ? this.#start() : this.#append(this.#posted));
    } catch (error) {
      this.#ended = true;
      if (error instanceof RateLimited) this.#parts.queue.hold(this.#place.container, error);
      const fields = { code: 'slack_stream_ended', error: nameOf(error) };
      this.#parts.log.info(fields, 'an answer does not grow any more; it follows whole');
    }
  }

  /** Without a word of the answer: should we fall before it is noted, only this stands there. */
  async #start(): Promise<void> {
    const { client, budget, clock } = this.#parts;
    if (!budget.take(clock.now())) {
      this.#ended = true;
      return;
    }
    const { container, thread } = this.#place;
    const done = this.#steps.slice(0, STEPS_MAX).map((title, nth) => task(`read-${nth}`, title, 'complete'));
    const chunks = [...done, task('answer', WRITING, 'in_progress')];
    const posted = await client.startStream({ channel: container, thread, chunks });
    if (await this.#noted(posted)) this.#posted = posted;
    else {
      this.#ended = true;
      await client.stopStream(posted, [context(NOT_CONTINUED)]);
    }
  }

  async #append(posted: Posted): Promise<void> {
    const piece = this.#next();
    this.#appended += piece.length;
    this.#blocks += 1;
    if (piece.trim() === '') return;
    const blocks = [rich(quote(visible(piece.trim())))];
    await this.#parts.client.appendStream(posted, [{ type: 'blocks', blocks }]);
  }

  #next(): string {
    return this.#blocks >= BLOCKS_MAX ? '' : nextPiece(this.#text.slice(this.#appended));
  }
}

/** Up to the last line or sentence that is complete; of a sentence that is too long its words so far; or nothing yet. */
export function nextPiece(pending: string): string {
  const ends = [...pending.matchAll(/\n|[.!?:;](?=\s|$)/g)].at(-1);
  if (ends !== undefined) return pending.slice(0, ends.index + 1);
  return pending.length <= PIECE_MAX ? '' : pending.slice(0, pending.lastIndexOf(' ', PIECE_MAX) + 1);
}

const task = (id: string, title: string, status: 'in_progress' | 'complete'): Chunk => ({
  type: 'task_update',
  id,
  title: clip(visible(title), LABEL_MAX),
  status,
});

/** Of what was begun, nothing can be made: it is posted instead. */
const BEYOND_MENDING = new Set(['not_found', 'not_allowed', 'upstream_failed']);

/**
 * Stops what was begun, wherever it was left, and makes it the message by `update`; where Slack will not have that, `post`
 * shows it anew. Stopping twice is no failure: Slack also stops by itself what does not grow (after minutes).
 */
export async function completeStream(
  { client, queue }: Pick<StreamParts, 'client' | 'queue'>,
  begun: { handle: Delivered; posted: Posted },
  ways: { update(): Promise<void>; post(): Promise<Delivered | null> },
): Promise<Delivered> {
  const { handle, posted } = begun;
  try {
    await queue.enqueue(posted.channel, null, async () => {
      await client.stopStream(posted).catch((error: unknown) => {
        if (!(error instanceof AppError) || error.code !== 'conflict') throw error;
      });
    });
    await ways.update();
    return handle;
  } catch (error) {
    if (!(error instanceof AppError) || !BEYOND_MENDING.has(error.code)) throw error;
    return (await ways.post()) ?? handle;
  }
}
