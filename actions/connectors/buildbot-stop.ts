/** Stopping a run on Buildbot. Runs in the sandbox. */
import type { EgressValues, Tools } from '../../src/action.ts';
import { type Fields, text } from './answer.ts';
import { BUILDBOT } from './buildbot-jobs.ts';
import { stopRule } from './ci-other-commit.ts';
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
