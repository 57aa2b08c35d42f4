/**
 * The agent's part of a conversation: what one could ask when it is opened, that something is being worked on, with Slack's
 * own Stop button, and that it is not any more. All of it may fail without harm.
 */
import { randomUUID } from 'node:crypto';
import { AppError } from '../../src/errors.ts';
import type { PrincipalId } from '../../src/model/ids.ts';
import type { Assistant } from '../../src/model/ports.ts';
import type { Place } from '../../src/model/turn.ts';
import type { Memory } from '../../src/surface/memory.ts';
import { type PacedQueue, RateLimited } from '../../src/surface/paced-queue.ts';
import { visible } from '../../src/surface/unseen.ts';
import type { SlackClient } from './client.ts';
import { LABEL_MAX } from './limits.ts';
import { type Log, nameOf } from './log.ts';
import { PROMPTS } from './needs.ts';
import { clip } from './outbound-text.ts';

export type Greet = (channel: string, person: PrincipalId | null) => Promise<void>;
export type Agent = {
  greet: Greet;
  working(place: Place): Promise<void>;
  answered(place: Place): Promise<void>;
};

/** As the manifest's: Slack shows at most four. */
const PROMPTS_MAX = 4;
/** Longer than a turn may take; after that nobody waits for the end of it. */
const WORKING_TTL_MS = 600_000;
/** A status that could not be set is tried again after this, for as long as the queue is patient. */
const STATUS_AGAIN_MS = 5_000;
const [HELP] = PROMPTS;
/** Where an example leaves out what a person must say. */
const BLANK = /\{[^{}]+\}/;

type Prompt = { title: string; message: string };
type Suggested = Awaited<ReturnType<Assistant['actions']>>[number];

export function createAgent(parts: {
  assistant: () => Pick<Assistant, 'actions' | 'form'>;
  client: Pick<SlackClient, 'suggest' | 'setSession'>;
  memory: Memory;
  queue: PacedQueue;
  log: Log;
}): Agent {
  const { client, memory, queue } = parts;
  /** A decoration that cannot be shown costs nobody their answer, whatever the reason. */
  const harmless = async (show: () => Promise<void>): Promise<void> => {
    try {
      await show();
    } catch (error) {
      parts.log.warn(
        { code: 'slack_agent_view', error: nameOf(error) },
        'a status or suggestion was not shown',
      );
    }
  };
  const keyOf = ({ container, thread }: Place) => `slack:working:${container}:${thread}`;

  /** One after the other in each thread, and of those that wait only the newest. */
  const setStatus = (place: Place, status: 'processing' | 'active'): Promise<void> =>
    queue.enqueue(keyOf(place), 'status', () =>
      client.setSession(place.container, place.thread, status).catch((error: unknown) => {
        const isDown = error instanceof AppError && error.code === 'platform_unavailable';
        throw isDown ? new RateLimited(STATUS_AGAIN_MS) : error;
      }),
    );

  /** Pressed, a suggestion is sent as it is: nobody fills in its blanks. */
  const promptFor = async (
    { name, title: words, examples }: Suggested,
    person: PrincipalId,
  ): Promise<Prompt[]> => {
    const title = clip(visible(words), LABEL_MAX);
    const whole = examples.find((example) => !BLANK.test(example));
    if (whole !== undefined) return [{ title, message: whole }];
    // The command alone asks for what it needs; one that needs nothing would act at once.
    const form = await parts.assistant().form(name, person);
    const asks = form?.fields.some(({ required }) => required) ?? false;
    return asks ? [{ title, message: name.replace('.', ' ') }] : [];
  };

  return {
    greet: (channel, person) =>
      harmless(async () => {
        const actions = person === null ? [] : await parts.assistant().actions(person);
        const prompts: Prompt[] = [HELP];
        for (const action of actions) {
          if (prompts.length === PROMPTS_MAX) break;
          prompts.push(...(await promptFor(action, person!)));
        }
        await client.suggest(channel, prompts);
      }),

    working: (place) =>
      harmless(async () => {
        if (place.thread === '') return;
        await memory.set(keyOf(place), randomUUID(), WORKING_TTL_MS);
        await setStatus(place, 'processing');
      }),

    answered: (place) =>
      harmless(async () => {
        const working = await memory.get(keyOf(place));
        if (working === null || working === '') return;
        await setStatus(place, 'active');
        // Forgotten only once it shows; and what has begun meanwhile has an end of its own.
        if ((await memory.get(keyOf(place))) === working) await memory.set(keyOf(place), '', WORKING_TTL_MS);
      }),
  };
}
