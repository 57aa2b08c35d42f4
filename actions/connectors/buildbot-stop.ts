/** Stopping a run on Buildbot. Runs in the sandbox. */
import type { EgressValues, Look, Tools } from '../../src/action.ts';
import { type Fields, text } from './answer.ts';
import { BUILDBOT } from './buildbot-jobs.ts';
import { isTaken, LOOKS_UNTIL_AGAIN, stopRule, wantsStop } from './ci-other-commit.ts';
import { type Args, numberOf } from './ci-runs.ts';
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

/**
 * One look at a run that was asked to stop and goes on. Between a worker's taking up a request and its build, Buildbot takes a stop and
 * does nothing ("race condition" in its data/buildrequests.py): after a while it is asked once more, which changes nothing where it
 * has stopped already.
 */
export async function stopAgain(handle: Args, tools: Tools): Promise<Look> {
  const going = (more: Fields): Look => ({ kind: 'running', handle: { ...handle, ...more }, output: '' });
  if (wantsStop(handle)) {
    const send = async () => (await sendCancel(tools, numberOf(handle))).ok;
    return going({ stop: (await isTaken(send)) ? 'asked' : 'refused' });
  }
  if (text(handle, 'stop') !== '') return going({});
  const waited = Number(handle.waited ?? 0) + 1;
  return going(waited < LOOKS_UNTIL_AGAIN ? { waited } : { stop: 'wanted', waited });
}
