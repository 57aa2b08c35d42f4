/**
 * PagerDuty's on-calls (REST API v2, `GET /oncalls`). Its answers are untrusted: they are read by shape, within limits, and
 * name only people whom the operator linked by id.
 */
import { AppError } from '../errors.ts';
import type { PrincipalId } from '../model/ids.ts';
import { type Entry, readPage } from './pagerduty-page.ts';
import type { OnCall } from './port.ts';

export const PAGERDUTY_API = 'https://api.pagerduty.com';

/** The largest page that PagerDuty gives. */
const PAGE_SIZE = 100;
/** A schedule has a handful of people at one moment; more pages than this are no answer to our question. */
const PAGES_MAX = 10;
/** The range must not be empty; what begins within it is left out again below. */
const RANGE_MS = 1_000;
/** How often one page is asked for where PagerDuty asks us to wait. */
const TRIES = 4;
/** Where it says to wait without saying how long. */
const DEFAULT_WAIT_SECONDS = 2;
/** For everything: somebody waits to be asked, and everybody who may approve is asked where this fails. */
const TOTAL_TIMEOUT_MS = 30_000;
const TOO_MANY_REQUESTS = 429;

export type PagerDutyOptions = {
  token: string;
  /** `PAGERDUTY_API` or the service region's own. */
  apiUrl: string;
  /** Our names of schedules to PagerDuty's ids. */
  schedules: Readonly<Record<string, string>>;
  /** PagerDuty's ids of users to our people. */
  users: Readonly<Record<string, PrincipalId>>;
  /** Waits before asking again. @throws where the signal aborts first. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
};

export function pagerDutyOnCall(options: PagerDutyOptions): OnCall {
  return {
    schedules: Object.keys(options.schedules),
    async whoIsOnCall(name, at) {
      const schedule = Object.hasOwn(options.schedules, name) ? options.schedules[name] : undefined;
      if (schedule === undefined) throw new AppError('not_found', `There is no on-call schedule "${name}".`);
      try {
        return peopleOf(options, schedule, await entriesAt(options, schedule, at), at);
      } catch (cause) {
        if (cause instanceof AppError) throw cause;
        throw unreadable({ cause });
      }
    },
  };
}

const unreadable = (options?: { cause?: unknown }): AppError =>
  new AppError('upstream_failed', 'PagerDuty cannot say who is on call right now.', options);

async function entriesAt(options: PagerDutyOptions, schedule: string, at: Date): Promise<Entry[]> {
  const signal = AbortSignal.timeout(TOTAL_TIMEOUT_MS);
  const found: Entry[] = [];
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const url = new URL(`${options.apiUrl.replace(/\/$/, '')}/oncalls`);
    url.search = new URLSearchParams([
      ['schedule_ids[]', schedule],
      ['since', at.toISOString()],
      ['until', new Date(at.getTime() + RANGE_MS).toISOString()],
      ['limit', String(PAGE_SIZE)],
      ['offset', String(found.length)],
    ]).toString();
    const { entries, more } = await readPage(await get(options, url, signal));
    found.push(...entries);
    if (!more) return found;
    if (entries.length === 0) break;
  }
  // Half of the people would look like all of them.
  throw unreadable();
}

/** One page, after as many pauses as PagerDuty asks for. Redirects are refused: the token is for one host. */
async function get(options: PagerDutyOptions, url: URL, signal: AbortSignal): Promise<Response> {
  for (let tried = 1; ; tried += 1) {
    const response = await fetch(url, {
      headers: {
        accept: 'application/vnd.pagerduty+json;version=2',
        authorization: `Token token=${options.token}`,
      },
      redirect: 'error',
      signal,
    });
    if (response.ok) return response;
    await response.body?.cancel();
    if (response.status !== TOO_MANY_REQUESTS || tried === TRIES)
      throw unreadable({ cause: new Error(`PagerDuty answered ${response.status}`) });
    await options.wait(waitMs(response.headers), signal);
  }
}

/** `Retry-After` in seconds or as a date, or PagerDuty's own `ratelimit-reset` in seconds. */
function waitMs(headers: Headers): number {
  const text = headers.get('retry-after') ?? headers.get('ratelimit-reset') ?? '';
  if (/^\d{1,6}$/.test(text)) return Number(text) * 1000;
  const until = Date.parse(text);
  return Number.isNaN(until) ? DEFAULT_WAIT_SECONDS * 1000 : Math.max(0, until - Date.now());
}

/** By escalation level, then by whose shift began first; each person once. */
function peopleOf(
  { users }: PagerDutyOptions,
  schedule: string,
  entries: readonly Entry[],
  at: Date,
): PrincipalId[] {
  const now = entries
    .filter((entry) => entry.schedule?.id === schedule)
    .filter(({ start, end }) => (start === null || start <= at) && (end === null || at < end))
    .sort((a, b) => a.escalation_level - b.escalation_level || Number(a.start ?? 0) - Number(b.start ?? 0));
  const people = now.flatMap(({ user }) => (Object.hasOwn(users, user.id) ? [users[user.id]!] : []));
  return [...new Set(people)];
}
