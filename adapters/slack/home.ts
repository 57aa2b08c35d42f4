/** Publishes the Home tab for whoever opens it, and again when something changes while they may still look at it. */
import type { PrincipalId } from '../../src/model/ids.ts';
import type { Assistant } from '../../src/model/ports.ts';
import type { Clock, PacedQueue } from '../../src/surface/paced-queue.ts';
import type { SlackClient } from './client.ts';
import { type HomeView, renderHome } from './home-view.ts';
import type { Who } from './interactions.ts';
import { type Log, nameOf } from './log.ts';

export type Home = {
  /** Does not wait for the page to be there. `person` null: the page says that they are not known. */
  open(who: Who, person: PrincipalId | null): void;
  /** Begins to follow changes. */
  start(): void;
  stop(): void;
};

/** Slack does not say when the tab is left: as long as this, it is kept up to date. */
const LOOKING_MS = 600_000;
/** People whose tab is kept up to date at once; the one who opened it first is let go. */
const LOOKERS_MAX = 100;

export function createHome(parts: {
  assistant: () => Assistant;
  client: Pick<SlackClient, 'publishHome'>;
  queue: PacedQueue;
  clock: Clock;
  log: Log;
}): Home {
  const { queue, client, clock, log } = parts;
  const lookers = new Map<string, { person: PrincipalId; openedMs: number }>();
  let unfollow: () => void = () => undefined;

  const viewFor = async (person: PrincipalId): Promise<HomeView> => {
    const assistant = parts.assistant();
    const [waiting, mine, actions] = await Promise.all([
      assistant.waitingFor(person),
      assistant.mine(person),
      assistant.actions(person),
    ]);
    return renderHome({ waiting, mine, actions });
  };
  /** Read when its turn has come, so that of several changes only the newest is published. */
  const publish = (line: string, user: string, person: PrincipalId | null): void => {
    const show = async () => client.publishHome(user, person === null ? STRANGER : await viewFor(person));
    queue.enqueue(line, user, show).catch((error: unknown) => {
      // Opening it again shows it.
      log.warn({ code: 'slack_home_stale', error: nameOf(error) }, 'a Home tab was not brought up to date');
    });
  };
  /** All of them in one line, about one a second: what people look at must not cost what they wait for. */
  const refresh = (): void => {
    for (const [user, { person, openedMs }] of lookers) {
      if (clock.now() - openedMs > LOOKING_MS) lookers.delete(user);
      else publish('homes', user, person);
    }
  };

  return {
    open({ user }, person) {
      lookers.delete(user);
      if (person !== null) lookers.set(user, { person, openedMs: clock.now() });
      const oldest = lookers.keys().next();
      if (lookers.size > LOOKERS_MAX && !oldest.done) lookers.delete(oldest.value);
      publish(`home:${user}`, user, person);
    },
    start() {
      unfollow = parts.assistant().onChange(({ kind }) => {
        if (kind !== 'thread') refresh();
      });
    },
    stop() {
      unfollow();
      lookers.clear();
    },
  };
}

const STRANGER: HomeView = {
  type: 'home',
  blocks: [
    {
      type: 'rich_text',
      elements: [
        {
          type: 'rich_text_section',
          elements: [
            {
              type: 'text',
              text: 'I do not know you yet. Write to me, and I say what an operator must add for you.',
            },
          ],
        },
      ],
    },
  ],
};
