/** Builds on Jenkins: from the queue to the end, and what they printed. Runs in the sandbox. */
import { stripVTControlCharacters } from 'node:util';
import type { EgressRule, EgressValues, Look, Refusal, Tools } from '../../src/action.ts';
import type { Json, Result } from '../../src/model/request.ts';
import { type Fields, failed, isFields, text, unclear } from './answer.ts';
import { describedJobs, pickJob } from './ci-described.ts';
import { endedOther, stopOther } from './ci-other-commit.ts';
import { type Args, gone, notSeen, numberOf, type PastRun } from './ci-runs.ts';
import {
  commitParameter,
  inputParameter,
  JENKINS,
  jobPath,
  knownPaths,
  parametersIn,
  pathOf,
  readsOf,
  readsOfEach,
  requesterParameter,
  segmentsOf,
  startedBy,
} from './jenkins-jobs.ts';
import { sendStop } from './jenkins-stop.ts';
import { type Answer, listOf, read, readRule, readText } from './json-call.ts';

/** Builds of one job that are looked through, newest first: the queue's number is found nowhere else. */
const BUILDS_LOOKED_AT = 100;
/** Of the end that stands in the result. */
const TAIL_CHARACTERS = 4_000;
/** Output of one run that is shown as it comes; the rest is on Jenkins. */
const SHOWN_CHARACTERS = 500_000;

const IN_ACTIONS = 'actions[parameters[name,value],causes[userId],lastBuiltRevision[SHA1]]';
const QUEUE_TREE = {
  tree: `id,cancelled,why,task[url],executable[number],actions[parameters[name,value],causes[userId]]`,
};
const BUILD = `number,queueId,building,result,url,${IN_ACTIONS}`;
const BUILD_TREE = { tree: BUILD };
export const BUILDS_TREE = { tree: `builds[${BUILD}]{0,${BUILDS_LOOKED_AT}}` };

const ENDINGS: Readonly<Record<string, readonly [code: string, words: string]>> = {
  SUCCESS: ['done', 'passed'],
  UNSTABLE: ['build_unstable', 'is unstable: its tests found something'],
  FAILURE: ['build_failed', 'failed'],
  NOT_BUILT: ['build_skipped', 'was skipped'],
  ABORTED: ['build_cancelled', 'was stopped on Jenkins'],
};
export const endingOf = (build: Fields): readonly [code: string, words: string] =>
  ENDINGS[text(build, 'result')] ?? ['build_failed', 'ended in a way of its own'];

const itemRule = (itemOf: (values: EgressValues) => string): EgressRule =>
  readRule(JENKINS, '/queue/item/{item}/api/json', {
    fill: (values) => ({ item: itemOf(values) }),
    query: () => QUEUE_TREE,
  });

/** Reads of one build of one job, and of the queue item that it was. */
export function buildRules(
  where: (values: EgressValues) => string,
  itemOf: (values: EgressValues) => string,
  buildOf: (values: EgressValues) => string,
): EgressRule[] {
  const more = (values: EgressValues) => ({ build: buildOf(values) });
  return [
    itemRule(itemOf),
    ...readsOf(where, '/api/json', { query: () => BUILDS_TREE }),
    ...readsOf(where, '/{build}/api/json', { more, query: () => BUILD_TREE }),
    ...readsOf(where, '/{build}/consoleText', { more, headers: () => ({ accept: 'text/plain' }) }),
  ];
}

export const readItem = (tools: Tools, item: string): Promise<Answer<Fields>> =>
  read(tools, JENKINS, ['queue', 'item', item, 'api', 'json'], QUEUE_TREE);

export async function readBuilds(tools: Tools, path: string): Promise<Fields[]> {
  const answer = await read(tools, JENKINS, [...segmentsOf(path), 'api', 'json'], BUILDS_TREE);
  // A job that was deleted has none.
  if (!answer.ok && answer.failure.result.code === 'not_found') return [];
  if (!answer.ok) throw unclear(JENKINS.name, answer.failure.result.code);
  return listOf(answer.value, 'builds');
}

export const readBuild = (tools: Tools, path: string, build: string): Promise<Answer<Fields>> =>
  read(tools, JENKINS, [...segmentsOf(path), build, 'api', 'json'], BUILD_TREE);

/** Everything that it has printed by now; a sentence where that is more than one answer takes. */
export async function readOutput(tools: Tools, path: string, build: string): Promise<string> {
  const answer = await readText(tools, JENKINS, [...segmentsOf(path), build, 'consoleText']);
  if (answer.ok) return stripVTControlCharacters(answer.value).replaceAll('\r\n', '\n');
  if (answer.failure.result.code === 'response_too_large')
    return '(The output is too long to be shown here.)\n';
  throw unclear(JENKINS.name, answer.failure.result.code);
}

/** The build that a queue item became: the queue tells it for some minutes, afterwards only the builds themselves do. */
export async function buildOfItem(
  tools: Tools,
  path: string,
  item: string,
): Promise<
  { kind: 'waiting' } | { kind: 'cancelled' } | { kind: 'gone' } | { kind: 'build'; build: string }
> {
  const queued = await readItem(tools, item);
  if (queued.ok) {
    if (queued.value.cancelled === true) return { kind: 'cancelled' };
    const executable = isFields(queued.value.executable) ? queued.value.executable : {};
    if (typeof executable.number === 'number') return { kind: 'build', build: String(executable.number) };
    return { kind: 'waiting' };
  }
  if (queued.failure.result.code !== 'not_found') throw unclear(JENKINS.name, queued.failure.result.code);
  const found = (await readBuilds(tools, path)).find((build) => String(build.queueId) === item);
  return found === undefined ? { kind: 'gone' } : { kind: 'build', build: String(found.number) };
}

/** The commits that its sources report; a build of several has several. */
function builtCommits(build: Fields): string[] {
  return listOf(build, 'actions').flatMap((action) => {
    const revision = isFields(action.lastBuiltRevision) ? text(action.lastBuiltRevision, 'SHA1') : '';
    return revision === '' ? [] : [revision];
  });
}

/** The other commit that it is on, where it says so. */
function otherCommit(build: Fields, commit: string): string | null {
  const commits = builtCommits(build);
  return commit === '' || commits.includes(commit) ? null : (commits[0] ?? null);
}

export function resultOf(
  about: { name: string; run: string; commit: string; handle?: Args },
  build: Fields,
  output: string,
): { passed: boolean; result: Result } {
  const built = otherCommit(build, about.commit);
  const [code, words] = endingOf(build);
  const name = `${about.name} (${about.run})`;
  const ended = { wasCancelled: build.result === 'ABORTED', words };
  return {
    passed: code === 'done' && built === null,
    result: {
      code: built === null ? code : 'other_commit',
      message: built === null ? `${name} ${words}.` : endedOther(about.handle ?? {}, { name, built }, ended),
      link: text(build, 'url'),
      output: output.slice(-TAIL_CHARACTERS),
      data: { run: about.run, build: String(build.number), commits: builtCommits(build) },
    },
  };
}

/** One look at a run: in the queue, then at its build, until it has ended. */
export async function follow(handle: Args, tools: Tools): Promise<Look> {
  const item = text(handle, 'item');
  const path = jobPath(handle, tools.settings);
  const name = `${text(handle, 'job')} of ${text(handle, 'repo')}`;
  if (text(handle, 'build') === '') {
    const found = await buildOfItem(tools, path, item);
    if (found.kind === 'build')
      return { kind: 'running', handle: { ...handle, build: found.build, shown: 0 }, output: '' };
    if (found.kind === 'waiting') return { kind: 'running', handle: { ...handle }, output: '' };
    if (found.kind === 'cancelled')
      return { ...failed('build_cancelled', `${name} (R-${item}) was ended before it began.`), output: '' };
    return gone(`Jenkins no longer knows ${name} (R-${item}).`);
  }
  const answer = await readBuild(tools, path, text(handle, 'build'));
  if (!answer.ok) return notSeen(JENKINS.name, `${name} (R-${item})`, answer.failure);
  const build = answer.value;
  // Read after the build: what it says to have ended has printed everything by then.
  const output = await readOutput(tools, path, text(handle, 'build'));
  const shown = Number(handle.shown ?? 0);
  const fresh = output.slice(shown, SHOWN_CHARACTERS);
  const commit = tools.pinned.commit ?? '';
  const now = { ...handle, shown: shown + fresh.length };
  const built = otherCommit(build, commit);
  if (build.building === true && built !== null) {
    const other = { name: `${name} (R-${item})`, built, link: text(build, 'url') };
    const stop = [...segmentsOf(path), text(handle, 'build'), 'stop'];
    return stopOther(now, other, fresh, async () => (await sendStop(tools, stop, '')) === null);
  }
  if (build.building === true) return { kind: 'running', handle: now, output: fresh };
  const about = { name, run: `R-${item}`, commit, handle };
  const { passed, result } = resultOf(about, build, output);
  return { kind: passed ? 'done' : 'failed', result, output: fresh };
}

export type Past = PastRun & {
  /** Empty while it waits. */
  build: string;
  wasStopped: boolean;
  inputs: Record<string, string>;
};

/** What finding a run by its number needs: the queue, and the builds of every job of the settings. */
export const pastRules: EgressRule[] = [
  itemRule(({ args }) => numberOf(args)),
  ...readsOfEach('/api/json', { query: () => BUILDS_TREE }),
];

/** The job of a queue item by the address that Jenkins gives it, among those of the settings. */
function pathAt(url: string, settings: Json): string | undefined {
  const segments = URL.canParse(url) ? decodeURI(new URL(url).pathname) : '';
  return knownPaths(settings).find((path) =>
    segments.replace(/\/+$/, '').endsWith(`/${segmentsOf(path).join('/')}`),
  );
}

type Found = { path: string; build: Fields | null; item: Fields };

/** In the queue's memory, else among the builds of every job of the settings. */
async function findRun(args: Args, tools: Tools): Promise<Found | null> {
  const number = numberOf(args);
  const queued = await readItem(tools, number);
  if (queued.ok) {
    const task = isFields(queued.value.task) ? queued.value.task : {};
    const path = pathAt(text(task, 'url'), tools.settings);
    if (path === undefined) return null;
    const executable = isFields(queued.value.executable) ? queued.value.executable : {};
    if (executable.number === undefined) return { path, build: null, item: queued.value };
    const build = (await readBuilds(tools, path)).find((one) => one.number === executable.number);
    return { path, build: build ?? null, item: build ?? queued.value };
  }
  for (const path of knownPaths(tools.settings)) {
    const build = (await readBuilds(tools, path)).find((one) => String(one.queueId) === number);
    if (build !== undefined) return { path, build, item: build };
  }
  return null;
}

function stateOf({ build, item }: Found): { state: string; hasEnded: boolean } {
  if (build === null) {
    const wasEnded = item.cancelled === true;
    return { state: wasEnded ? 'was ended before it began' : 'queued', hasEnded: wasEnded };
  }
  if (build.building === true) return { state: 'running', hasEnded: false };
  return { state: endingOf(build)[1], hasEnded: true };
}

/** Finds a run by its number, and the job of the settings that it is of. */
export async function readPast(args: Args, tools: Tools): Promise<Past | Refusal> {
  const found = await findRun(args, tools);
  const run = text(args, 'run');
  if (found === null) return { refused: `${run} is no run of a job that the assistant knows on Jenkins.` };
  const candidates = describedJobs(tools.settings).filter((job) => pathOf(job) === found.path);
  const job = pickJob(candidates, args, `the job ${found.path} of Jenkins`);
  if ('refused' in job) return job;
  const parameters = parametersIn(found.item);
  const inputs = job.inputs.map((name) => [name, parameters[inputParameter(name)] ?? ''] as const);
  const [built] = found.build === null ? [] : builtCommits(found.build);
  return {
    run,
    job: job.name,
    repository: job.repository,
    environment: job.environment,
    commit: built ?? parameters[commitParameter(tools.settings)] ?? '',
    startedBy: parameters[requesterParameter(tools.settings)] || startedBy(found.item),
    ...stateOf(found),
    build: found.build === null ? '' : String(found.build.number),
    wasStopped: found.build === null ? found.item.cancelled === true : found.build.result === 'ABORTED',
    inputs: Object.fromEntries(inputs.filter(([, value]) => value !== '')),
  };
}
