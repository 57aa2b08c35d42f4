/** Forcing a build of a pinned commit on Buildbot, finding it again, seeing it to its end. Runs in the sandbox. */
import type {
  EgressRule,
  EgressValues,
  Look,
  Operation,
  Reconciliation,
  RunResult,
  Tools,
} from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, failed, isFields, text, unclear } from './answer.ts';
import {
  buildRules,
  endedWaiting,
  linkTo,
  newestBuild,
  otherCommit,
  placeOf,
  RETRY,
  readBuild,
  readOn,
  readRequest,
  readSteps,
  resultOf,
} from './buildbot-builds.ts';
import {
  BUILDBOT,
  commitScope,
  forceBody,
  inputsOf,
  jobOf,
  readCommitRule,
  readScheduler,
  readSchedulerRule,
  reasonOf,
  resolveCommit,
} from './buildbot-jobs.ts';
import { sendCancel, stopRunRule } from './buildbot-stop.ts';
import { STOPS, stopOther } from './ci-other-commit.ts';
import { type Args, notSeen } from './ci-runs.ts';
import { listOf, read, readRule, write, writeRule } from './json-call.ts';

/** Requests with the same mark that are looked at: there is one, or something is wrong. */
const FOUND_AT_MOST = '5';
const markQuery = (mark: string) => ({ reason__contains: mark, order: '-bsid', limit: FOUND_AT_MOST });
const OWNER = { property: 'owner' };

function started(args: Args, request: string): RunResult {
  return {
    kind: 'running',
    handle: { request, name: `${text(args, 'job')} of ${text(args, 'repo')}` },
    message: `Run R-${request} is queued.`,
  };
}

/** Buildbot answers `[buildset, {builder: request}]`. */
function requestIn(answer: Json): string {
  const result = isFields(answer) && Array.isArray(answer.result) ? answer.result : [];
  const requests = isFields(result[1]) ? Object.values(result[1]) : [];
  if (requests.length !== 1 || !Number.isInteger(requests[0])) throw unclear(BUILDBOT.name, 'no request');
  return String(requests[0]);
}

/** True for a build set that is ours to the letter: reason, commit. */
function isOurs(set: Fields, args: Args, tools: Tools): boolean {
  const codebase = jobOf(args, tools.settings)?.codebase ?? '';
  return (
    text(set, 'reason').endsWith(reasonOf(tools)) &&
    listOf(set, 'sourcestamps').some(
      (stamp) => text(stamp, 'codebase') === codebase && text(stamp, 'revision') === tools.pinned.commit,
    )
  );
}

function wasForcedBy(account: string, request: Fields): boolean {
  const properties = isFields(request.properties) ? request.properties : {};
  const [owner] = Array.isArray(properties.owner) ? properties.owner : [];
  return account !== '' && owner === account;
}

/** What a forced build needs, from these arguments: its own, or those of a run that is run again. */
export function triggerRules(argsOf: (values: EgressValues) => Args): EgressRule[] {
  return [
    writeRule(BUILDBOT, '/api/v2/forceschedulers/{scheduler}', {
      fill: (values): Record<string, string> => {
        const args = argsOf(values);
        if (forceBody(args, values) === null) return {};
        return { scheduler: jobOf(args, values.settings)?.scheduler ?? '' };
      },
      body: (values) => forceBody(argsOf(values), values),
    }),
    stopRunRule,
    readRule(BUILDBOT, '/api/v2/buildsets', { query: ({ mark }) => markQuery(mark) }),
    readRule(BUILDBOT, '/api/v2/buildrequests', { query: () => ({ ...OWNER, buildsetid: null }) }),
    ...buildRules(
      ({ handle }) => text(handle, 'request'),
      ({ handle }) => text(handle, 'build'),
    ),
  ];
}

export async function start(args: Args, tools: Tools): Promise<RunResult> {
  const job = jobOf(args, tools.settings);
  const body = forceBody(args, tools);
  if (job === null || body === null) return failed('not_pinned', 'No commit is pinned for this run.');
  const made = await write(tools, BUILDBOT, ['api', 'v2', 'forceschedulers', job.scheduler], body);
  return made.ok ? started(args, requestIn(made.value)) : made.failure;
}

/** Finds what `start` did by its mark, forced by our own account on the pinned commit. */
export async function reconcileStart(args: Args, tools: Tools): Promise<Reconciliation> {
  const account = isFields(tools.settings) ? text(tools.settings, 'account') : '';
  const sets = await read(tools, BUILDBOT, ['api', 'v2', 'buildsets'], markQuery(tools.mark));
  const set = sets.ok
    ? listOf(sets.value, 'buildsets').find((found) => isOurs(found, args, tools))
    : undefined;
  if (set === undefined) return { kind: 'cannot_tell' };
  const query = { ...OWNER, buildsetid: String(set.bsid) };
  const requests = await read(tools, BUILDBOT, ['api', 'v2', 'buildrequests'], query);
  const found = requests.ok ? listOf(requests.value, 'buildrequests') : [];
  const request = found.find((candidate) => wasForcedBy(account, candidate));
  return request === undefined
    ? { kind: 'cannot_tell' }
    : { kind: 'happened', outcome: started(args, String(request.buildrequestid)) };
}

export const followRun = (handle: Args, tools: Tools): Promise<Look> =>
  text(handle, 'build') === '' ? lookForBuild(handle, tools) : lookAtBuild(handle, tools);

export const trigger: Operation = {
  egress: [readSchedulerRule, readCommitRule, ...triggerRules(({ args }) => args)],
  scope: commitScope,
  writes: 1,
  followWrites: STOPS,
  idempotency: 'none',
  preview: async (args, tools) => {
    const job = jobOf(args, tools.settings);
    if (job === null)
      return { refused: `There is no job ${text(args, 'job')} of ${text(args, 'repo')} on Buildbot.` };
    const unknown = Object.keys(inputsOf(args)).filter((name) => !job.inputs.includes(name));
    if (unknown.length > 0) return { refused: `The job ${job.name} has no input ${unknown.join(', ')}.` };
    const unsuitable = await readScheduler(job, args, tools);
    if (unsuitable !== null) return unsuitable;
    const ref = text(args, 'ref');
    const resolved = await resolveCommit(job, ref, tools);
    if ('refused' in resolved) return resolved;
    const { commit } = resolved;
    return {
      summary: `Run ${job.name} of ${job.repository} on commit ${commit.slice(0, 12)}, on Buildbot.`,
      facts: [
        { label: 'Job', value: job.name },
        { label: 'Repository', value: job.repository },
        { label: 'Commit', value: ref === commit ? commit : `${commit} (${ref} now)` },
        { label: 'Environment', value: job.environment },
        { label: 'Builder', value: job.builder },
        ...Object.entries(inputsOf(args)).map(([name, value]) => ({
          label: `Input ${name}`,
          value: String(value),
        })),
      ],
      pinned: { commit },
    };
  },
  run: start,
  reconcile: reconcileStart,
  follow: followRun,
};

/** Until a worker takes it up. The request is read first: one that had ended by then and has no build never began. */
async function lookForBuild(handle: Args, tools: Tools): Promise<Look> {
  const request = text(handle, 'request');
  const name = `${text(handle, 'name')} (R-${request})`;
  const answer = await readRequest(tools, request);
  if (!answer.ok) return notSeen(BUILDBOT.name, name, answer.failure);
  const [found] = listOf(answer.value, 'buildrequests');
  const build = await newestBuild(tools, request);
  if (build !== null)
    return { kind: 'running', handle: { request, name: text(handle, 'name'), build }, output: '' };
  if (found?.complete !== true) return { kind: 'running', handle: { ...handle }, output: '' };
  const [code, words] = endedWaiting(found.results);
  return { ...failed(code, `${name} ${words}.`), output: '' };
}

async function lookAtBuild(handle: Args, tools: Tools): Promise<Look> {
  const request = text(handle, 'request');
  const id = text(handle, 'build');
  const name = text(handle, 'name');
  const build = await readBuild(tools, id);
  const steps = await readSteps(tools, id);
  const { output, drained, ...place } = await readOn(tools, id, steps, placeOf(handle));
  const running = { kind: 'running', handle: { ...handle, ...place }, output } as const;
  const commit = tools.pinned.commit ?? '';
  const built = otherCommit(build, commit);
  if (build.complete !== true && built !== null) {
    const other = { name: `${name} (R-${request})`, built, link: linkTo(tools.settings, build) };
    return stopOther(running.handle, other, output, async () => (await sendCancel(tools, request)).ok);
  }
  if (build.complete !== true || !drained) return running;
  if (build.results === RETRY) {
    const newest = await newestBuild(tools, request);
    const isNew = newest !== null && newest !== id;
    return isNew ? { kind: 'running', handle: { request, name, build: newest }, output } : running;
  }
  const about = { name, run: `R-${request}`, commit, handle };
  const { passed, result } = await resultOf(tools, about, build, steps);
  return { kind: passed ? 'done' : 'failed', result, output };
}
