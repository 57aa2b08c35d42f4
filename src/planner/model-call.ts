/** One round with the model: tries, waits, time. What comes back is untrusted. */
import OpenAI from 'openai';
import { z } from 'zod';
import type { ModelLimits } from './limits.ts';
import { collect, StreamBroken, type Watch } from './model-stream.ts';

export type Unavailable = 'timeout' | 'rate_limited' | 'upstream_error' | 'nonsense' | 'too_many_rounds';

/** A round's answer, in the parts that we read; compatible servers leave out or add others. */
const Completion = z.object({
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({
          content: z.string().nullish(),
          refusal: z.string().nullish(),
          tool_calls: z
            .array(
              z.object({ id: z.string(), function: z.object({ name: z.string(), arguments: z.string() }) }),
            )
            .nullish(),
        }),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish(),
});
export type Answered = z.infer<typeof Completion>;
export type CallResult = { ok: true; answer: Answered } | { ok: false; reason: Unavailable };

/** Waits, or rejects when the signal fires first. */
export type Wait = (milliseconds: number, signal: AbortSignal) => Promise<void>;
export type Clock = { now: () => number; wait: Wait };

export type CallOptions = {
  client: OpenAI;
  body: OpenAI.Chat.Completions.ChatCompletionCreateParamsNonStreaming;
  limits: ModelLimits;
  clock: Clock;
  /** When the whole plan must be done, by `clock.now`. */
  deadline: number;
  signal: AbortSignal;
  /** Given, the answer is asked for in parts, and watched as they come. `again`: what was watched is void. */
  watch?: Watch & { again(): void };
};

/**
 * Asks once, and again after 408, 409, 429, 5xx and network errors with waits that double, or as long as `Retry-After`
 * says (RFC 9110, 10.2.3). A wait that would end after the deadline ends the tries at once.
 */
export async function callModel(options: CallOptions): Promise<CallResult> {
  const { limits, clock, deadline, signal } = options;
  for (let attempt = 1; ; attempt++) {
    const failure = await tryOnce(options);
    if (failure.ok) return failure;
    options.watch?.again();
    if (!failure.retry || attempt >= limits.tries || signal.aborted)
      return { ok: false, reason: failure.reason };
    const waitMs = failure.retryAfterMs ?? limits.backoffMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
    if (clock.now() + waitMs >= deadline) return { ok: false, reason: failure.reason };
    try {
      await clock.wait(waitMs, signal);
    } catch (cause) {
      if (signal.aborted) return { ok: false, reason: 'timeout' };
      throw cause;
    }
  }
}

type Failure = { ok: false; reason: Unavailable; retry: boolean; retryAfterMs: number | null };

async function tryOnce({
  client,
  body,
  limits,
  clock,
  deadline,
  signal,
  watch,
}: CallOptions): Promise<{ ok: true; answer: Answered } | Failure> {
  const leftMs = Math.min(limits.callMs, deadline - clock.now());
  if (leftMs <= 0 || signal.aborted) return failed('timeout', false);
  const limited = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(leftMs))]);
  try {
    const raw =
      watch === undefined
        ? await client.chat.completions.create(body, { signal: limited, maxRetries: 0 })
        : await inParts(client, body, limited, watch);
    const parsed = Completion.safeParse(raw);
    return parsed.success ? { ok: true, answer: parsed.data } : failed('nonsense', false);
  } catch (error) {
    if (limited.aborted) return failed('timeout', false);
    return classify(error, clock.now());
  }
}

/** Servers that say nothing of usage in a stream, or do not stream at all, are asked for the whole as without a watcher. */
async function inParts(
  client: OpenAI,
  body: CallOptions['body'],
  signal: AbortSignal,
  watch: Watch,
): Promise<unknown> {
  const asked = { ...body, stream: true, stream_options: { include_usage: true } } as const;
  try {
    const parts = await client.chat.completions.create(asked, { signal, maxRetries: 0 });
    const collected = await collect(parts, watch);
    if (collected !== null) return collected;
  } catch (error) {
    if (!(error instanceof OpenAI.BadRequestError || error instanceof OpenAI.UnprocessableEntityError))
      throw error;
  }
  return client.chat.completions.create(body, { signal, maxRetries: 0 });
}

function classify(error: unknown, now: number): Failure {
  if (error instanceof StreamBroken) return failed('upstream_error', true);
  if (error instanceof OpenAI.APIConnectionTimeoutError) return failed('timeout', true);
  if (error instanceof OpenAI.APIConnectionError) return failed('upstream_error', true);
  if (error instanceof OpenAI.APIError && error.status !== undefined) {
    const status: number = error.status;
    const retryAfterMs = readRetryAfter(error.headers?.get('retry-after') ?? null, now);
    if (status === 429) return { ...failed('rate_limited', true), retryAfterMs };
    return { ...failed('upstream_error', status >= 500 || status === 408 || status === 409), retryAfterMs };
  }
  // A body that is no JSON, or an event stream where JSON was asked for.
  return failed('nonsense', false);
}

function failed(reason: Unavailable, retry: boolean): Failure {
  return { ok: false, reason, retry, retryAfterMs: null };
}

/** Seconds or an HTTP date; null where there is none or it cannot be read. */
function readRetryAfter(value: string | null, nowMs: number): number | null {
  if (value === null) return null;
  if (/^\d{1,9}(?:\.\d{1,3})?$/.test(value.trim())) return Number(value) * 1_000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}
