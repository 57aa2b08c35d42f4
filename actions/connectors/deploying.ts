/**
 * What every deployment connector does alike: which commit a promotion or a rollback would bring, from what has been deployed,
 * and what is shown and pinned of it. Runs in the sandbox.
 */
import type { Refusal, Tools } from '../../src/action.ts';
import type { Json, Preview } from '../../src/model/request.ts';
import { type Fields, isFields, text } from './answer.ts';
import type { Args } from './ci-runs.ts';
import { listOf } from './json-call.ts';
import { inSentence } from './ticket-words.ts';

/** Of one environment: those before them are too long ago to go back to without a name. */
export const LOOKED_AT = 30;
/** Commits whose titles a card shows. */
export const TITLES_SHOWN = 10;

/** An environment of a service as the operator described it. */
export type Environment = { service: string; name: string; from: string | null; fields: Fields; of: Fields };

/** `runs`: ended well, and nothing has taken it away. `gone`: ended well, and was replaced or switched off since. */
export type DeploymentState = 'runs' | 'gone' | 'going' | 'failed';
export type Deployment = {
  id: string;
  commit: string;
  /** Who deployed it, as far as the system says. */
  by: string;
  state: DeploymentState;
  /** The state in the system's own word. */
  word: string;
  /** It has succeeded at some time, whatever became of it. */
  succeeded: boolean;
};

/** How far two commits are apart; titles of what the second has and the first has not are other people's words, the newest last. */
export type Between = { ahead: number; behind: number; titles: string[]; link: string };

/** A system that deployments are made on. */
export type DeploymentSystem = {
  /** "GitHub". */
  name: string;
  /** Newest first, at most `LOOKED_AT`; each is looked at one by one, as that may take a call. */
  list(environment: Environment, tools: Tools): Promise<(() => Promise<Deployment | Refusal>)[] | Refusal>;
  /** The commit that the words mean now. */
  commitOf(ref: string, environment: Environment, tools: Tools): Promise<{ commit: string } | Refusal>;
  /** Null where they cannot be compared. */
  between(from: string, to: string, environment: Environment, tools: Tools): Promise<Between | null>;
};

const part = (fields: Json | undefined, name: string): Fields => {
  const value = isFields(fields) && Object.hasOwn(fields, name) ? fields[name] : undefined;
  return isFields(value) ? value : {};
};

/** Null where the operator described none of that name. */
export function environmentOf(service: string, name: string, settings: Json): Environment | null {
  const of = part(part(settings, 'services'), service);
  const fields = listOf(of, 'environments').find((one) => one.name === name);
  return fields === undefined ? null : { service, name, from: text(fields, 'from') || null, fields, of };
}
export const targetOf = (args: Args, settings: Json): Environment | null =>
  environmentOf(text(args, 'service'), text(args, 'environment') || text(args, 'to'), settings);
export const sourceOf = (args: Args, settings: Json): Environment | null => {
  const target = targetOf(args, settings);
  return target?.from ? environmentOf(target.service, target.from, settings) : null;
};

function unknown(args: Args, settings: Json): Refusal {
  const names = Object.keys(part(settings, 'services'));
  const service = text(args, 'service');
  if (!names.includes(service))
    return { refused: `There is no service called ${service}; there is ${names.join(', ') || 'none'}.` };
  const environments = listOf(part(part(settings, 'services'), service), 'environments');
  const wanted = text(args, 'environment') || text(args, 'to');
  const known = environments.map((one) => text(one, 'name')).join(', ') || 'none';
  return { refused: `${service} has no environment called ${wanted}; it has ${known}.` };
}

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

const short = (commit: string): string => commit.slice(0, 12);
const called = ({ id, commit, word }: Deployment): string => `${id} of ${short(commit)} (${word})`;

/** What is there: the newest, whatever became of it, and the newest that succeeded, which is what runs. */
type Standing = { newest: Deployment | null; current: Deployment | null };

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

type Plan = {
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
  if (to !== '') return ended.find(({ id, commit }) => id === to || commit === to) ?? null;
  if (current === null) return null;
  if (newest?.id !== current.id || current.state === 'failed') return ended[0] ?? null;
  const first = ended.findLastIndex(({ commit }) => commit === current.commit);
  return ended[first + 1] ?? null;
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

/** Bound into the digest, and looked up again before it runs: whatever came in between stops it. */
const pinnedOf = ({
  environment,
  standing: { newest, current },
  commit,
  origin,
}: Plan): Record<string, string> => ({
  commit,
  environment: environment.name,
  newest: newest?.id ?? 'none',
  current: current === null ? 'none' : `${current.id} ${current.commit}`,
  ...(origin === null ? {} : { origin: origin.id }),
});

const quote = (title: string): string => `“${inSentence(title)}”`;
const commits = (count: number): string => `${count} commit${count === 1 ? '' : 's'}`;

function distance({ ahead, behind }: Between): string {
  if (behind === 0) return commits(ahead);
  if (ahead === 0) return `back by ${commits(behind)}`;
  return `${commits(ahead)} more and ${behind} fewer`;
}

function changes(from: string, to: string, between: Between | null): Preview['facts'] {
  const span = `from ${short(from)} to ${short(to)}`;
  if (between === null) return [{ label: 'Changes', value: `${span}; they cannot be compared` }];
  const { ahead, titles, link } = between;
  const more = ahead > titles.length ? [`and ${ahead - titles.length} more`] : [];
  return [
    { label: 'Changes', value: `${distance(between)}, ${span}` },
    ...(titles.length === 0 ? [] : [{ label: 'Commits', value: [...titles.map(quote), ...more].join('\n') }]),
    ...(link === '' ? [] : [{ label: 'Compare', value: link }]),
  ];
}

function stands({ newest, current }: Standing): Preview['facts'] {
  const now =
    current === null
      ? 'nothing that the assistant knows of'
      : `${called(current)}${current.by === '' ? '' : `, deployed by ${inSentence(current.by)}`}`;
  const last =
    newest === null || newest.id === current?.id ? [] : [{ label: 'Last attempt', value: called(newest) }];
  return [{ label: 'Runs now', value: now }, ...last];
}

/** What a promotion or a rollback would do, or why it cannot be done. */
export async function previewOf(
  system: DeploymentSystem,
  operation: 'promote' | 'rollback',
  args: Args,
  tools: Tools,
): Promise<Preview | Refusal> {
  const environment = targetOf(args, tools.settings);
  if (environment === null) return unknown(args, tools.settings);
  const plan = await (operation === 'promote' ? promotion : rollback)(args, environment, system, tools);
  if ('refused' in plan) return plan;
  const { commit, origin, standing: now } = plan;
  const { service, name, from } = environment;
  // A rollback takes commits away: they are counted from where it leads to.
  const [older, newer] =
    operation === 'promote' ? [now.current?.commit, commit] : [commit, now.current?.commit];
  const compared =
    older === undefined || newer === undefined || older === newer
      ? null
      : { older, newer, between: await system.between(older, newer, environment, tools) };
  return {
    summary:
      operation === 'promote'
        ? `Deploy ${short(commit)} of ${service} to ${name}, through ${system.name}.`
        : `Roll ${service} in ${name} back to ${short(commit)}, through ${system.name}.`,
    facts: [
      { label: 'Service', value: service },
      { label: 'Environment', value: name },
      { label: 'Commit', value: text(args, 'ref') === '' ? commit : `${commit} (${text(args, 'ref')} now)` },
      ...(origin === null
        ? []
        : [{ label: operation === 'promote' ? `Runs in ${from}` : 'Ran here as', value: called(origin) }]),
      ...stands(now),
      ...(compared === null
        ? []
        : changes(compared.older, compared.newer, compared.between).map((fact) =>
            operation === 'rollback' && fact.label === 'Changes' ? { ...fact, label: 'Takes back' } : fact,
          )),
    ],
    pinned: pinnedOf(plan),
  };
}
