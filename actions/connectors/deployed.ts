/** What is deployed, and where: the words that every deployment connector speaks in. Runs in the sandbox. */
import type { Refusal, Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, isFields, text } from './answer.ts';
import type { Args } from './ci-runs.ts';
import { listOf } from './json-call.ts';

/** Of one environment: those before them are too long ago to go back to without a name. */
export const LOOKED_AT = 30;
/** Commits whose titles a card shows. */
export const TITLES_SHOWN = 10;

/** An environment of a service as the operator described it. */
export type Environment = { service: string; name: string; from: string | null; fields: Fields; of: Fields };

/** What rules may ask about: test, staging or production. */
export const kindOf = ({ fields, name }: Environment): string => text(fields, 'environment') || name;

/** `runs`: ended well, and nothing has taken it away. `gone`: ended well, and was replaced or switched off since. */
export type DeploymentState = 'runs' | 'gone' | 'going' | 'failed';
export type Deployment = {
  id: string;
  /** Empty where the system does not say. */
  commit: string;
  /** Who deployed it, as far as the system says. */
  by: string;
  state: DeploymentState;
  /** The state in the system's own word. */
  word: string;
  /** It has succeeded at some time, whatever became of it. */
  succeeded: boolean;
};

/** Where a build that deploys stands; `ended`: how and in which of the system's words, null while it goes on. */
export function standOfBuild(
  ended: { hasPassed: boolean; word: string } | null,
): Pick<Deployment, 'state' | 'word' | 'succeeded'> {
  if (ended === null) return { state: 'going', word: 'running', succeeded: false };
  return { state: ended.hasPassed ? 'runs' : 'failed', word: ended.word, succeeded: ended.hasPassed };
}

/** Of a build that nothing has taken up yet. */
export const QUEUED = { state: 'going', word: 'queued', succeeded: false } as const;

/** Who started a build; what it says about for whom is believed of our own account only. */
export function onBehalf(by: string, requester: string, settings: Json): string {
  const account = isFields(settings) ? text(settings, 'account') : '';
  return by !== '' && by === account && requester !== '' ? `${by} for ${requester}` : by;
}

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
function environmentOf(service: string, name: string, settings: Json): Environment | null {
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

export function unknown(args: Args, settings: Json): Refusal {
  const names = Object.keys(part(settings, 'services'));
  const service = text(args, 'service');
  if (!names.includes(service))
    return { refused: `There is no service called ${service}; there is ${names.join(', ') || 'none'}.` };
  const environments = listOf(part(part(settings, 'services'), service), 'environments');
  const wanted = text(args, 'environment') || text(args, 'to');
  const known = environments.map((one) => text(one, 'name')).join(', ') || 'none';
  return { refused: `${service} has no environment called ${wanted}; it has ${known}.` };
}

export const short = (commit: string): string => commit.slice(0, 12);
export const called = ({ id, commit, word }: Deployment): string =>
  commit === '' ? `${id} of a commit that is not known (${word})` : `${id} of ${short(commit)} (${word})`;
