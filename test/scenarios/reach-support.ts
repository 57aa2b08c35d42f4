/** For stories of reminders and escalations: a clock that is moved, and a platform that shows what it is given. */
import { AppError } from '../../src/errors.ts';
import type { Delivered, Message } from '../../src/model/card.ts';
import type { Surface } from '../../src/model/ports.ts';
import type { Place } from '../../src/model/turn.ts';
import type { Sql } from '../../src/store/database.ts';
import { settles, type TestAssistant } from '../support/assistant.ts';

export const DEFAULT_CHANNEL = 'CDEFAULT';
/** A machine with two cores, and much else to do. */
const PATIENCE_MS = 120_000;

/** A chat platform with a channel, and a direct message for everybody. */
export function recordingSurface(platform: 'slack' | 'teams' = 'slack') {
  /** `strangers` have no account there. */
  /** `closed`: places where the app may not write, `gone`: messages that somebody deleted there. */
  const state = {
    isDown: false,
    strangers: [] as string[],
    closed: [] as string[],
    gone: [] as string[],
    operators: null as string | null,
  };
  const shown: { place: string; thread: string; text: string; card: string | null; calls: boolean }[] = [];
  const waiting = new Set<() => void>();
  const placeAt = (container: string, direct: boolean): Place => ({
    platform,
    tenant: 'T1',
    container,
    thread: '',
    direct,
  });
  const surface: Surface = {
    platform,
    async post(place, message: Message): Promise<Delivered> {
      if (state.closed.includes(place.container)) throw new AppError('not_allowed', 'The app may not write.');
      const card = message.card?.request ?? null;
      const { text, calls = false } = message;
      shown.push({ place: place.container, thread: place.thread, text, card, calls });
      for (const look of waiting) look();
      return { platform, container: place.container, message: `${message.id} ${shown.length}` };
    },
    // Rewriting has its own tests: here it counts what people are called by.
    async update({ message }) {
      if (state.gone.includes(message)) throw new AppError('not_found', 'It is not there any more.');
    },
    threadOf: ({ message }) => `below ${message}`,
    async approvalPlaces(approvers, channel = null) {
      if (state.isDown) throw new AppError('platform_unavailable', 'The platform is down.');
      const directs = approvers
        .filter((person) => !state.strangers.includes(person.id))
        .map((person) => placeAt(`D-${person.id}`, true));
      return [placeAt(channel ?? DEFAULT_CHANNEL, false), ...directs];
    },
    operatorsPlace: async () => (state.operators === null ? null : placeAt(state.operators, false)),
  };
  return {
    surface,
    state,
    shown,
    /** Somebody deletes a request's card there. */
    async deleteCard(db: Sql, place: string, request: { id: string }): Promise<void> {
      const card = await settles(
        () =>
          db.maybe<{ delivered: Delivered }>(
            `select m.delivered from messages m join threads t on t.id = m.thread
             where t.container = $1 and m.request = $2 and m.delivered is not null`,
            [place, request.id],
          ),
        'the card stands there',
      );
      state.gone.push(card.delivered.message);
    },
    /** Where a request's card was put, in the order of the alphabet. */
    cards: (request: string): string[] =>
      shown
        .filter((message) => message.card === request)
        .map((message) => message.place)
        .sort(),
    /** What else was said about a request (by its first digits), place by place: deliveries overtake each other. */
    said: (request: string): { place: string; text: string }[] =>
      shown
        .filter((message) => message.card === null && message.text.includes(request.slice(0, 8)))
        .map(({ place, text }) => ({ place, text }))
        .sort((a, b) => a.place.localeCompare(b.place)),
    /** Resolves once it holds; asked again at every message. */
    until: (holds: () => boolean, what: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!holds()) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve();
        };
        const timer = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`waited in vain: ${what}; shown: ${JSON.stringify(shown, null, 1)}`));
        }, PATIENCE_MS);
        waiting.add(look);
        look();
      }),
  };
}

/** The plan's waiting job of a request; null where nothing is planned. */
export const plannedStep = (owner: Sql, request: { id: string }) =>
  owner.maybe<{ id: string; hours: number; step: number }>(
    `select id, round(extract(epoch from start_after - created_on) / 3600)::int as hours, (data->>'step')::int as step
     from pgboss.job where name = 'remind' and data->>'request' = $1 and state < 'active'`,
    [request.id],
  );

/** Hours pass for one request: all but its end, which was confirmed and approved with the rest of it. */
export async function hoursPass(owner: Sql, request: { id: string }, hours: number): Promise<void> {
  await owner.query(
    `update requests set created_at = created_at - make_interval(hours => $2),
       confirmed_at = confirmed_at - make_interval(hours => $2) where id = $1`,
    [request.id, hours],
  );
  await owner.query(
    `update pgboss.job set start_after = start_after - make_interval(hours => $2)
     where name = 'remind' and data->>'request' = $1 and state < 'active'`,
    [request.id, hours],
  );
}

/** Passes the hours until the next step and waits until it is taken; answers how many they were. */
export async function passToNextStep(owner: Sql, request: { id: string }): Promise<number> {
  const job = (await plannedStep(owner, request))!;
  await hoursPass(owner, request, job.hours);
  await settles(async () => {
    const reach = await owner.one<{ step: number }>('select step from reaches where request = $1', [
      request.id,
    ]);
    return reach.step > job.step;
  }, 'the step is taken');
  return job.hours;
}

/** A request for the job of a test environment may wait for a week: longer than any plan of these tests. */
export async function allowAWeek({ home, running }: TestAssistant): Promise<void> {
  home.edit('policies/ci.cedar', (text) =>
    text.replace('@approval("oncall")', '@approval("oncall")\n@expires("7d")'),
  );
  await running.reload();
}
