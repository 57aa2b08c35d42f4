/**
 * What was deployed, as GitHub tells of it (https://docs.github.com/en/rest/deployments/deployments, .../statuses, and
 * .../rest/commits/commits#compare-two-commits). Runs in the sandbox.
 */
import type { EgressRule, EgressValues, Refusal, Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, isFields, text, unclear } from './answer.ts';
import {
  type Between,
  type Deployment,
  type DeploymentState,
  type DeploymentSystem,
  type Environment,
  LOOKED_AT,
  sourceOf,
  TITLES_SHOWN,
  targetOf,
} from './deployed.ts';
import { GITHUB as ACTIONS, githubPlace } from './github-actions-runs.ts';
import { COMMIT, commitRule, type GithubPlace, newestCommit } from './github-commit.ts';
import { type Answer, listOf, read, readList, readRule, type System } from './json-call.ts';

export const GITHUB: System = {
  ...ACTIONS,
  refusals: {
    404: [
      'not_found',
      'GitHub knows no such repository, commit or deployment, or hides it from the assistant.',
    ],
    409: [
      'upstream_conflict',
      'GitHub does not deploy this commit: a check that must have passed on it has not, or another change came in between.',
    ],
    422: [
      'upstream_rejected',
      'GitHub does not take this deployment: it does not know the commit, or what was said of it.',
    ],
  },
};

/** Statuses of one deployment that are looked at, newest first: deployers report a handful. */
const STATUSES = { per_page: '100' };
const LIST = '/repos/{owner}/{repo}/deployments';

export const placeOf = (environment: Environment | null): GithubPlace | null =>
  environment === null ? null : githubPlace(environment.of);
export const nameOn = ({ fields, name }: Environment): string => text(fields, 'on_github') || name;

const fill = ({ args, settings }: EgressValues): Record<string, string> =>
  placeOf(targetOf(args, settings)) ?? {};
const listQuery = (environment: Environment) => ({
  environment: nameOn(environment),
  per_page: String(LOOKED_AT),
});

const listRule = (which: (args: EgressValues['args'], settings: Json) => Environment | null): EgressRule =>
  readRule(GITHUB, LIST, {
    fill: (values): Record<string, string> =>
      which(values.args, values.settings) === null ? {} : fill(values),
    query: ({ args, settings }): Record<string, string> => {
      const environment = which(args, settings);
      return environment === null ? {} : listQuery(environment);
    },
  });

/** Reads of how far two commits are apart, both known from answers only. */
export function compareRule(place: EgressRule['fill']): EgressRule {
  return readRule(GITHUB, '/repos/{owner}/{repo}/compare/{span}', {
    fill: place,
    free: { span: 'commits' },
    query: () => ({ per_page: String(TITLES_SHOWN), page: null }),
  });
}

/** Reads of what was deployed; ids and commits are known from GitHub's answers only. */
export const pastRules: EgressRule[] = [
  listRule(targetOf),
  listRule(sourceOf),
  readRule(GITHUB, `${LIST}/{id}/statuses`, { fill, free: { id: 'number' }, query: () => STATUSES }),
  commitRule(({ args, settings }) => placeOf(targetOf(args, settings))),
  compareRule(fill),
];

/** Newest first. */
export async function readDeployments(environment: Environment, tools: Tools): Promise<Answer<Fields[]>> {
  const place = placeOf(environment);
  if (place === null) return { ok: true, value: [] };
  const path = ['repos', place.owner, place.repo, 'deployments'];
  return listed(await readList(tools, GITHUB, path, listQuery(environment)));
}

/** Newest first. */
export async function readStatuses(place: GithubPlace, id: string, tools: Tools): Promise<Answer<Fields[]>> {
  const path = ['repos', place.owner, place.repo, 'deployments', id, 'statuses'];
  return listed(await readList(tools, GITHUB, path, STATUSES));
}

function listed(answer: Answer<Json>): Answer<Fields[]> {
  if (!answer.ok) return answer;
  if (!Array.isArray(answer.value)) throw unclear(GITHUB.name, 'another shape');
  return { ok: true, value: answer.value.filter(isFields) };
}

export const idOf = (deployment: Fields): string =>
  Number.isSafeInteger(deployment.id) ? String(deployment.id) : '';
export const creatorOf = (deployment: Fields): string =>
  isFields(deployment.creator) ? text(deployment.creator, 'login') : '';

/** GitHub keeps a payload as it came: as an object, or as a text with one in it. */
export function payloadOf({ payload }: Fields): Fields {
  if (typeof payload !== 'string') return isFields(payload) ? payload : {};
  try {
    const parsed: unknown = JSON.parse(payload);
    return isFields(parsed) ? parsed : {};
  } catch {
    // Somebody else's own form.
    return {};
  }
}

const STATES: Readonly<Record<string, DeploymentState>> = {
  success: 'runs',
  inactive: 'gone',
  failure: 'failed',
  error: 'failed',
};

/** Without a status nobody has taken it up yet; words that GitHub may add one day count as going on. */
export function standOf(statuses: readonly Fields[]): {
  state: DeploymentState;
  word: string;
  succeeded: boolean;
} {
  const [newest] = statuses;
  const word = newest === undefined ? 'pending' : text(newest, 'state');
  const succeeded = statuses.some(({ state }) => state === 'success');
  return { state: STATES[word] ?? 'going', word: word.replaceAll('_', ' '), succeeded };
}

async function look(
  fields: Fields,
  place: GithubPlace,
  tools: Tools,
  account: string,
): Promise<Deployment | Refusal> {
  const statuses = await readStatuses(place, idOf(fields), tools);
  if (!statuses.ok) return { refused: statuses.failure.result.message };
  const creator = creatorOf(fields);
  // Only what our own account says of for whom it deployed is believed.
  const requester = creator === account ? text(payloadOf(fields), 'requester') : '';
  return {
    id: idOf(fields),
    commit: text(fields, 'sha'),
    by: requester === '' ? creator : `${creator} for ${requester}`,
    ...standOf(statuses.value),
  };
}

async function readSpan(
  tools: Tools,
  place: GithubPlace,
  span: string,
  page: number,
): Promise<Answer<Fields>> {
  const query = { per_page: String(TITLES_SHOWN), page: String(page) };
  return read(tools, GITHUB, ['repos', place.owner, place.repo, 'compare', span], query);
}

/** The files that changed come with the first page only, and are of no use here: so the second is asked for first. */
export async function between(
  from: string,
  to: string,
  place: GithubPlace,
  tools: Tools,
): Promise<Between | null> {
  const span = `${from}...${to}`;
  const second = await readSpan(tools, place, span, 2);
  if (!second.ok) return null;
  const [ahead, behind] = [Number(second.value.ahead_by), Number(second.value.behind_by)];
  if (!Number.isSafeInteger(ahead) || !Number.isSafeInteger(behind)) return null;
  const last = Math.max(1, Math.ceil(ahead / TITLES_SHOWN));
  const newest = last === 2 || ahead === 0 ? second : await readSpan(tools, place, span, last);
  const titles = newest.ok ? listOf(newest.value, 'commits').map(titleOf) : [];
  return { ahead, behind, titles, link: text(second.value, 'html_url') };
}
const titleOf = ({ commit }: Fields): string =>
  isFields(commit) ? (text(commit, 'message').split('\n', 1)[0] ?? '') : '';

export const SYSTEM: DeploymentSystem = {
  name: 'GitHub deployments',
  async list(environment, tools) {
    const place = placeOf(environment);
    if (place === null) return { refused: `Where ${environment.service} is on GitHub is not configured.` };
    const deployments = await readDeployments(environment, tools);
    if (!deployments.ok) return { refused: deployments.failure.result.message };
    const account = isFields(tools.settings) ? text(tools.settings, 'account') : '';
    return deployments.value
      .filter((one) => idOf(one) !== '' && COMMIT.test(text(one, 'sha')))
      .map((one) => () => look(one, place, tools, account));
  },
  async commitOf(ref, environment, tools) {
    const place = placeOf(environment);
    return place === null ? { refused: 'It has no place on GitHub.' } : newestCommit(place, ref, tools);
  },
  async between(from, to, environment, tools) {
    const place = placeOf(environment);
    return place === null ? null : between(from, to, place, tools);
  },
};
