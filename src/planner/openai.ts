/**
 * The planner with a model behind Chat Completions (OpenAI's or any compatible server's). It proposes and nothing
 * more: what it says is validated strictly, and where values came from is found out by looking.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import type { Plan, PlanInput, Planner } from '../model/ports.ts';
import { Conversation } from './conversation.ts';
import { MODEL_LIMITS, type ModelLimits } from './limits.ts';
import type { Clock } from './model-call.ts';
import type { CleanText } from './model-text.ts';
import { planAnswer, planCommand } from './offline.ts';

export type OpenAIPlannerOptions = {
  client: OpenAI | { apiKey: string; baseURL?: string };
  /** A pinned snapshot's name. */
  model: string;
  /** Makes text fit to be shown: controls, direction and invisible characters out. */
  clean: CleanText;
  limits?: Partial<ModelLimits>;
  clock?: Clock;
};

const CLOCK: Clock = {
  now: () => Date.now(),
  wait: async (milliseconds, signal) => {
    await sleep(milliseconds, undefined, { signal });
  },
};

/**
 * Typed commands and short answers to our own questions never reach the model. A model that is down, hangs or answers
 * nonsense is a plan of its own (`unavailable` with the reason), also where the words would match an example: the
 * person is told, and can use a command.
 */
export function openAIPlanner(options: OpenAIPlannerOptions): Planner {
  const { model, clean } = options;
  const client = options.client instanceof OpenAI ? options.client : newClient(options.client);
  const limits = { ...MODEL_LIMITS, ...options.limits };
  const clock = options.clock ?? CLOCK;
  return {
    name: model,
    plan: async (input) => {
      const known = planWithoutModel(input);
      if (known !== null) return { plan: known, calls: [] };
      const { plan, call } = await new Conversation({ client, model, clean, limits, clock }, input).run();
      return { plan, calls: [call] };
    },
  };
}

function planWithoutModel(input: PlanInput): Plan | null {
  const command = planCommand(input);
  if (command !== null) return command;
  // Names and ids only: whether a sentence is prose for a field or a new request is the model's to tell.
  return planAnswer(input, { prose: false });
}

function newClient({ apiKey, baseURL }: { apiKey: string; baseURL?: string }): OpenAI {
  return new OpenAI({
    apiKey,
    ...(baseURL === undefined ? {} : { baseURL }),
    maxRetries: 0,
    logLevel: 'off',
  });
}
