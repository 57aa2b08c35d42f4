/**
 * Which commit a promotion or a rollback would bring, decided from what has been deployed. Runs in the sandbox.
 */
import type { Refusal, Tools } from '../../src/action.ts';
import { text } from './answer.ts';
import type { Args } from './ci-runs.ts';
import {
  called,
  type Deployment,
  type DeploymentSystem,
  type Environment,
  LOOKED_AT,
  short,
  sourceOf,
  targetOf,
  unknown,
} from './deployed.ts';

/** Newest first, up to the first with which it is `enough`. */
async function seenOf(
  system: DeploymentSystem,
  environment: Environment,
  tools: Tools,
  enough: (deployment: Deployment) => boolean,
): Promise<Deployment[] | Refusal> {
  const listed = await system.list(environment, tools);
  if ('refused' in listed) return listed;
  const seen: Deployment[] = [];
  for (const look of listed) {
    const deployment = await look();
    if ('refused' in deployment) return deployment;
    seen.push(deployment);
    if (enough(deployment)) break;
  }
  return seen;
}

/** What is there: the newest, whatever became of it, and the newest that succeeded, which is what runs. */
export type Standing = { newest: Deployment | null; current: Deployment | null };

function standing(seen: readonly Deployment[], { service, name }: Environment): Standing | Refusal {
  const [newest] = seen;
  if (newest?.state === 'going')
    return {
      refused: `A deployment of ${service} to ${name} has not ended yet: ${called(newest)}. Ask again when it has.`,
    };
  return { newest: newest ?? null, current: seen.find(({ succeeded }) => succeeded) ?? null };
}
/** Nothing has happened since to what runs: it can be relied on. */
const isWhole = ({ newest, current }: Standing): boolean =>
  current !== null && newest?.id === current.id && current.state === 'runs';

export type Plan = {
  environment: Environment;
  standing: Standing;
  commit: string;
  /** Where the commit comes from: what runs in the environment before, or ran here before. */
  origin: Deployment | null;
};

async function promotion(
  args: Args,
  environment: Environment,
  system: DeploymentSystem,
  tools: Tools,
): Promise<Plan | Refusal> {
  const { service, name } = environment;
  const seen = await seenOf(system, environment, tools, ({ succeeded }) => succeeded);
  if ('refused' in seen) return seen;
  const stands = standing(seen, environment);
  if ('refused' in stands) return stands;
  const chosen = await chosenCommit(args, environment, system, tools);
  if ('refused' in chosen) return chosen;
  if (isWhole(stands) && stands.current?.commit === chosen.commit)
    return {
      refused: `${name} of ${service} runs ${short(chosen.commit)} already: there is nothing to promote.`,
    };
  return { environment, standing: stands, ...chosen };
}

async function chosenCommit(
  args: Args,
  environment: Environment,
  system: DeploymentSystem,
  tools: Tools,
): Promise<Pick<Plan, 'commit' | 'origin'> | Refusal> {
  const { service, name } = environment;
  const ref = text(args, 'ref');
  const source = sourceOf(args, tools.settings);
  if (source === null) {
    if (ref === '')
      return {
        refused: `${name} of ${service} has no environment before it: say what to deploy, such as ref=main.`,
      };
    const resolved = await system.commitOf(ref, environment, tools);
    return 'refused' in resolved ? resolved : { commit: resolved.commit, origin: null };
  }
  if (ref !== '')
    return {
      refused: `${name} of ${service} gets what runs in ${source.name}, and nothing else: leave out ref.`,
    };
  const seen = await seenOf(system, source, tools, () => true);
  if ('refused' in seen) return seen;
  const [origin] = seen;
  if (origin === undefined) return { refused: `Nothing was ever deployed to ${source.name} of ${service}.` };
  if (origin.state !== 'runs')
    return {
      refused: `The newest deployment to ${source.name} of ${service} has not succeeded: ${called(origin)}.`,
    };
  if (origin.commit === '')
    return { refused: `Which commit runs in ${source.name} of ${service} is not known: ${called(origin)}.` };
  return { commit: origin.commit, origin };
}

async function rollback(
  args: Args,
  environment: Environment,
  system: DeploymentSystem,
  tools: Tools,
): Promise<Plan | Refusal> {
  const { service, name } = environment;
  const seen = await seenOf(system, environment, tools, () => false);
  if ('refused' in seen) return seen;
  const stands = standing(seen, environment);
  if ('refused' in stands) return stands;
  if (text(args, 'to') === '' && isTornWayBack(seen, stands))
    return {
      refused: `The newest deployment of ${service} to ${name} was a way back, and it failed. Say where to go back to, such as to=${endedWell(seen)[0]?.id}.`,
    };
  const origin = back(text(args, 'to'), seen, stands);
  if (origin === null) {
    const what = text(args, 'to') === '' ? 'that came before what runs now' : `called ${text(args, 'to')}`;
    return {
      refused: `There is no deployment of ${service} to ${name} ${what} and succeeded, among the newest ${LOOKED_AT}.`,
    };
  }
  if (isWhole(stands) && stands.current?.commit === origin.commit)
    return {
      refused: `${name} of ${service} runs ${short(origin.commit)} already: there is nothing to roll back to.`,
    };
  return { environment, standing: stands, commit: origin.commit, origin };
}

/**
 * After a deployment that failed, what ran before it. Otherwise what succeeded last before the commit that runs now first came: so
 * that a second rollback goes further back, not to what the first one took away.
 */
function back(to: string, seen: readonly Deployment[], { newest, current }: Standing): Deployment | null {
  const ended = endedWell(seen);
  const isKnown = ({ commit }: Deployment): boolean => commit !== '';
  if (to !== '') return ended.filter(isKnown).find(({ id, commit }) => id === to || commit === to) ?? null;
  if (current === null) return null;
  if (newest?.id !== current.id || current.state === 'failed') return ended.find(isKnown) ?? null;
  const first = isKnown(current) ? ended.findLastIndex(({ commit }) => commit === current.commit) : 0;
  return ended.slice(first + 1).find(isKnown) ?? null;
}
const endedWell = (seen: readonly Deployment[]): Deployment[] =>
  seen.filter(({ state, succeeded }) => succeeded && state !== 'failed');

/**
 * The newest has failed, and was of a commit that had come here before what runs now: itself a way back. What ran before it is
 * what it was to replace, so nobody but a person can say where to go.
 */
function isTornWayBack(seen: readonly Deployment[], { newest, current }: Standing): boolean {
  if (newest?.state !== 'failed' || current === null) return false;
  const ended = endedWell(seen);
  // The newest is first: what came earlier stands further behind.
  const first = (one: Deployment) => ended.findLastIndex(({ commit }) => commit === one.commit);
  return first(newest) > first(current);
}

/** What would be done, or why it cannot be. */
export async function planOf(
  system: DeploymentSystem,
  operation: 'promote' | 'rollback',
  args: Args,
  tools: Tools,
): Promise<Plan | Refusal> {
  const environment = targetOf(args, tools.settings);
  if (environment === null) return unknown(args, tools.settings);
  return (operation === 'promote' ? promotion : rollback)(args, environment, system, tools);
}
