/**
 * When an upstream said how long it wants to be left alone, it is. Kept per upstream and credential, as its limits are.
 * An upstream that lies hurts only itself: no pause is longer than an hour.
 */
import type { Clock } from './clock.ts';

/** GitHub's windows are an hour; whoever asks for more is asked again after that. */
const MAX_PAUSE_MS = 60 * 60_000;
/**
 * For a limit without a time: "wait for at least one minute before retrying" (GitHub, "Rate limits for the REST API").
 */
const UNNAMED_PAUSE_MS = 60_000;
/** Numbers above are seconds since 1970, below seconds from now: vendors use `x-ratelimit-reset` for both. */
const FIRST_EPOCH_SECOND = 1_000_000_000;
/** What of an error's body is read for GitHub's sentence; its errors are shorter. */
const MAX_SEARCHED_BYTES = 4_096;

export type Answered = {
  status: number;
  headers: Readonly<Record<string, string>>;
  bytes: Buffer;
};

/** What a header says, each time that it came: a gateway may add its own to that of the system behind it. */
const each = (text: string): string[] => text.split(', ');

/** A time as upstreams write it, or the longest of several; in milliseconds from now, null if it is none. */
function msUntil(text: string | undefined, wallMs: number): number | null {
  if (text === undefined) return null;
  // A date has a comma too.
  const times = [text, ...each(text)].map((one) => msUntilOne(one, wallMs)).filter((ms) => ms !== null);
  return times.length === 0 ? null : Math.max(...times);
}

/** Seconds, seconds since 1970, or a date. */
function msUntilOne(text: string, wallMs: number): number | null {
  if (text.length > 40) return null;
  if (/^[0-9]{1,12}(?:\.[0-9]{1,6})?$/.test(text)) {
    const seconds = Number(text);
    return seconds < FIRST_EPOCH_SECOND ? seconds * 1_000 : seconds * 1_000 - wallMs;
  }
  const date = /[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? null : date - wallMs;
}

/**
 * How long this answer asks us to wait, in milliseconds; 0 for not at all. `Retry-After` (RFC 9110, 10.2.3) first, then
 * a window that is used up, then limits that name no time.
 */
export function pauseAsked({ status, headers, bytes }: Answered, wallMs: number): number {
  const bounded = (ms: number) => Math.min(Math.max(ms, 0), MAX_PAUSE_MS);
  const isRefusal = status === 429 || status === 503 || status === 403;
  const retryAfter = isRefusal ? msUntil(headers['retry-after'], wallMs) : null;
  if (retryAfter !== null) return bounded(retryAfter);
  // GitHub's names, and those that GitLab, PagerDuty and Zendesk took from a draft of the IETF.
  const left = headers['x-ratelimit-remaining'] ?? headers['ratelimit-remaining'];
  const reset = msUntil(headers['x-ratelimit-reset'] ?? headers['ratelimit-reset'], wallMs);
  const isUsedUp = left !== undefined && each(left).includes('0');
  if ((isUsedUp || status === 429) && reset !== null) return bounded(reset);
  if (status === 429) return UNNAMED_PAUSE_MS;
  const isSecondary =
    status === 403 && /secondary rate limit/i.test(bytes.toString('latin1', 0, MAX_SEARCHED_BYTES));
  return isSecondary ? UNNAMED_PAUSE_MS : 0;
}

export function createPauses(clock: Pick<Clock, 'nowMs' | 'wallMs'>) {
  const until = new Map<string, number>();
  const keyOf = (host: string, credential: string | null) => `${host} ${credential ?? ''}`;
  return {
    /** Answers for how long, in milliseconds. */
    note(host: string, credential: string | null, answer: Answered): number {
      const ms = pauseAsked(answer, clock.wallMs());
      if (ms > 0) until.set(keyOf(host, credential), clock.nowMs() + ms);
      return ms;
    },
    /** Milliseconds that are left; 0 where it may be asked. */
    left(host: string, credential: string | null): number {
      const key = keyOf(host, credential);
      const left = (until.get(key) ?? 0) - clock.nowMs();
      if (left > 0) return left;
      until.delete(key);
      return 0;
    },
    /** The longest that any credential waits for this upstream, in milliseconds. */
    longestFor(host: string): number {
      const ends = [...until].filter(([key]) => key.startsWith(`${host} `)).map(([, end]) => end);
      return Math.max(0, ...ends.map((end) => end - clock.nowMs()));
    },
  };
}
export type Pauses = ReturnType<typeof createPauses>;
