/** A run on Buildbot that is there already: of which job it is, on which commit, how it stands. Runs in the sandbox. */
import type { EgressRule, Refusal, Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, isFields, text, unclear } from './answer.ts';
import { endedWords, newestBuild } from './buildbot-builds.ts';
import { BUILDBOT, jobOf, jobsOn, OUR_REASON } from './buildbot-jobs.ts';
import { type Args, numberOf, type PastRun } from './ci-runs.ts';
import { listOf, read, readRule } from './json-call.ts';

/** The properties of its build set: who asked, why, with which inputs. */
const ALL_PROPERTIES = { property: '*' };
const API = ['api', 'v2'] as const;

export const pastRules: EgressRule[] = [
  readRule(BUILDBOT, '/api/v2/buildrequests/{request}', {
    fill: ({ args }) => ({ request: numberOf(args) }),
    query: () => ALL_PROPERTIES,
  }),
  readRule(BUILDBOT, '/api/v2/builders'),
  readRule(BUILDBOT, '/api/v2/buildsets', { query: () => ({ bsid: null }) }),
];

export type Past = PastRun & {
  build: string | null;
  results: Json;
  inputs: Record<string, string>;
};

const unknownRun = (args: Args): Refusal => ({
  refused: `${text(args, 'run')} is no run of a job that the assistant knows on Buildbot.`,
});

/** A property's value, where it is a text. */
export function property(fields: Fields, name: string): string {
  const properties = isFields(fields.properties) ? fields.properties : {};
  const [value] = Array.isArray(properties[name]) ? properties[name] : [];
  return typeof value === 'string' ? value : '';
}

/**
 * The job of the settings that a builder's run is of. Buildbot knows builders only: where jobs that policy tells apart share
 * one, nobody can say which of them a run is of.
 */
function whichJob(builder: string, args: Args, settings: Json): { repo: string; job: string } | Refusal {
  const jobs = jobsOn(builder, settings);
  const pairs = jobs.flatMap(({ name, repositories }) => repositories.map((repo) => ({ repo, job: name })));
  const environments = new Set(pairs.map((pair) => jobOf(pair, settings)?.environment));
  const [first] = pairs;
  if (first === undefined) return unknownRun(args);
  if (environments.size > 1) {
    return {
      refused: `Jobs of different environments run on the builder ${builder}: which one this is of cannot be told.`,
    };
  }
  const [repo, job] = [text(args, 'repo'), text(args, 'job')];
  const fitting = pairs.filter((pair) => [pair.repo, ''].includes(repo) && [pair.job, ''].includes(job));
  if (fitting.length === 0) return first;
  if (fitting.length > 1)
    return { refused: `Name repo and job: several of them run on the builder ${builder}.` };
  return fitting[0] ?? first;
}

/** Reads a run and finds its job. Only runs on builders of the settings' jobs are anybody's business here. */
export async function readPast(args: Args, tools: Tools): Promise<Past | Refusal> {
  const path = [...API, 'buildrequests', numberOf(args)];
  const answer = await read(tools, BUILDBOT, path, ALL_PROPERTIES);
  if (!answer.ok) {
    const { code, message } = answer.failure.result;
    return code === 'not_found' ? unknownRun(args) : { refused: message };
  }
  const [request] = listOf(answer.value, 'buildrequests');
  if (request === undefined) return unknownRun(args);
  const builders = await read(tools, BUILDBOT, [...API, 'builders']);
  if (!builders.ok) return { refused: builders.failure.result.message };
  const builder = listOf(builders.value, 'builders').find((one) => one.builderid === request.builderid);
  const which = whichJob(builder === undefined ? '' : text(builder, 'name'), args, tools.settings);
  if ('refused' in which) return which;
  const job = jobOf(which, tools.settings);
  if (job === null) throw unclear(BUILDBOT.name, 'no job');
  const build = await newestBuild(tools, numberOf(args));
  const reason = property(request, 'reason');
  const inputs = job.inputs.map((name) => [name, property(request, name)] as const);
  const going = build === null ? 'queued' : 'running';
  return {
    run: text(args, 'run'),
    job: job.name,
    repository: job.repository,
    environment: job.environment,
    commit: await commitOf(request, job.codebase, tools),
    startedBy: OUR_REASON.exec(reason)?.[1] ?? property(request, 'owner'),
    state: request.complete === true ? endedWords(request.results, build) : going,
    hasEnded: request.complete === true,
    build,
    results: request.results ?? null,
    inputs: Object.fromEntries(inputs.filter(([, value]) => value !== '')),
  };
}

/** The commit that it was asked to build. */
async function commitOf(request: Fields, codebase: string, tools: Tools): Promise<string> {
  const query = { bsid: String(request.buildsetid) };
  const sets = await read(tools, BUILDBOT, [...API, 'buildsets'], query);
  if (!sets.ok) throw unclear(BUILDBOT.name, sets.failure.result.code);
  const [set] = listOf(sets.value, 'buildsets');
  const stamps = set === undefined ? [] : listOf(set, 'sourcestamps');
  const stamp = stamps.find((one) => text(one, 'codebase') === codebase);
  return stamp === undefined ? '' : text(stamp, 'revision');
}
