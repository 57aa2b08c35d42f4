/**
 * How long to wait between two looks at something that goes on elsewhere. Each costs a sandbox, entries in the log, and calls of an
 * allowance that others use too: GitHub gives an account 5,000 an hour (docs.github.com, "Rate limits for the REST API").
 */

/** What is ours is nobody's allowance, and its output streams into the thread. */
export const LOOK_AT_OURS_SECONDS = 1;

/**
 * Most checks end within minutes, while somebody waits for them; what has taken an hour is not missed for a minute. A run of a day
 * is looked at some 1,800 times so, where one of every second would be 86,400.
 */
const PAUSES = [
  { untilSeconds: 60, pauseSeconds: LOOK_AT_OURS_SECONDS },
  { untilSeconds: 10 * 60, pauseSeconds: 5 },
  { untilSeconds: 60 * 60, pauseSeconds: 15 },
] as const;
/** The longest pause, after looks that saw something and after looks that failed: a system that is down is not asked more often. */
export const LOOK_AT_LEAST_EVERY_SECONDS = 60;

/** `quietSeconds`: since the run, or a look, sent its last write. */
export function pauseAfter(quietSeconds: number): number {
  return (
    PAUSES.find(({ untilSeconds }) => quietSeconds < untilSeconds)?.pauseSeconds ??
    LOOK_AT_LEAST_EVERY_SECONDS
  );
}

/** After `count` failed looks in a row: twice as long each time, and never sooner than after one that saw something. */
export const pauseAfterFailed = (count: number, usualSeconds: number): number =>
  Math.min(Math.max(usualSeconds, LOOK_AT_OURS_SECONDS * 2 ** (count - 1)), LOOK_AT_LEAST_EVERY_SECONDS);
