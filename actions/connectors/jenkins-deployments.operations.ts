/**
 * Deployments on Jenkins: one parameterised job deploys, told where to by a parameter. What runs in an environment is its newest
 * build with that parameter that succeeded, whoever started it. Bundled and run in the sandbox; every call passes the broker.
 */
import type { Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, isFields, text } from './answer.ts';
import { describedJob } from './ci-described.ts';
import {
  type Deployment,
  type DeploymentSystem,
  type Environment,
  kindOf,
  LOOKED_AT,
  onBehalf,
  QUEUED,
  standOfBuild,
  targetOf,
} from './deployed.ts';
import { commitRules, commits, githubOf } from './deployed-commits.ts';
import { deployOperations, JOB } from './deploying-by-job.ts';
import { COMMIT } from './github-commit.ts';
import { buildsRules, builtCommits, endingOf, listBuilds, listWaiting, queueRule } from './jenkins-builds.ts';
import {
  commitParameter,
  inputParameter,
  JENKINS,
  parametersIn,
  requesterParameter,
  startedBy,
  unsuitable,
} from './jenkins-jobs.ts';
import { trigger } from './jenkins-trigger.ts';
import { listOf } from './json-call.ts';

const nameOn = ({ fields, name }: Environment): string => text(fields, 'on_jenkins') || name;
const pathOf = ({ of }: Environment): string => text(of, 'path');
/** As people name a run: by its number in the queue, which it has before it is a build. */
const runOf = (number: Json | undefined): string => `R-${String(number)}`;

/** What it built where it says so, else what it was to build; of several sources the one that it was to build. */
function commitOf(item: Fields, settings: Json): string {
  const wanted = parametersIn(item)[commitParameter(settings)] ?? '';
  const built = builtCommits(item);
  const commit = built.includes(wanted) ? wanted : (built[0] ?? wanted);
  return COMMIT.test(commit) ? commit : '';
}

const startedFor = (item: Fields, settings: Json): string =>
  onBehalf(startedBy(item), parametersIn(item)[requesterParameter(settings)] ?? '', settings);

function deploymentOf(build: Fields, settings: Json): Deployment {
  const [code, word] = endingOf(build);
  return {
    id: runOf(build.queueId),
    commit: commitOf(build, settings),
    by: startedFor(build, settings),
    ...standOfBuild(build.building === true ? null : { hasPassed: code === 'done', word }),
  };
}

const waitingOf = (item: Fields, settings: Json): Deployment => ({
  id: runOf(item.id),
  commit: commitOf(item, settings),
  by: startedFor(item, settings),
  ...QUEUED,
});

const SYSTEM: DeploymentSystem = {
  ...commits,
  name: JENKINS.name,
  async list(environment, tools) {
    const isThere = (item: Fields): boolean =>
      parametersIn(item)[inputParameter(text(environment.of, 'input'))] === nameOn(environment);
    const waiting = await listWaiting(tools, pathOf(environment));
    if (!waiting.ok) return { refused: waiting.failure.result.message };
    const builds = await listBuilds(tools, pathOf(environment));
    if (!builds.ok) return { refused: builds.failure.result.message };
    const begun = listOf(builds.value, 'builds').filter(isThere);
    return [
      ...waiting.value.filter(isThere).map((item) => waitingOf(item, tools.settings)),
      ...begun.map((build) => deploymentOf(build, tools.settings)),
    ]
      .slice(0, LOOKED_AT)
      .map((deployment) => async () => deployment);
  },
};

/** The job that will run; one that does not declare a parameter would deploy something else than was approved. */
async function shown(environment: Environment, tools: Tools) {
  const args = jobArguments(environment, '');
  const job = describedJob(args, tools.settings);
  if (job === null) throw new Error('no job that deploys');
  return (await unsuitable(job, args, tools)) ?? [{ label: 'Job on Jenkins', value: pathOf(environment) }];
}

const jobArguments = (environment: Environment, commit: string): Record<string, Json> => ({
  repo: environment.service,
  job: JOB,
  ref: commit,
  inputs: { [text(environment.of, 'input')]: nameOn(environment) },
});

export const operations = deployOperations({
  system: SYSTEM,
  past: [
    ...commitRules,
    queueRule,
    ...buildsRules(({ args, settings }) => {
      const environment = targetOf(args, settings);
      return environment === null ? '' : pathOf(environment);
    }),
  ],
  trigger,
  job: (environment, { pinned }) => jobArguments(environment, pinned.commit ?? ''),
  settings: (environment, settings) => {
    if (!isFields(settings)) return {};
    const { service, of } = environment;
    const github = githubOf(environment);
    return {
      account: settings.account ?? '',
      parameters: settings.parameters ?? {},
      repositories: { [service]: github === null ? {} : { github: { ...github } } },
      jobs: {
        [JOB]: {
          repositories: [service],
          path: pathOf(environment),
          environment: kindOf(environment),
          inputs: [text(of, 'input')],
        },
      },
    };
  },
  shown,
});
