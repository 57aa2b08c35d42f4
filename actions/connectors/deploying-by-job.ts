/**
 * Deployments as runs of one job of a CI system: started and followed by what that system's own connector does, told where to by an
 * input. Runs in the sandbox.
 */
import type { EgressRule, EgressValues, Look, Operation, Refusal, Tools } from '../../src/action.ts';
import type { Json, Preview } from '../../src/model/request.ts';
import { isFields, text } from './answer.ts';
import { type Args, gone } from './ci-runs.ts';
import { type DeploymentSystem, type Environment, targetOf } from './deployed.ts';
import { previewOf } from './deploying.ts';

/** The job that deploys, under the one name that the CI connector's words need. */
export const JOB = 'deploy';

export type Deployer = {
  /** What has been deployed, and the reads that tell it. */
  system: DeploymentSystem;
  past: readonly EgressRule[];
  /** What starts a job there, sees it to its end and finds it again. */
  trigger: Operation;
  /** The run that deploys what is pinned, as its arguments. */
  job(environment: Environment, values: Pick<EgressValues, 'pinned' | 'mark'>): Record<string, Json>;
  /** The settings that the CI connector would have for that one job. */
  settings(environment: Environment, settings: Json): Json;
  /** What else is shown, or why the job cannot run; `tools` with those settings. */
  shown(environment: Environment, tools: Tools): Promise<Preview['facts'] | Refusal>;
  scope?: (made: ReturnType<NonNullable<Operation['scope']>>, values: EgressValues) => typeof made;
};

const NOWHERE = { repo: '', job: '', ref: '' };

/** The same values in the words of the CI connector; without an environment they fill none of its rules. */
function inItsWords(deployer: Deployer, values: EgressValues): EgressValues {
  const environment = targetOf(values.args, values.settings);
  return environment === null
    ? { ...values, args: NOWHERE, settings: {} }
    : {
        ...values,
        args: deployer.job(environment, values),
        settings: deployer.settings(environment, values.settings),
      };
}

const asJobRule = (deployer: Deployer, rule: EgressRule): EgressRule => {
  const { headers } = rule;
  return {
    ...rule,
    fill: (values) => rule.fill(inItsWords(deployer, values)),
    query: (values) => rule.query(inItsWords(deployer, values)),
    body: (values) => rule.body(inItsWords(deployer, values)),
    ...(headers === undefined ? {} : { headers: (values) => headers(inItsWords(deployer, values)) }),
  };
};

/** Where it went, in the words of whoever asked; how it failed, in those of the CI system. */
function told(look: Look, { service, name }: Environment, tools: Tools): Look {
  if (look.kind === 'running') return handled(look, service, name);
  if (look.kind !== 'done') return look;
  const commit = (tools.pinned.commit ?? '').slice(0, 12);
  const run = isFields(look.result.data) ? ` (${text(look.result.data, 'run')})` : '';
  const message = `Deployed ${commit} of ${service} to ${name}${run}.`;
  return { ...look, result: { ...look.result, message } };
}

/** A look knows no arguments: the handle says where it is. */
function handled<T extends { kind: string }>(made: T, service: string, environment: string): T {
  if (made.kind !== 'running' || !('handle' in made)) return made;
  return { ...made, handle: { ...(made.handle as Args), service, environment } };
}

function operation(deployer: Deployer, name: 'promote' | 'rollback'): Operation {
  const { system, trigger } = deployer;
  const withSettings = (environment: Environment, tools: Tools): Tools => ({
    ...tools,
    settings: deployer.settings(environment, tools.settings),
  });
  const inWords = (environment: Environment, tools: Tools) =>
    [deployer.job(environment, tools), withSettings(environment, tools)] as const;
  return {
    scope: (values) => {
      const made = trigger.scope?.(inItsWords(deployer, values)) ?? null;
      return deployer.scope ? deployer.scope(made, values) : made;
    },
    egress: [...deployer.past, ...trigger.egress.map((rule) => asJobRule(deployer, rule))],
    writes: trigger.writes,
    followWrites: trigger.followWrites ?? 0,
    idempotency: trigger.idempotency,
    preview: async (args, tools) => {
      const planned = await previewOf(system, name, args, tools);
      const environment = targetOf(args, tools.settings);
      if ('refused' in planned || environment === null) return planned;
      const shown = await deployer.shown(environment, withSettings(environment, tools));
      return 'refused' in shown ? shown : { ...planned, facts: [...planned.facts, ...shown] };
    },
    run: async (args, tools) => {
      const environment = targetOf(args, tools.settings);
      if (environment === null) throw new Error('no environment to deploy to');
      const made = await trigger.run(...inWords(environment, tools));
      return handled(made, environment.service, environment.name);
    },
    reconcile: async (args, tools) => {
      const environment = targetOf(args, tools.settings);
      if (environment === null) return { kind: 'cannot_tell' };
      const found = await trigger.reconcile(...inWords(environment, tools));
      if (found.kind === 'cannot_tell') return found;
      const { service, name: place } = environment;
      return { ...found, outcome: handled(found.outcome, service, place) };
    },
    follow: async (handle, tools) => {
      const environment = targetOf(handle, tools.settings);
      if (environment === null) {
        const where = `${text(handle, 'environment')} of ${text(handle, 'service')}`;
        return gone(`The environment ${where} is no longer configured.`);
      }
      return told(await trigger.follow(handle, withSettings(environment, tools)), environment, tools);
    },
  };
}

export const deployOperations = (deployer: Deployer) => ({
  promote: operation(deployer, 'promote'),
  rollback: operation(deployer, 'rollback'),
});
