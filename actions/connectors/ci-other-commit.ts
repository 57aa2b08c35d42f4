/**
 * A run that turns out to be on another commit than the approved one: it is stopped by the looks at it, and whoever asked is told
 * whether that worked. Runs in the sandbox.
 */
import type { EgressRule, EgressValues, Look } from '../../src/action.ts';
import { AppError } from '../../src/errors.ts';
import type { Json } from '../../src/model/request.ts';
import { text } from './answer.ts';
import type { Args } from './ci-runs.ts';
import { type System, writeRule } from './json-call.ts';

/**
 * A stop, and one more where nobody answered the first. What was stopped may clean up after itself before it ends, and on some systems
 * a second stop ends that: one that was taken is not sent again.
 */
export const STOPS = 2;
/** Looks, a second apart, after which a run that has not stopped may be asked once more. */
export const LOOKS_UNTIL_AGAIN = 20;
/** And after which a person is. */
export const LOOKS_UNTIL_GIVEN_UP = 60;

/** Whether this handle asks for a stop: by this alone a look gets a door that lets one out. */
export const wantsStop = (handle: Args): boolean => text(handle, 'stop') === 'wanted';

type Fill = (values: EgressValues) => Record<string, string>;

/** The stop as a look may send it. Absent `body`: none. */
export function stopRule(
  system: System,
  path: string,
  shape: { fill: Fill; body?: (values: EgressValues) => Json },
): EgressRule {
  const fill: Fill = (values) => (wantsStop(values.handle) ? shape.fill(values) : {});
  return { ...writeRule(system, path, { fill, body: shape.body ?? (() => null) }), phase: 'follow' };
}

/** What is known of the run: its name for people, the commit that it is on, where to look. */
export type Other = { name: string; built: string; link: string };

/** Of a run that goes on although it was asked to stop. */
export const NOT_STOPPED = 'was asked to stop, and has not ended. Please look, and stop it there.';

const otherThan = (built: string): string => `another commit than the approved one (${built.slice(0, 12)})`;

/**
 * One look at a run on another commit that has not ended. The first asks for the stop, the second sends it, the next ones wait for
 * the end, which whoever calls this reads. `send` answers whether the stop was taken.
 */
export async function stopOther(
  handle: Args,
  { name, built, link }: Other,
  output: string,
  send: () => Promise<boolean>,
): Promise<Look> {
  const going = (more: Record<string, Json>): Look => ({
    kind: 'running',
    handle: { ...handle, ...more },
    output,
  });
  const givenUp = (words: string): Look => ({
    kind: 'failed',
    result: { code: 'other_commit', message: `${name} began on ${otherThan(built)} and ${words}`, link },
    output,
  });
  const stops = Number(handle.stops ?? 0);
  switch (text(handle, 'stop')) {
    case '':
      return going({ stop: 'wanted' });
    case 'wanted':
      return going({ stop: await answerTo(send), stops: stops + 1, waited: 0 });
    case 'refused':
      // It may have ended meanwhile, which is why it was refused; this look says that it has not.
      return givenUp('could not be cancelled. Please look, and stop it there.');
    default: {
      const waited = Number(handle.waited ?? 0) + 1;
      if (waited >= LOOKS_UNTIL_GIVEN_UP) return givenUp(NOT_STOPPED);
      const isLost = text(handle, 'stop') === 'unanswered';
      const isAgain = isLost && waited === LOOKS_UNTIL_AGAIN && stops < STOPS;
      return going(isAgain ? { stop: 'wanted', waited } : { waited });
    }
  }
}

/** Sends a stop. One that was never answered may have been taken: what follows says it. */
export async function answerTo(send: () => Promise<boolean>): Promise<'asked' | 'refused' | 'unanswered'> {
  try {
    return (await send()) ? 'asked' : 'refused';
  } catch (error) {
    if (error instanceof AppError && error.code === 'upstream_failed') return 'unanswered';
    throw error;
  }
}

/** How a run on another commit ended, and whether our stop did it. `words`: "passed", "failed". */
export function endedOther(
  handle: Args,
  { name, built }: Pick<Other, 'name' | 'built'>,
  ended: { wasCancelled: boolean; words: string },
): string {
  if (text(handle, 'stop') === '') return `${name} ran on ${otherThan(built)} and ${ended.words}.`;
  if (ended.wasCancelled) return `${name} began on ${otherThan(built)} and was cancelled.`;
  return `${name} began on ${otherThan(built)} and could not be cancelled before its end: it ${ended.words}. Please look at what it did.`;
}
