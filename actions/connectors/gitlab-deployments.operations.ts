/**
 * Deployments as pipelines of GitLab: started on a tag at the pinned commit, told where to by a variable. A job of the pipeline with
 * `environment` makes GitLab keep a deployment (docs.gitlab.com, "Environments"), which says what runs now ("Deployments API").
 * Bundled and run in the sandbox; every call passes the broker.
 */
import type { EgressRule, EgressValues, Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, isFields, text } from './answer.ts';
import {
  type Between,
  type Deployment,
  type DeploymentState,
  type DeploymentSystem,
  type Environment,
  kindOf,
  LOOKED_AT,
  sourceOf,
  TITLES_SHOWN,
  targetOf,
} from './deployed.ts';
import { deployOperations } from './deploying-by-job.ts';
import { COMMIT } from './github-commit.ts';
import { GITLAB } from './gitlab-errors.ts';
import { pathIn, projectOf, projectRule } from './gitlab-pipelines.ts';
import { tagOf, triggerOnTag } from './gitlab-tags.ts';
import { listOf, read, readList } from './json-call.ts';

/** No job of the `ci` settings can have this name, so a pipeline that deploys is none of theirs. */
const JOB = 'Deployment';

const nameOn = ({ fields, name }: Environment): string => text(fields, 'on_gitlab') || name;
const projectAt = (environment: Environment | null): string =>
  environment === null ? '' : projectOf(environment.of);

const listQuery = (environment: Environment) => ({
  environment: nameOn(environment),
  order_by: 'id',
  sort: 'desc',
  per_page: String(LOOKED_AT),
});
const listRule = (which: typeof targetOf): EgressRule =>
  projectRule(
    ({ args, settings }) => projectAt(which(args, settings)),
    '/deployments',
    ({ args, settings }): Record<string, string> => {
      const environment = which(args, settings);
      return environment === null ? {} : listQuery(environment);
    },
  );
const commitQuery = (ref: string) => ({ ref_name: ref, per_page: '1' });
const here = ({ args, settings }: EgressValues): string => projectAt(targetOf(args, settings));

/** `blocked`: waits for somebody's approval of the environment. */
const STATES: Readonly<Record<string, DeploymentState>> = {
  created: 'going',
  running: 'going',
  blocked: 'going',
  success: 'runs',
  failed: 'failed',
  canceled: 'failed',
  skipped: 'failed',
};

const userOf = (deployment: Fields): string =>
  isFields(deployment.user) ? text(deployment.user, 'username') : '';

function deploymentOf(deployment: Fields): Deployment {
  const word = text(deployment, 'status');
  return {
    // As GitLab's pages number it.
    id: String(deployment.iid),
    commit: text(deployment, 'sha'),
    by: userOf(deployment),
    // Words that GitLab may add one day count as going on.
    state: STATES[word] ?? 'going',
    word,
    succeeded: word === 'success',
  };
}

async function comparison(from: string, to: string, project: string, tools: Tools): Promise<Fields | null> {
  const answer = await read(tools, GITLAB, pathIn(project, 'repository', 'compare'), { from, to });
  return answer.ok && answer.value.compare_timeout !== true ? answer.value : null;
}

/** Each comparison lists what the second has and the first has not, the oldest first. */
async function between(from: string, to: string, project: string, tools: Tools): Promise<Between | null> {
  const forward = await comparison(from, to, project, tools);
  const backward = await comparison(to, from, project, tools);
  if (forward === null || backward === null) return null;
  const more = listOf(forward, 'commits');
  return {
    ahead: more.length,
    behind: listOf(backward, 'commits').length,
    titles: more.slice(-TITLES_SHOWN).map((commit) => text(commit, 'title')),
    link: text(forward, 'web_url'),
  };
}

const SYSTEM: DeploymentSystem = {
  name: GITLAB.name,
  async list(environment, tools) {
    const path = pathIn(projectAt(environment), 'deployments');
    const answer = await readList(tools, GITLAB, path, listQuery(environment));
    if (!answer.ok) return { refused: answer.failure.result.message };
    const account = isFields(tools.settings) ? text(tools.settings, 'account') : '';
    // Somebody else's job that nobody has begun may be one that waits for a click, for good.
    const isOne = (one: Fields): boolean => text(one, 'status') !== 'created' || userOf(one) === account;
    return (Array.isArray(answer.value) ? answer.value : [])
      .filter(isFields)
      .filter((one) => COMMIT.test(text(one, 'sha')) && isOne(one))
      .map((one) => async () => deploymentOf(one));
  },
  async commitOf(ref, environment, tools) {
    const path = pathIn(projectAt(environment), 'repository', 'commits');
    const answer = await readList(tools, GITLAB, path, commitQuery(ref));
    if (!answer.ok) return { refused: answer.failure.result.message };
    const [newest] = Array.isArray(answer.value) ? answer.value : [];
    const commit = isFields(newest) ? text(newest, 'id') : '';
    return COMMIT.test(commit)
      ? { commit }
      : { refused: `GitLab names no commit for ${ref} of ${environment.service}.` };
  },
  between: (from, to, environment, tools) => between(from, to, projectAt(environment), tools),
};

export const operations = deployOperations({
  system: SYSTEM,
  past: [
    listRule(targetOf),
    listRule(sourceOf),
    projectRule(here, '/repository/commits', ({ args }) => commitQuery(text(args, 'ref'))),
    projectRule(here, '/repository/compare', () => ({ from: null, to: null })),
  ],
  trigger: triggerOnTag,
  job: (environment, { mark }) => ({
    repo: environment.service,
    job: JOB,
    ref: tagOf(mark),
    inputs: { [text(environment.of, 'input')]: nameOn(environment) },
  }),
  settings: (environment, settings): Json => {
    if (!isFields(settings)) return {};
    const { service, of } = environment;
    return {
      account: settings.account ?? '',
      repositories: { [service]: { project: of.project ?? 0 } },
      jobs: {
        [JOB]: {
          repositories: [service],
          environment: kindOf(environment),
          inputs: [text(of, 'input')],
          variables: of.variables ?? {},
        },
      },
    };
  },
  shown: async (environment) => [
    { label: 'Project', value: `${projectAt(environment)} on GitLab` },
    { label: 'Through', value: 'a tag made for this request at that commit' },
  ],
});
