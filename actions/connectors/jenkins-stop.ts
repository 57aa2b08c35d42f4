/** Stopping a build of Jenkins, or what waits to become one. Runs in the sandbox. */
import type { EgressRule, EgressValues, RunResult, Tools } from '../../src/action.ts';
import { failed, refusedBy, text, unclear } from './answer.ts';
import { wantsStop } from './ci-other-commit.ts';
import { JENKINS, writesOf } from './jenkins-jobs.ts';

/** The stop of a build that is followed. */
export const stopRules = (where: (values: EgressValues) => string): EgressRule[] =>
  writesOf((values) => (wantsStop(values.handle) ? where(values) : ''), '/{build}/stop', {
    more: ({ handle }) => ({ build: text(handle, 'build') }),
  }).map((rule) => ({ ...rule, phase: 'follow' }));

/**
 * Sends a stop. Jenkins answers it with a redirect to the page that a browser came from (HttpResponses.forwardToPreviousPage): the
 * broker follows none, and that it was sent is all there is to know. Whether it has stopped is looked at.
 */
export async function sendStop(
  tools: Tools,
  path: readonly string[],
  query: string,
): Promise<RunResult | null> {
  const address = `https://${JENKINS.host}/${path.map(encodeURIComponent).join('/')}${query}`;
  const response = await tools.fetch(address, { method: 'POST' });
  const refused = refusedBy((name) => response.headers.get(name));
  if (refused?.reason === 'redirect' || response.ok) return null;
  if (refused?.sent || response.status >= 500)
    throw unclear(JENKINS.name, refused?.reason ?? String(response.status));
  if (refused) return failed(refused.reason, 'The call to Jenkins was refused before it left.');
  if (response.status === 401 || response.status === 403)
    return failed('upstream_forbidden', "Jenkins does not let the assistant's account stop this run.");
  return failed('not_found', 'Jenkins no longer knows this run.');
}
