/**
 * Answers that grow, as Teams documents them (bots/streaming-ux): typing activities and a final message with a `streaminfo`
 * entity. Until the final one there is no message; after it there is, with the stream's id.
 */
import { z } from 'zod';

const Info = z.strictObject({
  type: z.literal('streaminfo'),
  streamId: z.string().optional(),
  streamType: z.enum(['informative', 'streaming', 'final']),
  streamSequence: z.int().positive().optional(),
});
type Info = z.infer<typeof Info>;
export type Streamed = {
  conversation: string;
  id: string;
  status: string;
  text: string;
  sequence: number;
  beganMs: number;
  lastMs: number;
  done: boolean;
  stopped: boolean;
};
type Refusal = { status: number; code: string; message?: string };
export type Taken =
  | { kind: 'refused'; refusal: Refusal }
  | { kind: 'began'; id: string }
  | { kind: 'taken' }
  | { kind: 'final'; id: string };

const STATUS_MAX = 1_000;
const TIME_MS = 120_000;
/** Documented as the pace to keep to. */
const GAP_MS = 1_000;

export class Streams {
  readonly all: Streamed[] = [];

  /** Null: it is no part of a stream. */
  take(
    conversation: string,
    body: Record<string, unknown>,
    now: { ms: number; personal: boolean; nextId: () => string },
  ): Taken | null {
    const entities = (body.entities ?? []) as { type?: string }[];
    const raw = entities.find(({ type }) => type === 'streaminfo');
    if (raw === undefined) return body.type === 'typing' ? refuse(400, 'BadSyntax') : null;
    const info = Info.safeParse(raw).data;
    const text = typeof body.text === 'string' ? body.text : '';
    if (info === undefined) return refuse(400, 'BadRequest');
    if (text === '') return refuse(400, 'BadRequest', 'Start streaming activities should include text');
    if (!now.personal) return refuse(403, 'ContentStreamNotAllowed', 'Content stream is not allowed');
    return info.streamId === undefined
      ? this.#begin(conversation, body, info, text, now)
      : this.#goOn(body, info, text, now.ms);
  }

  /** Somebody presses Stop in the client, which tells the bot by refusing what it sends next. */
  stop(conversation: string): Streamed {
    const stream = this.all.findLast((one) => one.conversation === conversation && !one.done);
    if (stream === undefined) throw new Error('nothing grows there');
    stream.stopped = true;
    return stream;
  }

  #begin(
    conversation: string,
    body: Record<string, unknown>,
    info: Info,
    text: string,
    now: { ms: number; nextId: () => string },
  ): Taken {
    if (body.type !== 'typing' || info.streamSequence !== 1) return refuse(400, 'BadRequest');
    const open = this.all.some(
      (one) =>
        one.conversation === conversation && !one.done && !one.stopped && now.ms - one.beganMs < TIME_MS,
    );
    if (open) return refuse(403, 'ContentStreamNotAllowed', 'One stream a chat at a time');
    if (info.streamType === 'informative' && text.length > STATUS_MAX) return refuse(400, 'BadRequest');
    const id = now.nextId();
    const at = { sequence: 1, beganMs: now.ms, lastMs: now.ms, done: false, stopped: false };
    const said = info.streamType === 'informative' ? { status: text, text: '' } : { status: '', text };
    this.all.push({ conversation, id, ...said, ...at });
    return { kind: 'began', id };
  }

  #goOn(body: Record<string, unknown>, info: Info, text: string, ms: number): Taken {
    const stream = this.all.find(({ id }) => id === info.streamId);
    if (stream === undefined) return refuse(400, 'BadRequest');
    if (stream.done)
      return notAllowed('Content stream is not allowed on an already completed streamed message');
    if (stream.stopped) return notAllowed('Content stream was cancelled by user.');
    if (ms - stream.beganMs > TIME_MS)
      return notAllowed('Content stream finished due to exceeded streaming time.');
    const final = info.streamType === 'final';
    if (final !== (body.type === 'message') || final !== (info.streamSequence === undefined))
      return refuse(400, 'BadRequest');
    if (info.streamType === 'informative') stream.status = text;
    else if (!text.startsWith(stream.text)) {
      return notAllowed('Request streamed content should contain the previously streamed content');
    }
    if (final) {
      stream.done = true;
      return { kind: 'final', id: stream.id };
    }
    if (ms - stream.lastMs < GAP_MS) return refuse(429, 'Throttled', 'API calls quota exceeded');
    stream.lastMs = ms;
    // Out of its order it is taken and dropped: ContentStreamSequenceOrderPreConditionFailed, a 202.
    if (info.streamSequence! <= stream.sequence) return { kind: 'taken' };
    stream.sequence = info.streamSequence!;
    if (info.streamType === 'streaming') stream.text = text;
    return { kind: 'taken' };
  }
}

const refuse = (status: number, code: string, message?: string): Taken => ({
  kind: 'refused',
  refusal: { status, code, ...(message === undefined ? {} : { message }) },
});
const notAllowed = (message: string): Taken => refuse(403, 'ContentStreamNotAllowed', message);
