/** The rounds of one plan with the model: reads are run, writes end it as proposals, mistakes get one more chance. */
import type OpenAI from 'openai';
import type { ModelCall, Plan, PlanInput } from '../model/ports.ts';
import { Growing } from './growing.ts';
import type { ModelLimits } from './limits.ts';
import { type Answered, type Clock, callModel, type Unavailable } from './model-call.ts';
import { type CleanText, modelText } from './model-text.ts';
import { asData, firstMessages } from './prompt.ts';
import type { Sources } from './provenance.ts';
import { askFor } from './replies.ts';
import { type Call, type Judged, judgeCall } from './tool-calls.ts';
import { type WireTools, wireTools } from './wire-tools.ts';

export type ConversationOptions = {
  client: OpenAI;
  model: string;
  limits: ModelLimits;
  clock: Clock;
  clean: CleanText;
};

/** Plain words when a model declines; its own reason is not shown as ours. */
const DECLINED = 'The model declined to answer that. Typed commands still work; say “help” to see them.';

/** One turn with the model. Use it once. */
export class Conversation {
  readonly #options: ConversationOptions;
  readonly #input: PlanInput;
  readonly #wire: WireTools;
  readonly #messages: OpenAI.Chat.Completions.ChatCompletionMessageParam[];
  readonly #fetched: string[];
  readonly #started: number;
  readonly #signal: AbortSignal;
  /** Null where nobody watches. */
  readonly #growing: Growing | null;
  readonly #usage = { rounds: 0, inputTokens: 0, outputTokens: 0 };
  #reads = 0;
  #corrections = 0;

  constructor(options: ConversationOptions, input: PlanInput) {
    this.#options = options;
    this.#input = input;
    this.#wire = wireTools(input.tools);
    this.#messages = firstMessages(input);
    this.#fetched = [...input.fetched, ...authored(input, 'fetched')];
    this.#growing = input.onText === undefined ? null : new Growing(options.clean, input.onText);
    this.#started = options.clock.now();
    this.#signal = AbortSignal.any([input.signal, AbortSignal.timeout(options.limits.totalMs)]);
  }

  async run(): Promise<{ plan: Plan; call: ModelCall }> {
    const plan = await this.#rounds();
    const durationMs = Math.round(this.#options.clock.now() - this.#started);
    return { plan, call: { model: this.#options.model, ...this.#usage, durationMs } };
  }

  async #rounds(): Promise<Plan> {
    const { limits } = this.#options;
    while (this.#usage.rounds < limits.rounds) {
      if (this.#usage.inputTokens + this.#usage.outputTokens >= limits.totalTokens) break;
      const called = await this.#ask();
      if (!called.ok) return unavailable(called.reason);
      const plan = await this.#settle(called.answer);
      if (plan !== null) return plan;
      if (this.#signal.aborted) return unavailable('timeout');
    }
    return unavailable('too_many_rounds');
  }

  async #ask() {
    const { client, model, limits, clock } = this.#options;
    const body: OpenAI.Chat.Completions.ChatCompletionCreateParamsNonStreaming = {
      model,
      messages: this.#messages,
      max_completion_tokens: limits.outputTokens,
      ...(this.#wire.definitions.length > 0 ? { tools: this.#wire.definitions } : {}),
    };
    const deadline = this.#started + limits.totalMs;
    this.#usage.rounds++;
    const signal = this.#signal;
    const called = await callModel({ client, body, limits, clock, deadline, signal, ...this.#watch() });
    if (called.ok) {
      this.#usage.inputTokens += called.answer.usage?.prompt_tokens ?? 0;
      this.#usage.outputTokens += called.answer.usage?.completion_tokens ?? 0;
    }
    return called;
  }

  /** What is written before a tool is called is no answer, and neither is what a failed try wrote. */
  #watch() {
    const growing = this.#growing;
    if (growing === null) return {};
    const withdraw = () => growing.withdraw();
    return { watch: { wrote: (text: string) => growing.add(text), calls: withdraw, again: withdraw } };
  }

  /** The plan that this answer makes, or null when the model is to be asked again. */
  async #settle(answer: Answered): Promise<Plan | null> {
    const choice = answer.choices[0];
    if (choice === undefined) return unavailable('nonsense');
    const { message, finish_reason: finish } = choice;
    if (message.refusal || finish === 'content_filter') {
      return { kind: 'answer', text: DECLINED, authorship: 'system' };
    }
    const calls = message.tool_calls ?? [];
    // An answer that was cut may hold half a value that still parses.
    if (finish === 'length' && calls.length > 0) return unavailable('nonsense');
    const text = modelText(message.content, this.#options.clean);
    if (calls.length === 0) {
      return text === '' ? unavailable('nonsense') : { kind: 'answer', text, authorship: 'model' };
    }
    if (calls.length > this.#options.limits.proposals + this.#options.limits.reads)
      return unavailable('nonsense');
    this.#messages.push({
      role: 'assistant',
      content: message.content ?? null,
      tool_calls: calls.map((call) => ({ id: call.id, type: 'function', function: call.function })),
    });
    return this.#settleCalls(
      calls.map((call) => judgeCall(call, this.#wire, this.#sources())),
      text,
    );
  }

  async #settleCalls(judged: readonly Judged[], text: string): Promise<Plan | null> {
    const [only] = judged;
    if (judged.length === 1 && only?.kind === 'incomplete') {
      // The question is ours: the model's words are left out.
      return askFor(only.tool, only.arguments, only.given);
    }
    const good = judged.filter((one) => one.kind === 'good');
    if (good.length < judged.length) return this.#correct(judged);
    if (good.some((one) => one.tool.effect === 'write')) {
      if (good.length > this.#options.limits.proposals) return unavailable('nonsense');
      const proposals = good.map((one) => one.proposal);
      return { kind: 'proposals', proposals, text: text === '' ? null : text, authorship: 'model' };
    }
    for (const one of good) {
      if (++this.#reads > this.#options.limits.reads) return unavailable('too_many_rounds');
      const read = await this.#input.read(one.proposal);
      this.#fetched.push(read.text);
      this.#reply(one.call, asData(read.ok ? one.tool.name : `${one.tool.name}, failed`, read.text));
      if (this.#signal.aborted) return unavailable('timeout');
    }
    return null;
  }

  #correct(judged: readonly Judged[]): Plan | null {
    if (++this.#corrections > this.#options.limits.corrections) return unavailable('nonsense');
    for (const one of judged) this.#reply(one.call, correction(one));
    return null;
  }

  #reply(call: Call, content: string): void {
    this.#messages.push({ role: 'tool', tool_call_id: call.id, content });
  }

  #sources(): Sources {
    return { person: [this.#input.text, ...authored(this.#input, 'person')], fetched: this.#fetched };
  }
}

function correction(judged: Judged): string {
  switch (judged.kind) {
    case 'wrong':
      return judged.message;
    case 'incomplete':
      return 'Required arguments are missing. Call this tool alone to ask the person for them.';
    case 'good':
      return 'Not done yet, because another call was wrong. Call it again together with the others.';
  }
}

function authored(input: PlanInput, authorship: 'person' | 'fetched'): string[] {
  return input.history.filter((message) => message.authorship === authorship).map((message) => message.text);
}

function unavailable(reason: Unavailable): Plan {
  return { kind: 'unavailable', reason };
}
