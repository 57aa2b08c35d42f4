/** Stopping a run on Buildbot. Runs in the sandbox. */
import type { EgressValues, Look, RunResult, Tools } from '../../src/action.ts';
import { type Fields, failed, text } from './answer.ts';
import { CANCELLED, newestBuild, readSteps } from './buildbot-builds.ts';
import { BUILDBOT } from './buildbot-jobs.ts';
import {
  answerTo,
  LOOKS_UNTIL_AGAIN,
  LOOKS_UNTIL_GIVEN_UP,
  NOT_STOPPED,
  stopRule,
  wantsStop,
} from './ci-other-commit.ts';
import { type Args, numberOf, stopping } from './ci-runs.ts';
import { write } from './json-call.ts';

/** Buildbot stops the build where one has begun, and otherwise takes the request from the queue. */
export const cancelBody = ({ requester }: Pick<EgressValues, 'requester'>): Fields => ({
  id: 1,
  jsonrpc: '2.0',
  method: 'cancel',
  params: { reason: `Stopped for ${requester} by Countersign` },
});

export const sendCancel = (tools: Tools, request: string) =>
  write(tools, BUILDBOT, ['api', 'v2', 'buildrequests', request], cancelBody(tools));

/** The stop of a run that is followed. */
export const stopRunRule = stopRule(BUILDBOT, '/api/v2/buildrequests/{request}', {
  fill: ({ handle }) => ({ request: text(handle, 'request') }),
  body: cancelBody,
});

/** Stops that the looks at a stopped run may send. */
export const STOPS_AGAIN = 1;

/** The same stop once more, of the run that was approved to be stopped. */
export const stopAgainRule = stopRule(BUILDBOT, '/api/v2/buildrequests/{request}', {
  fill: ({ args }) => ({ request: numberOf(args) }),
  body: cancelBody,
});

/** A run that is being stopped as far as anybody knows: of one that had a build by then, that is certain. */
export function beingStopped(
  args: Args,
  name: string,
  build: string | null,
): RunResult & { kind: 'running' } {
  const { handle, ...more } = stopping(args, name);
  return { ...more, handle: { ...handle, dropped: build === null ? 'perhaps' : 'no' } };
}

/**
 * One look at a run that was asked to stop and goes on. Between a worker's taking up a request and its build, Buildbot takes a stop and
 * does nothing ("race condition" in its data/buildrequests.py), so one that found no build is sent once more after a while, where
 * no step was cancelled. A build that is stopping is left alone, however long that takes: another stop would kill the steps that
 * it always runs, which give back and tear down what it had.
 */
export async function lookAtStop(handle: Args, tools: Tools): Promise<Look> {
  const going = (more: Fields): Look => ({ kind: 'running', handle: { ...handle, ...more }, output: '' });
  if (text(handle, 'dropped') !== 'perhaps') return going({});
  const waited = Number(handle.waited ?? 0) + 1;
  if (waited < LOOKS_UNTIL_AGAIN) return going({ waited });
  const build = text(handle, 'build');
  // Waits for its build: what a look may read of one stands in its handle.
  if (build === '') return going({ build: (await newestBuild(tools, numberOf(handle))) ?? '' });
  if ((await readSteps(tools, build)).some((step) => step.results === CANCELLED))
    return going({ dropped: 'no', stop: '' });
  if (waited >= LOOKS_UNTIL_GIVEN_UP)
    return { ...failed('not_stopped', `${text(handle, 'name')} ${NOT_STOPPED}`), output: '' };
  if (text(handle, 'stop') === '') return going({ waited, stop: 'wanted' });
  if (!wantsStop(handle)) return going({ waited });
  const answer = await answerTo(async () => (await sendCancel(tools, numberOf(handle))).ok);
  // One that was refused is tried again until a person is asked: a limit passes, and so does a kill switch.
  return going({ waited, stop: answer === 'refused' ? 'wanted' : answer });
}
