/**
 * Deployments as runs of one workflow on GitHub Actions: started on a tag at the pinned commit, with the environment as an input. A
 * job of it with `environment` makes GitHub keep a deployment (docs.github.com, "Deploying to a specific environment"), which says
 * what runs now. Bundled and run in the sandbox; every call passes the broker.
 */
import type { CredentialScope, EgressRule, EgressValues, Look, Operation, Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { isFields, text } from './answer.ts';
import { wantsStop } from './ci-other-commit.ts';
import type { Args } from './ci-runs.ts';
import { type Environment, kindOf, targetOf } from './deployed.ts';
import { previewOf } from './deploying.ts';
import { trigger } from './github-actions-trigger.ts';
import { GITHUB, nameOn, pastRules, placeOf, SYSTEM } from './github-deployments-past.ts';
import { tagFacts } from './github-tags.ts';
import { read } from './json-call.ts';

/** The workflow under the one name that a job needs. */
const JOB = 'deploy';

/** The run that deploys this commit there, in the words of GitHub Actions. */
function asJob(environment: Environment | null, commit: string): Record<string, Json> {
  if (environment === null) return { repo: '', job: '', ref: '' };
  const inputs = { [text(environment.of, 'input')]: nameOn(environment) };
  return { repo: environment.service, job: JOB, ref: commit, inputs };
}

/** The settings that GitHub Actions would have for that one job. */
function jobSettings(environment: Environment | null, settings: Json): Json {
  const place = placeOf(environment);
  if (environment === null || place === null || !isFields(settings)) return {};
  const { service, of } = environment;
  const job = { repositories: [service], workflow: text(of, 'workflow'), inputs: [text(of, 'input')] };
  return {
    account: settings.account ?? '',
    run_details: settings.run_details ?? true,
    repositories: { [service]: { ...place } },
    jobs: { [JOB]: job },
  };
}

function inItsWords(values: EgressValues): EgressValues {
  const environment = targetOf(values.args, values.settings);
  return {
    ...values,
    args: asJob(environment, values.pinned.commit ?? ''),
    settings: jobSettings(environment, values.settings),
  };
}
const asJobRule = (rule: EgressRule): EgressRule => ({
  ...rule,
  fill: (values) => rule.fill(inItsWords(values)),
  query: (values) => rule.query(inItsWords(values)),
  body: (values) => rule.body(inItsWords(values)),
});
const withSettings = (environment: Environment | null, tools: Tools): Tools => ({
  ...tools,
  settings: jobSettings(environment, tools.settings),
});

/** What the start of a run is made for, and the deployments that its preview reads. */
const scope = (values: EgressValues): CredentialScope | null => {
  const made = trigger.scope?.(inItsWords(values)) ?? null;
  // A look that stops a run reads no deployments.
  if (made === null || wantsStop(values.handle)) return made;
  return { ...made, permissions: { ...made.permissions, deployments: 'read' } };
};

async function preview(name: 'promote' | 'rollback', args: Args, tools: Tools) {
  const planned = await previewOf({ ...SYSTEM, name: 'GitHub Actions' }, name, args, tools);
  const environment = targetOf(args, tools.settings);
  const place = placeOf(environment);
  if ('refused' in planned || environment === null || place === null) return planned;
  const workflow = text(environment.of, 'workflow');
  const path = ['repos', place.owner, place.repo, 'actions', 'workflows', workflow];
  const described = await read(tools, GITHUB, path);
  if (!described.ok) return { refused: described.failure.result.message };
  if (described.value.state !== 'active')
    return { refused: `The workflow ${workflow} is disabled on GitHub.` };
  const tag = await tagFacts(kindOf(environment), place, tools);
  if ('refused' in tag) return tag;
  return {
    ...planned,
    facts: [
      ...planned.facts,
      { label: 'Workflow', value: `${workflow} of ${place.owner}/${place.repo}` },
      ...tag,
    ],
  };
}

/** Where it went, in the words of whoever asked; how it failed, in those of GitHub Actions. */
function told(look: Look, { service, name }: Environment, tools: Tools): Look {
  if (look.kind !== 'done') return look;
  const commit = (tools.pinned.commit ?? '').slice(0, 12);
  const run = isFields(look.result.data) ? ` (${text(look.result.data, 'run')})` : '';
  return {
    ...look,
    result: { ...look.result, message: `Deployed ${commit} of ${service} to ${name}${run}.` },
  };
}

/** A look knows no arguments: the handle says where it is. */
function handled<T extends { kind: string }>(made: T, { service, name }: Environment): T {
  if (made.kind !== 'running' || !('handle' in made)) return made;
  return { ...made, handle: { ...(made.handle as Args), service, environment: name } };
}

const operation = (name: 'promote' | 'rollback'): Operation => ({
  scope,
  egress: [...pastRules, ...trigger.egress.map(asJobRule)],
  writes: trigger.writes,
  followWrites: trigger.followWrites ?? 0,
  idempotency: 'none',
  preview: (args, tools) => preview(name, args, tools),
  run: async (args, tools) => {
    const environment = targetOf(args, tools.settings);
    const made = await trigger.run(
      asJob(environment, tools.pinned.commit ?? ''),
      withSettings(environment, tools),
    );
    return environment === null ? made : handled(made, environment);
  },
  reconcile: async (args, tools) => {
    const environment = targetOf(args, tools.settings);
    const job = asJob(environment, tools.pinned.commit ?? '');
    const found = await trigger.reconcile(job, withSettings(environment, tools));
    if (found.kind === 'cannot_tell' || environment === null) return found;
    return { ...found, outcome: handled(found.outcome, environment) };
  },
  follow: async (handle, tools) => {
    const environment = targetOf(handle, tools.settings);
    const look = await trigger.follow(handle, withSettings(environment, tools));
    return environment === null ? look : told(look, environment, tools);
  },
});

export const operations = { promote: operation('promote'), rollback: operation('rollback') };
