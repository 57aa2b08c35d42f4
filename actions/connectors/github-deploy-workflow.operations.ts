/**
 * Deployments as runs of one workflow on GitHub Actions: started on a tag at the pinned commit, with the environment as an input. A
 * job of it with `environment` makes GitHub keep a deployment (docs.github.com, "Deploying to a specific environment"), which says
 * what runs now. Bundled and run in the sandbox; every call passes the broker.
 */
import type { Tools } from '../../src/action.ts';
import { isFields, text } from './answer.ts';
import { wantsStop } from './ci-other-commit.ts';
import { type Environment, kindOf } from './deployed.ts';
import { deployOperations, JOB } from './deploying-by-job.ts';
import { trigger } from './github-actions-trigger.ts';
import { GITHUB, nameOn, pastRules, placeOf, SYSTEM } from './github-deployments-past.ts';
import { tagFacts } from './github-tags.ts';
import { read } from './json-call.ts';

/** The workflow that will run, and the tag that it starts on. */
async function shown(environment: Environment, tools: Tools) {
  const place = placeOf(environment);
  if (place === null) return { refused: `Where ${environment.service} is on GitHub is not configured.` };
  const workflow = text(environment.of, 'workflow');
  const path = ['repos', place.owner, place.repo, 'actions', 'workflows', workflow];
  const described = await read(tools, GITHUB, path);
  if (!described.ok) return { refused: described.failure.result.message };
  if (described.value.state !== 'active')
    return { refused: `The workflow ${workflow} is disabled on GitHub.` };
  const tag = await tagFacts(kindOf(environment), place, tools);
  if ('refused' in tag) return tag;
  return [{ label: 'Workflow', value: `${workflow} of ${place.owner}/${place.repo}` }, ...tag];
}

export const operations = deployOperations({
  system: { ...SYSTEM, name: 'GitHub Actions' },
  past: pastRules,
  trigger,
  job: (environment, { pinned }) => ({
    repo: environment.service,
    job: JOB,
    ref: pinned.commit ?? '',
    inputs: { [text(environment.of, 'input')]: nameOn(environment) },
  }),
  settings: (environment, settings) => {
    const place = placeOf(environment);
    if (place === null || !isFields(settings)) return {};
    const { service, of } = environment;
    const job = { repositories: [service], workflow: text(of, 'workflow'), inputs: [text(of, 'input')] };
    return {
      account: settings.account ?? '',
      run_details: settings.run_details ?? true,
      unprotected_tags: settings.unprotected_tags ?? false,
      repositories: { [service]: { ...place } },
      jobs: { [JOB]: job },
    };
  },
  shown,
  // What the start of a run is made for, and the deployments that its preview reads; a look that stops a run reads none.
  scope: (made, { handle }) =>
    made === null || wantsStop(handle)
      ? made
      : { ...made, permissions: { ...made.permissions, deployments: 'read' } },
});
