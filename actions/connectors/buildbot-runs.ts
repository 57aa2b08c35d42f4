/** What is done with a run on Buildbot that is there already: stop it, run it again, show its output. Runs in the sandbox. */
import type { Operation, Tools } from '../../src/action.ts';
import { type Fields, failed, text } from './answer.ts';
import {
  buildRules,
  CANCELLED,
  endedWords,
  LINES_PER_READ,
  linkTo,
  MAX_STEPS,
  newestBuild,
  readBuild,
  readLines,
  readLog,
  readRequest,
  readSteps,
  stateWords,
} from './buildbot-builds.ts';
import { BUILDBOT, jobOf, readScheduler } from './buildbot-jobs.ts';
import { pastRules, readPast } from './buildbot-past.ts';
import {
  beingStopped,
  cancelBody,
  lookAtStop,
  STOPS_AGAIN,
  sendCancel,
  stopAgainRule,
} from './buildbot-stop.ts';
import { followRun, reconcileStart, start, triggerRules } from './buildbot-trigger.ts';
import { STOPS } from './ci-other-commit.ts';
import {
  again,
  logsResult,
  nameOf,
  notSeen,
  numberOf,
  previewCancel,
  previewRerun,
  READ_ONLY,
  stopped,
} from './ci-runs.ts';
import { listOf, readRule, writeRule } from './json-call.ts';

/** Steps whose output one reading of logs takes, from the end: each costs two calls. */
const STEPS_SHOWN = 10;

const byNumber = buildRules(
  ({ args }) => numberOf(args),
  ({ pinned }) => pinned.build ?? '',
);

export const cancel: Operation = {
  egress: [
    ...pastRules,
    ...buildRules(
      ({ args }) => numberOf(args),
      ({ handle }) => text(handle, 'build'),
    ),
    writeRule(BUILDBOT, '/api/v2/buildrequests/{request}', {
      fill: ({ args }): Record<string, string> => ({ request: numberOf(args) }),
      body: cancelBody,
    }),
    stopAgainRule,
  ],
  writes: 1,
  followWrites: STOPS_AGAIN,
  // A second one would kill the steps with which a stopped build cleans up.
  idempotency: 'none',
  preview: async (args, tools) => {
    const past = await readPast(args, tools);
    return 'refused' in past ? past : previewCancel(args, past, BUILDBOT.name);
  },
  run: async (args, tools) => {
    // Asked first: one that is there by now is stopped for certain.
    const build = await newestBuild(tools, numberOf(args));
    const sent = await sendCancel(tools, numberOf(args));
    if (!sent.ok) return sent.failure;
    const { job = '', repository = '' } = tools.pinned;
    return beingStopped(args, `${job} of ${repository} (${text(args, 'run')})`, build);
  },
  reconcile: async (args, tools) => {
    const past = await readPast(args, tools);
    if ('refused' in past) return { kind: 'cannot_tell' };
    // Whether it was taken the looks find out, as with one that found no build.
    return { kind: 'happened', outcome: beingStopped(args, nameOf(past), null) };
  },
  follow: async (handle, tools) => {
    const answer = await readRequest(tools, numberOf(handle));
    if (!answer.ok) return notSeen(BUILDBOT.name, text(handle, 'name'), answer.failure);
    const [request] = listOf(answer.value, 'buildrequests');
    if (request?.complete !== true) return lookAtStop(handle, tools);
    const words = endedWords(request.results, await newestBuild(tools, numberOf(handle)));
    return stopped(handle, request.results === CANCELLED, words);
  },
};

export const rerun: Operation = {
  egress: [
    ...pastRules,
    ...byNumber,
    // Which scheduler it is, only the run says.
    readRule(BUILDBOT, '/api/v2/forceschedulers'),
    ...triggerRules(({ pinned }) => again(pinned)),
  ],
  writes: 1,
  followWrites: STOPS,
  idempotency: 'none',
  preview: async (args, tools) => {
    const past = await readPast(args, tools);
    if ('refused' in past) return past;
    const seen = previewRerun(args, past, BUILDBOT.name, { inputs: past.inputs });
    if ('refused' in seen) return seen;
    const job = jobOf(again(seen.pinned), tools.settings);
    return (job && (await readScheduler(job, again(seen.pinned), tools, 'among all'))) ?? seen;
  },
  run: (_args, tools) => start(again(tools.pinned), tools),
  reconcile: (_args, tools) => reconcileStart(again(tools.pinned), tools),
  follow: followRun,
};

/** The end of what each of these steps said, under its name. */
async function outputOf(tools: Tools, build: string, steps: readonly Fields[]): Promise<string> {
  const parts: string[] = [];
  for (const step of steps.slice(-STEPS_SHOWN)) {
    const number = Number(step.number);
    if (!Number.isInteger(number) || number >= MAX_STEPS) continue;
    const log = await readLog(tools, build, number);
    if (log === null || log.lines === 0) continue;
    const lines = await readLines(tools, build, number, Math.max(0, log.lines - LINES_PER_READ));
    const said = lines?.said ?? ['(The output is too long to be shown here.)'];
    if (said.length > 0) parts.push(`== ${text(step, 'name')}\n${said.join('\n')}\n`);
  }
  return parts.join('');
}

const hasFailed = (step: Fields): boolean => step.results === 2 || step.results === 4;

export const logs: Operation = {
  ...READ_ONLY,
  egress: [...pastRules, ...byNumber],
  preview: async (args, tools) => {
    const past = await readPast(args, tools);
    if ('refused' in past) return past;
    const build: Record<string, string> = past.build === null ? {} : { build: past.build };
    return {
      summary: `Read the output of ${nameOf(past)} on Buildbot.`,
      facts: [],
      pinned: { name: nameOf(past), ...build },
    };
  },
  run: async (args, tools) => {
    const { name = '', build: id } = tools.pinned;
    const run = text(args, 'run');
    if (id === undefined) return failed('not_begun', `No worker has taken up ${name}: it has no output.`);
    const build = await readBuild(tools, id);
    const steps = await readSteps(tools, id);
    const onlyFailed = args.part === 'failed';
    const output = await outputOf(tools, id, onlyFailed ? steps.filter(hasFailed) : steps);
    const state = build.complete === true ? stateWords(build.results) : 'is running';
    const what = onlyFailed ? 'The output of the steps that failed' : 'The end of the output';
    const words =
      output === '' ? `${name} ${state}; there is no such output.` : `${what} of ${name}, which ${state}.`;
    return logsResult(run, words, output, linkTo(tools.settings, build));
  },
};
