/** One answer of a Chat Completions server in parts (server-sent events), put together as it would have come whole. */
import type OpenAI from 'openai';
import { OpenAIError } from 'openai';
import { ARGUMENTS_MAX_CHARACTERS } from './limits.ts';

type Chunk = OpenAI.Chat.Completions.ChatCompletionChunk;

/** Characters of one answer, all its parts together, after which nothing more is taken: `max_completion_tokens` is the server's to keep. */
const ANSWER_MAX = 8 * ARGUMENTS_MAX_CHARACTERS;
/** Tool calls of one answer; more than any plan may hold. */
const CALLS_MAX = 64;

export type Watch = {
  /** What the model has written so far. */
  wrote(text: string): void;
  /** The answer calls tools. */
  calls(): void;
};

/** The connection ended before the answer did. */
export class StreamBroken extends Error {}

/**
 * Reads the parts to their end. The result is untrusted and not yet checked, as a whole answer would not be; null where
 * the server sent no part at all. @throws StreamBroken
 */
export async function collect(parts: AsyncIterable<Chunk>, watch: Watch): Promise<unknown> {
  const calls = new Map<number, { id: string; function: { name: string; arguments: string } }>();
  let content: string | null = null;
  let refusal: string | null = null;
  let finish: string | null = null;
  let usage: unknown = null;
  let length = 0;
  let any = false;
  for await (const part of unbroken(parts)) {
    if (part.usage) usage = part.usage;
    const choice = part.choices?.[0];
    if (choice === undefined) continue;
    any = true;
    finish = choice.finish_reason ?? finish;
    const delta = choice.delta ?? {};
    for (const call of delta.tool_calls ?? []) {
      const known = calls.get(call.index) ?? { id: '', function: { name: '', arguments: '' } };
      known.id += call.id ?? '';
      known.function.name += call.function?.name ?? '';
      known.function.arguments += call.function?.arguments ?? '';
      length += (call.function?.arguments ?? '').length;
      if (!calls.has(call.index)) watch.calls();
      calls.set(call.index, known);
    }
    if (typeof delta.refusal === 'string') refusal = (refusal ?? '') + delta.refusal;
    if (typeof delta.content === 'string' && delta.content !== '') {
      content = (content ?? '') + delta.content;
      length += delta.content.length;
      if (calls.size === 0 && refusal === null) watch.wrote(content);
    }
    if (length > ANSWER_MAX || calls.size > CALLS_MAX) return { tooMuch: length };
  }
  if (!any) return null;
  if (finish === null) throw new StreamBroken('The stream ended without a reason.');
  const made = [...calls].sort(([a], [b]) => a - b).map(([, call]) => call);
  const message = { content, refusal, ...(made.length === 0 ? {} : { tool_calls: made }) };
  return { choices: [{ finish_reason: finish, message }], usage };
}

async function* unbroken(parts: AsyncIterable<Chunk>): AsyncGenerator<Chunk> {
  try {
    yield* parts;
  } catch (cause) {
    // Of the library's errors and of malformed parts it is told elsewhere what they mean; the rest are lost connections.
    if (cause instanceof OpenAIError || cause instanceof SyntaxError) throw cause;
    throw new StreamBroken('The stream broke off.', { cause });
  }
}
