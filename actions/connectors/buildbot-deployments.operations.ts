/**
 * Deployments on Buildbot: one builder deploys, told where to by a parameter of its force scheduler. What runs in an environment is
 * its newest build with that parameter that passed, whoever forced it. Bundled and run in the sandbox; every call passes the broker.
 */
import type { EgressValues, Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, isFields, text } from './answer.ts';
import { hasPassed, RETRY, stateWords } from './buildbot-builds.ts';
import { BUILDBOT, jobOf, OUR_REASON, readScheduler } from './buildbot-jobs.ts';
import { property } from './buildbot-past.ts';
import { trigger } from './buildbot-trigger.ts';
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
import { listOf, read, readRule } from './json-call.ts';

const API = ['api', 'v2'] as const;
/** Builds of the one builder that are looked through, of all environments. */
const LIMIT = '100';
const BUILDS = { property: '*', order: '-buildid', limit: LIMIT };
/** What no worker has taken up yet, of every builder: Buildbot lists requests of one builder by its number only. */
const WAITING = {
  property: '*',
  claimed: 'false',
  complete: 'false',
  order: '-buildrequestid',
  limit: LIMIT,
};

const nameOn = ({ fields, name }: Environment): string => text(fields, 'on_buildbot') || name;
const builderOf = ({ of }: Environment): string => text(of, 'builder');
/** As people name a run: by its request, which is there before it is a build. */
const runOf = (request: Json | undefined): string => `R-${String(request)}`;

/** A property that a builder of several codebases has for each. */
function ofCodebase(item: Fields, name: string, codebase: string): string {
  const properties = isFields(item.properties) ? item.properties : {};
  const [value] = Array.isArray(properties[name]) ? properties[name] : [];
  return isFields(value) ? text(value, codebase) : property(item, name);
}

/** What it built where it says so, else what it was to build. */
function commitOf(build: Fields, { of }: Environment): string {
  const codebase = text(of, 'codebase');
  const built = ofCodebase(build, 'got_revision', codebase) || ofCodebase(build, 'revision', codebase);
  return COMMIT.test(built) ? built : '';
}

const forcedFor = (item: Fields, settings: Json): string =>
  onBehalf(property(item, 'owner'), OUR_REASON.exec(property(item, 'reason'))?.[1] ?? '', settings);

const deploymentOf = (build: Fields, environment: Environment, settings: Json): Deployment => ({
  id: runOf(build.buildrequestid),
  commit: commitOf(build, environment),
  by: forcedFor(build, settings),
  ...standOfBuild(
    build.complete === true ? { hasPassed: hasPassed(build.results), word: stateWords(build.results) } : null,
  ),
});

/** Its commit stands in the build set only, and is not asked for: nothing is done while it goes on. */
const waitingOf = (request: Fields, settings: Json): Deployment => ({
  id: runOf(request.buildrequestid),
  commit: '',
  by: forcedFor(request, settings),
  ...QUEUED,
});

const SYSTEM: DeploymentSystem = {
  ...commits,
  name: BUILDBOT.name,
  async list(environment, tools) {
    const isThere = (item: Fields): boolean =>
      property(item, text(environment.of, 'input')) === nameOn(environment);
    const builders = await read(tools, BUILDBOT, [...API, 'builders', builderOf(environment)]);
    if (!builders.ok) return { refused: builders.failure.result.message };
    const [builder] = listOf(builders.value, 'builders');
    if (builder === undefined) return { refused: `Buildbot has no builder ${builderOf(environment)}.` };
    // What waits first: one that is taken up meanwhile is then seen twice, and not missed.
    const requests = await read(tools, BUILDBOT, [...API, 'buildrequests'], WAITING);
    if (!requests.ok) return { refused: requests.failure.result.message };
    const path = [...API, 'builders', builderOf(environment), 'builds'];
    const builds = await read(tools, BUILDBOT, path, BUILDS);
    if (!builds.ok) return { refused: builds.failure.result.message };
    const waiting = listOf(requests.value, 'buildrequests').filter(
      (request) => request.builderid === builder.builderid && isThere(request),
    );
    // One that Buildbot tries again is followed by another build of the same request.
    const begun = listOf(builds.value, 'builds').filter((build) => build.results !== RETRY && isThere(build));
    return [
      ...waiting.map((request) => waitingOf(request, tools.settings)),
      ...begun.map((build) => deploymentOf(build, environment, tools.settings)),
    ]
      .slice(0, LOOKED_AT)
      .map((deployment) => async () => deployment);
  },
};

const jobArguments = (environment: Environment, commit: string): Record<string, Json> => ({
  repo: environment.service,
  job: JOB,
  ref: commit,
  inputs: { [text(environment.of, 'input')]: nameOn(environment) },
});

/** The builder that will run; a scheduler that takes no commit or no such parameter would deploy something else. */
async function shown(environment: Environment, tools: Tools) {
  const args = jobArguments(environment, '');
  const job = jobOf(args, tools.settings);
  if (job === null) throw new Error('no job that deploys');
  return (await readScheduler(job, args, tools)) ?? [{ label: 'Builder', value: builderOf(environment) }];
}

const withBuilder = ({ args, settings }: EgressValues): Record<string, string> => {
  const environment = targetOf(args, settings);
  return environment === null ? {} : { builder: builderOf(environment) };
};

export const operations = deployOperations({
  system: SYSTEM,
  past: [
    ...commitRules,
    readRule(BUILDBOT, '/api/v2/builders/{builder}', { fill: withBuilder }),
    readRule(BUILDBOT, '/api/v2/builders/{builder}/builds', { fill: withBuilder, query: () => BUILDS }),
    readRule(BUILDBOT, '/api/v2/buildrequests', { query: () => WAITING }),
  ],
  trigger,
  job: (environment, { pinned }) => jobArguments(environment, pinned.commit ?? ''),
  settings: (environment, settings) => {
    if (!isFields(settings)) return {};
    const { service, of } = environment;
    const github = githubOf(environment);
    return {
      web: settings.web ?? '',
      account: settings.account ?? '',
      repositories: {
        [service]: {
          ...(github === null ? {} : { github: { ...github } }),
          ...(text(of, 'url') === '' ? {} : { url: text(of, 'url') }),
        },
      },
      jobs: {
        [JOB]: {
          repositories: [service],
          scheduler: text(of, 'scheduler'),
          builder: builderOf(environment),
          codebase: text(of, 'codebase'),
          environment: kindOf(environment),
          inputs: [text(of, 'input')],
        },
      },
    };
  },
  shown,
});
