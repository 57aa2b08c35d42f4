/**
 * Words that concern one reader where others read along. Teams shows the answer to a press to whoever pressed, and has nothing
 * else that one member of a conversation sees alone: what was told so is not said again, and what came too late for it, or
 * was pressed in an older client, goes to the person's own chat.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { PrincipalId } from '../../src/model/ids.ts';
import type { Surface } from '../../src/model/ports.ts';
import type { Place } from '../../src/model/turn.ts';
import type { Memory } from '../../src/surface/memory.ts';
import { ANSWER_WITHIN_MS } from './limits.ts';

export type Whispers = ReturnType<typeof createWhispers>;

/** How long an answer that was shown is remembered: its message is on its way by then, or in somebody's queue. */
const TOLD_TTL_MS = 120_000;
/** Answers to one person in one place that are remembered at once. */
const TOLD_MAX = 5;
/** A message looks this often whether the press that it answers has been answered. */
const LOOK_EVERY_MS = 50;
/** Longer than a press may take to be answered. */
const LOOKS_MAX = Math.ceil((ANSWER_WITHIN_MS + 1_000) / LOOK_EVERY_MS);

/** `memory` is what may be forgotten: then words that were shown are sent to the person's own chat besides. */
export function createWhispers(memory: Memory) {
  const name = ({ container }: Place, user: string, what: string) => `teams:${what}:${container}:${user}`;
  const toldTo = async (place: Place, user: string): Promise<string[]> =>
    JSON.parse((await memory.get(name(place, user, 'told'))) ?? '[]') as string[];
  return {
    /** A press that will be answered, before anything is stored that could be said of it. */
    async begin(place: Place, user: string): Promise<void> {
      await memory.set(name(place, user, 'pressed'), 'open', ANSWER_WITHIN_MS + 1_000);
    },

    /** `words`: what the person was shown; null where it was too late for that. */
    async end(place: Place, user: string, words: string | null): Promise<void> {
      if (words !== null) {
        const told = [words, ...(await toldTo(place, user))].slice(0, TOLD_MAX);
        await memory.set(name(place, user, 'told'), JSON.stringify(told), TOLD_TTL_MS);
      }
      await memory.set(name(place, user, 'pressed'), 'answered', TOLD_TTL_MS);
    },

    /** Whether these words were shown as the answer to a press; waits while one is being answered. */
    async wasTold(place: Place, user: string, words: string): Promise<boolean> {
      for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
        const isOpen = (await memory.get(name(place, user, 'pressed'))) === 'open';
        if ((await toldTo(place, user)).some((told) => told.includes(words))) return true;
        if (!isOpen) return false;
        await wait(LOOK_EVERY_MS);
      }
      return false;
    },
  };
}

/** The same surface, on which what is for one reader is shown to nobody else where that can be. */
export function whispering(surface: Surface, whispers: Whispers): Surface {
  return {
    platform: surface.platform,
    ...(surface.streaming === undefined ? {} : { streaming: surface.streaming }),
    update: (delivered, message) => surface.update(delivered, message),
    threadOf: (delivered) => surface.threadOf(delivered),
    approvalPlaces: (approvers, channel) => surface.approvalPlaces(approvers, channel),
    operatorsPlace: () => surface.operatorsPlace(),
    ...(surface.factsOf === undefined ? {} : { factsOf: surface.factsOf.bind(surface) }),
    async post(place, message, begun) {
      const { onlyFor, text } = message;
      if (onlyFor?.platform !== 'teams' || place.direct) return surface.post(place, message, begun);
      if (await whispers.wasTold(place, onlyFor.user, text)) {
        return {
          platform: 'teams',
          container: place.container,
          message: `${place.tenant} ${place.thread} told`,
        };
      }
      const reader = { id: PrincipalId.parse('reader'), name: '', groups: [], accounts: [onlyFor] };
      const own = (await surface.approvalPlaces([reader])).find(({ direct }) => direct);
      // Nobody can be written to who has not got the app: then all may read it.
      return surface.post(own ?? place, message, begun);
    },
  };
}
