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
import { type Answer, listOf, read, readResponse, readRule, readText } from './json-call.ts';

/** Builds of one job that are looked through, newest first: the queue's number is found nowhere else. */
const BUILDS_LOOKED_AT = 100;
/** Of the end that stands in the result. */
const TAIL_CHARACTERS = 4_000;
/** Output of one run that is shown as it comes; the rest is on Jenkins. */
const SHOWN_CHARACTERS = 500_000;
/** Of what is read of a log at once, its end in bytes: what a conversation takes, at four bytes a character. */
const END_BYTES = 64_000;
/** Looks for the last lines of a build that has ended, where its log grows on or is not there at all. */
const LOOKS_FOR_REST = 5;
const TOO_LONG = '(The output is too long to be shown here.)\n';

const IN_ACTIONS = 'actions[parameters[name,value],causes[userId],lastBuiltRevision[SHA1]]';
const QUEUE_TREE = {
  tree: `id,cancelled,why,task[url],executable[number],actions[parameters[name,value],causes[userId]]`,
};
const QUEUE = ['queue', 'api', 'json'] as const;
const WAITING_TREE = { tree: 'items[id,task[url],actions[parameters[name,value],causes[userId]]]' };
const BUILD = `number,queueId,building,result,url,${IN_ACTIONS}`;
const BUILD_TREE = { tree: BUILD };
const BUILDS_TREE = { tree: `builds[${BUILD}]{0,${BUILDS_LOOKED_AT}}` };

const ENDINGS: Readonly<Record<string, readonly [code: string, words: string]>> = {
  SUCCESS: ['done', 'passed'],
  UNSTABLE: ['build_unstable', 'is unstable: its tests found something'],
  FAILURE: ['build_failed', 'failed'],
  NOT_BUILT: ['build_skipped', 'was skipped'],
  ABORTED: ['build_cancelled', 'was stopped on Jenkins'],
};
export const endingOf = (build: Fields): readonly [code: string, words: string] =>
  ENDINGS[text(build, 'result')] ?? ['build_failed', 'ended in a way of its own'];

const asText = { headers: () => ({ accept: 'text/plain' }), endBytes: END_BYTES };

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
    ...buildsRules(where),
    ...readsOf(where, '/{build}/api/json', { more, query: () => BUILD_TREE }),
    ...readsOf(where, '/{build}/consoleText', { ...asText, more }),
    ...readsOf(where, '/{build}/logText/progressiveText', {
      ...asText,
      more,
      query: () => ({ start: null }),
    }),
  ];
}

const readItem = (tools: Tools, item: string): Promise<Answer<Fields>> =>
  read(tools, JENKINS, ['queue', 'item', item, 'api', 'json'], QUEUE_TREE);

/** Reads of all that waits, of whatever job. */
export const queueRule: EgressRule = readRule(JENKINS, '/queue/api/json', { query: () => WAITING_TREE });

/** What of a job waits in the queue. Read before its builds, so that what begins meanwhile is seen twice, and not missed. */
export async function listWaiting(tools: Tools, path: string): Promise<Answer<Fields[]>> {
  const queue = await read(tools, JENKINS, QUEUE, WAITING_TREE);
  if (!queue.ok) return queue;
  const isOfJob = ({ task }: Fields): boolean => isAt(isFields(task) ? text(task, 'url') : '', path);
  return { ok: true, value: listOf(queue.value, 'items').filter(isOfJob) };
}

export const buildsRules = (where: (values: EgressValues) => string): EgressRule[] =>
  readsOf(where, '/api/json', { query: () => BUILDS_TREE });

/** The newest builds of a job. */
export const listBuilds = (tools: Tools, path: string): Promise<Answer<Fields>> =>
  read(tools, JENKINS, [...segmentsOf(path), 'api', 'json'], BUILDS_TREE);

export async function readBuilds(tools: Tools, path: string): Promise<Fields[]> {
  const answer = await listBuilds(tools, path);
  // A job that was deleted has none.
  if (!answer.ok && answer.failure.result.code === 'not_found') return [];
  if (!answer.ok) throw unclear(JENKINS.name, answer.failure.result.code);
  return listOf(answer.value, 'builds');
}

export const readBuild = (tools: Tools, path: string, build: string): Promise<Answer<Fields>> =>
  read(tools, JENKINS, [...segmentsOf(path), build, 'api', 'json'], BUILD_TREE);

const plain = (printed: string): string => stripVTControlCharacters(printed).replaceAll('\r\n', '\n');

/** The end of what it has printed by now; a sentence where not even that can be had. */
export async function readEnd(tools: Tools, path: string, build: string): Promise<string> {
  const answer = await readText(tools, JENKINS, [...segmentsOf(path), build, 'consoleText']);
  if (answer.ok) return plain(answer.value);
  if (answer.failure.result.code === 'response_too_large') return TOO_LONG;
  throw unclear(JENKINS.name, answer.failure.result.code);
}

/** Where the next look goes on in its log, in bytes; null where no more of it is shown. */
type Place = { at: number | null; shown: number };

/**
 * What it has printed since (Stapler's LargeText, `progressiveText`): whole lines while it goes on, ten thousand at most, and up to
 * which byte of its log that was. `more`: its log grows on, which it does for a moment after the build has ended.
 */
async function readOn(
  tools: Tools,
  path: string,
  build: string,
  { at, shown }: Place,
): Promise<{ output: string; place: Place; more: boolean }> {
  if (at === null || shown >= SHOWN_CHARACTERS)
    return { output: '', place: { at: null, shown }, more: false };
  const segments = [...segmentsOf(path), build, 'logText', 'progressiveText'];
  const answer = await readResponse(tools, JENKINS, segments, { start: String(at) });
  const code = answer.ok ? '' : answer.failure.result.code;
  if (code === 'response_too_large') return { output: TOO_LONG, place: { at: null, shown }, more: false };
  if (!answer.ok) throw unclear(JENKINS.name, code);
  const { headers } = answer.value;
  const said = plain(await answer.value.text());
  const isLast = shown + said.length >= SHOWN_CHARACTERS;
  const output = isLast ? `${said}(There is more output on Jenkins.)\n` : said;
  const next = Number(headers.get('x-text-size') ?? 'none');
  const isKnown = Number.isSafeInteger(next) && next >= 0;
  return {
    output,
    place: { at: isKnown ? next : null, shown: shown + output.length },
    more: headers.get('x-more-data') === 'true',
  };
}
const placeIn = (handle: Args): Place => ({
  at: handle.at === null ? null : Number(handle.at ?? 0),
  shown: Number(handle.shown ?? 0),
});

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
export function builtCommits(build: Fields): string[] {
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
      return { kind: 'running', handle: { ...handle, build: found.build, at: 0, shown: 0 }, output: '' };
    if (found.kind === 'waiting') return { kind: 'running', handle: { ...handle }, output: '' };
    if (found.kind === 'cancelled')
      return { ...failed('build_cancelled', `${name} (R-${item}) was ended before it began.`), output: '' };
    return gone(`Jenkins no longer knows ${name} (R-${item}).`);
  }
  const answer = await readBuild(tools, path, text(handle, 'build'));
  if (!answer.ok) return notSeen(JENKINS.name, `${name} (R-${item})`, answer.failure);
  const build = answer.value;
  const { output, place, more } = await readOn(tools, path, text(handle, 'build'), placeIn(handle));
  const commit = tools.pinned.commit ?? '';
  const now = { ...handle, ...place };
  const built = otherCommit(build, commit);
  if (build.building === true && built !== null) {
    const other = { name: `${name} (R-${item})`, built, link: text(build, 'url') };
    const stop = [...segmentsOf(path), text(handle, 'build'), 'stop'];
    return stopOther(now, other, output, async () => (await sendStop(tools, stop, '')) === null);
  }
  if (build.building === true) return { kind: 'running', handle: now, output };
  const rest = Number(handle.rest ?? 0) + 1;
  if (more && rest < LOOKS_FOR_REST) return { kind: 'running', handle: { ...now, rest }, output };
  const about = { name, run: `R-${item}`, commit, handle };
  const { passed, result } = resultOf(about, build, await readEnd(tools, path, text(handle, 'build')));
  return { kind: passed ? 'done' : 'failed', result, output };
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

/**
 * Whether the address that Jenkins gives a queue item is that of this job: the whole path, from the first `job` on, as a folder may
 * have a job of the same name. What stands before it is where Jenkins itself is served.
 */
export function isAt(url: string, path: string): boolean {
  const address = URL.canParse(url) ? decodeURI(new URL(url).pathname).replace(/\/+$/, '') : '';
  const from = address.indexOf('/job/');
  return from !== -1 && address.slice(from) === `/${segmentsOf(path).join('/')}`;
}

/** The job of a queue item, among those of the settings. */
const pathAt = (url: string, settings: Json): string | undefined =>
  knownPaths(settings).find((path) => isAt(url, path));

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
