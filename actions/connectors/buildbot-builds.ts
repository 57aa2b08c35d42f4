/** Builds on Buildbot: their state, their output line by line, their end. Runs in the sandbox. */
import { stripVTControlCharacters } from 'node:util';
import type { EgressRule, EgressValues, Tools } from '../../src/action.ts';
import type { Json, Result } from '../../src/model/request.ts';
import { type Fields, isFields, text, unclear } from './answer.ts';
import { BUILDBOT } from './buildbot-jobs.ts';
import { endedOther } from './ci-other-commit.ts';
import type { Args } from './ci-runs.ts';
import { type Answer, listOf, read, readRule } from './json-call.ts';

/** Steps whose output is shown; a build with more is read on Buildbot's own pages. */
export const MAX_STEPS = 40;
/** Lines of one read, of one build's whole output, and of the end that stands in the result. */
export const LINES_PER_READ = 200;
const MAX_LINES = 5_000;
const TAIL_LINES = 60;
/** Reads of output in one look: well below the broker's budget of calls. */
const READS_PER_LOOK = 12;
/** Buildbot's own line at the end of a command. */
const EXIT_LINE = /^program finished with exit code (-?\d{1,5})$/;

const SUCCESS = 0;
const WARNINGS = 1;
export const RETRY = 5;
export const CANCELLED = 6;
const SKIPPED = 3;
/** Buildbot's results by number (buildbot.process.results). */
const ENDINGS: Readonly<Record<number, readonly [code: string, words: string]>> = {
  [SUCCESS]: ['done', 'passed'],
  [WARNINGS]: ['done', 'passed with warnings'],
  2: ['build_failed', 'failed'],
  [SKIPPED]: ['build_skipped', 'was skipped'],
  4: ['build_exception', 'was broken off by a problem of Buildbot or its worker'],
  [RETRY]: ['build_retried', 'is tried again'],
  [CANCELLED]: ['build_cancelled', 'was cancelled on Buildbot'],
};

/** How a build or a request stands, in a word or a few. */
export const stateWords = (results: Json | undefined): string =>
  ENDINGS[Number(results)]?.[1] ?? 'ended in a way of its own';

/**
 * How a request ended that no worker ever took up. Unless its builder is told not to, Buildbot merges what waits into a later
 * request of the same commit, whatever the inputs of both (`collapseRequests`), and closes it as skipped.
 */
export const endedWaiting = (results: Json | undefined): readonly [code: string, words: string] =>
  results === SKIPPED
    ? ['build_merged', 'did not run, as Buildbot merged it into a later run of the same commit']
    : ['build_cancelled', 'was ended before it began'];

/** How a request ended, by its newest build, which is read after it: one that has a build did begin. */
export const endedWords = (results: Json | undefined, build: string | null): string =>
  build === null ? endedWaiting(results)[1] : stateWords(results);

export const hasPassed = (results: Json | undefined): boolean => results === SUCCESS || results === WARNINGS;

const BUILDS = { order: '-buildid', limit: '1' };
const WITH_COMMIT = { property: 'got_revision' };
const API = ['api', 'v2'] as const;

/** The reads that show one build, by whatever names the request and the build here. */
export function buildRules(
  requestOf: (values: EgressValues) => string,
  buildOf: (values: EgressValues) => string,
): EgressRule[] {
  const fillRequest = (values: EgressValues) => ({ request: requestOf(values) });
  const fillBuild = (values: EgressValues) => ({ build: buildOf(values) });
  const build = '/api/v2/builds/{build}';
  const steps = Array.from({ length: MAX_STEPS }, (_, step) => `${build}/steps/${step}/logs/stdio`);
  return [
    readRule(BUILDBOT, '/api/v2/buildrequests/{request}', { fill: fillRequest }),
    readRule(BUILDBOT, '/api/v2/buildrequests/{request}/builds', { fill: fillRequest, query: () => BUILDS }),
    readRule(BUILDBOT, build, { fill: fillBuild, query: () => WITH_COMMIT }),
    readRule(BUILDBOT, `${build}/steps`, { fill: fillBuild }),
    ...steps.flatMap((log) => [
      readRule(BUILDBOT, log, { fill: fillBuild }),
      readRule(BUILDBOT, `${log}/contents`, {
        fill: fillBuild,
        query: () => ({ offset: null, limit: String(LINES_PER_READ) }),
      }),
    ]),
  ];
}

/** A read of something that must be answered: whatever else came says nothing about the build. */
function need(answer: Answer<Fields>, list: string): Fields[] {
  if (!answer.ok) throw unclear(BUILDBOT.name, answer.failure.result.code);
  return listOf(answer.value, list);
}

export const readRequest = (tools: Tools, request: string) =>
  read(tools, BUILDBOT, [...API, 'buildrequests', request]);

/** The newest build of a request; null while none has begun. */
export async function newestBuild(tools: Tools, request: string): Promise<string | null> {
  const answer = await read(tools, BUILDBOT, [...API, 'buildrequests', request, 'builds'], BUILDS);
  const [build] = need(answer, 'builds');
  return build === undefined ? null : String(build.buildid);
}

export async function readBuild(tools: Tools, build: string): Promise<Fields> {
  const [found] = need(await read(tools, BUILDBOT, [...API, 'builds', build], WITH_COMMIT), 'builds');
  if (found === undefined) throw unclear(BUILDBOT.name, 'no build');
  return found;
}

export const readSteps = async (tools: Tools, build: string): Promise<Fields[]> =>
  need(await read(tools, BUILDBOT, [...API, 'builds', build, 'steps']), 'steps');

type Log = { lines: number; complete: boolean };

/** A step's output; null where it has none that is written line by line. */
export async function readLog(tools: Tools, build: string, step: number): Promise<Log | null> {
  const path = [...API, 'builds', build, 'steps', String(step), 'logs', 'stdio'];
  const answer = await read(tools, BUILDBOT, path);
  if (!answer.ok && answer.failure.result.code === 'not_found') return null;
  const [log] = need(answer, 'logs');
  return log?.type === 's' ? { lines: Number(log.num_lines), complete: log.complete === true } : null;
}

type Lines = { count: number; said: string[]; exitCode: number | null };

/**
 * Lines from `offset`. Each begins with its stream: `o` and `e` are what the command said; `h` is what Buildbot says about it,
 * its environment among that, which is nobody's business here but for the exit code.
 */
export async function readLines(
  tools: Tools,
  build: string,
  step: number,
  offset: number,
): Promise<Lines | null> {
  const path = [...API, 'builds', build, 'steps', String(step), 'logs', 'stdio', 'contents'];
  const query = { offset: String(offset), limit: String(LINES_PER_READ) };
  const answer = await read(tools, BUILDBOT, path, query);
  if (!answer.ok && answer.failure.result.code === 'response_too_large') return null;
  const [chunk] = need(answer, 'logchunks');
  const lines = chunk === undefined ? [] : text(chunk, 'content').split('\n').slice(0, -1);
  const exits = lines.map((line) => (line.startsWith('h') ? EXIT_LINE.exec(line.slice(1))?.[1] : undefined));
  const exit = exits.findLast((code) => code !== undefined);
  return {
    count: lines.length,
    said: lines.filter((line) => /^[oe]/.test(line)).map((line) => stripVTControlCharacters(line.slice(1))),
    exitCode: exit === undefined ? null : Number(exit),
  };
}

/** Where reading the output goes on. */
export type Place = { step: number; line: number; shown: number };

/** Reads on from a place, within one look's bounds. `drained`: of the steps there are, nothing is left to show. */
export async function readOn(
  tools: Tools,
  build: string,
  steps: readonly Fields[],
  from: Place,
): Promise<Place & { output: string; drained: boolean }> {
  let { step, line, shown } = from;
  const said: string[] = [];
  const answer = (drained: boolean) => {
    const output = said.map((words) => `${words}\n`).join('');
    return { step, line, shown, output, drained };
  };
  const next = (): void => {
    step += 1;
    line = 0;
  };
  for (let reads = 0; reads < READS_PER_LOOK; reads += 1) {
    const current = steps.find((candidate) => candidate.number === step);
    if (current === undefined || step >= MAX_STEPS || shown >= MAX_LINES) return answer(true);
    const log = await readLog(tools, build, step);
    if (log === null || line >= log.lines) {
      // The step was over before its log was read, so nothing can follow.
      if (current.complete !== true) return answer(false);
      next();
      continue;
    }
    const lines = await readLines(tools, build, step, line);
    if (lines === null || lines.count === 0) {
      said.push(`(The output of step ${step} is too long to be shown here.)`);
      next();
      continue;
    }
    said.push(...lines.said);
    shown += lines.count;
    line += lines.count;
    if (shown >= MAX_LINES) said.push('(There is more output on Buildbot.)');
  }
  return answer(false);
}

/** The end of the output that matters: of the step that failed, else of the last one that said anything. */
async function readTail(
  tools: Tools,
  build: string,
  steps: readonly Fields[],
): Promise<{ output: string; exitCode: number | null }> {
  const failed = steps.filter((step) => step.results === 2 || step.results === 4);
  const candidates = failed.length > 0 ? failed : steps.toReversed();
  for (const { number } of candidates.slice(0, READS_PER_LOOK)) {
    if (typeof number !== 'number' || number >= MAX_STEPS) continue;
    const log = await readLog(tools, build, number);
    if (log === null) continue;
    const lines = await readLines(tools, build, number, Math.max(0, log.lines - LINES_PER_READ));
    if (lines !== null) return { output: lines.said.slice(-TAIL_LINES).join('\n'), exitCode: lines.exitCode };
  }
  return { output: '', exitCode: null };
}

/** The commits that the source step reports; a build of several codebases has several. */
function builtCommits(build: Fields): string[] {
  const properties = isFields(build.properties) ? build.properties : {};
  const [value] = Array.isArray(properties.got_revision) ? properties.got_revision : [];
  if (typeof value === 'string') return [value];
  return isFields(value) ? Object.values(value).filter((commit) => typeof commit === 'string') : [];
}

/** The other commit that it is on, where it says so. */
export function otherCommit(build: Fields, commit: string): string | null {
  const commits = builtCommits(build);
  return commit === '' || commits.includes(commit) ? null : (commits[0] ?? null);
}

export function linkTo(settings: Json, build: Fields): string {
  const web = isFields(settings) ? text(settings, 'web').replace(/\/+$/, '') : '';
  return `${web}/#/builders/${build.builderid}/builds/${build.number}`;
}

/** How a build ended, in our words. `commit`: the approved one, where there is one. */
export async function resultOf(
  tools: Tools,
  about: { name: string; run: string; commit: string; handle?: Args },
  build: Fields,
  steps: readonly Fields[],
): Promise<{ passed: boolean; result: Result }> {
  const { output, exitCode } = await readTail(tools, String(build.buildid), steps);
  const built = otherCommit(build, about.commit);
  const [code, words] = ENDINGS[Number(build.results)] ?? ['build_failed', 'ended in a way of its own'];
  const passed = hasPassed(build.results) && built === null;
  const how = exitCode === null || exitCode === 0 ? words : `${words} with exit code ${exitCode}`;
  const name = `${about.name} (${about.run})`;
  const ended = { wasCancelled: build.results === CANCELLED, words: how };
  return {
    passed,
    result: {
      code: built === null ? code : 'other_commit',
      message: built === null ? `${name} ${how}.` : endedOther(about.handle ?? {}, { name, built }, ended),
      ...(exitCode === null ? {} : { exitCode }),
      link: linkTo(tools.settings, build),
      output,
      data: { run: about.run, build: String(build.buildid), commits: builtCommits(build) },
    },
  };
}

export function placeOf(handle: Args): Place {
  const number = (name: string): number => (typeof handle[name] === 'number' ? handle[name] : 0);
  return { step: number('step'), line: number('line'), shown: number('shown') };
}
