/** CI on Jenkins. Bundled and run in the sandbox; every call passes the broker. */
import type { EgressValues, Operation } from '../../src/action.ts';
import { failed, text } from './answer.ts';
import { describedJob } from './ci-described.ts';
import { STOPS } from './ci-other-commit.ts';
import {
  again,
  gone,
  logsResult,
  nameOf,
  notSeen,
  numberOf,
  previewCancel,
  previewRerun,
  READ_ONLY,
  stopped,
  stopping,
} from './ci-runs.ts';
import {
  buildOfItem,
  buildRules,
  endingOf,
  follow,
  pastRules,
  readBuild,
  readEnd,
  readPast,
  resultOf,
} from './jenkins-builds.ts';
import { JENKINS, JOB_TREE, jobPath, readsOfEach, segmentsOf, unsuitable, writesOf } from './jenkins-jobs.ts';
import { sendStop } from './jenkins-stop.ts';
import { reconcileStart, start, startRules, trigger } from './jenkins-trigger.ts';
import { writeRule } from './json-call.ts';

/** The job that the preview has found the run to be of. */
const pinnedPath = ({ pinned, settings }: EgressValues): string => jobPath(again(pinned), settings);
const isWaiting = ({ pinned }: Pick<EgressValues, 'pinned'>): boolean => (pinned.build ?? '') === '';
const pinnedRules = buildRules(
  pinnedPath,
  ({ args }) => numberOf(args),
  ({ pinned, handle }) => text(handle, 'build') || (pinned.build ?? ''),
);

const cancel: Operation = {
  egress: [
    ...pastRules,
    ...pinnedRules,
    ...writesOf((values) => (isWaiting(values) ? '' : pinnedPath(values)), '/{build}/stop', {
      more: ({ pinned }) => ({ build: pinned.build ?? '' }),
    }),
    writeRule(JENKINS, '/queue/{cancel}', {
      // Only what the preview has found to wait in the queue, of a job of the settings.
      fill: (values): Record<string, string> =>
        values.pinned.run !== undefined && isWaiting(values) ? { cancel: 'cancelItem' } : {},
      query: ({ args }) => ({ id: numberOf(args) }),
      body: () => null,
    }),
  ],
  writes: 1,
  idempotency: 'natural',
  preview: async (args, tools) => {
    const past = await readPast(args, tools);
    if ('refused' in past) return past;
    const seen = previewCancel(args, past, JENKINS.name);
    return 'refused' in seen ? seen : { ...seen, pinned: { ...seen.pinned, build: past.build } };
  },
  run: async (args, tools) => {
    const { job = '', repository = '', build = '' } = tools.pinned;
    const problem =
      build === ''
        ? await sendStop(tools, ['queue', 'cancelItem'], `?id=${numberOf(args)}`)
        : await sendStop(
            tools,
            [...segmentsOf(jobPath(again(tools.pinned), tools.settings)), build, 'stop'],
            '',
          );
    return problem ?? stopping(args, `${job} of ${repository} (${text(args, 'run')})`);
  },
  reconcile: async (args, tools) => {
    const past = await readPast(args, tools);
    if ('refused' in past || !past.wasStopped) return { kind: 'cannot_tell' };
    return { kind: 'happened', outcome: stopping(args, nameOf(past)) };
  },
  follow: async (handle, tools) => {
    const path = jobPath(again(tools.pinned), tools.settings);
    const running = { kind: 'running', handle: { ...handle }, output: '' } as const;
    let build = text(handle, 'build') || (tools.pinned.build ?? '');
    if (build === '') {
      const found = await buildOfItem(tools, path, numberOf(handle));
      // That it is forgotten does not say that it was stopped.
      if (found.kind === 'gone') return gone(`${JENKINS.name} no longer knows ${text(handle, 'name')}.`);
      if (found.kind === 'cancelled') return stopped(handle, true, '');
      if (found.kind === 'waiting') return running;
      build = found.build;
      // It had begun before the stop reached the queue: looked at next, by its number.
      return { ...running, handle: { ...handle, build } };
    }
    const seen = await readBuild(tools, path, build);
    if (!seen.ok) return notSeen(JENKINS.name, text(handle, 'name'), seen.failure);
    if (seen.value.building === true) return running;
    return stopped(handle, seen.value.result === 'ABORTED', endingOf(seen.value)[1], text(seen.value, 'url'));
  },
};

const rerun: Operation = {
  egress: [
    ...pastRules,
    ...readsOfEach('/api/json', { query: () => JOB_TREE }),
    ...startRules(({ pinned }) => again(pinned)),
  ],
  writes: 1,
  followWrites: STOPS,
  idempotency: 'none',
  preview: async (args, tools) => {
    const past = await readPast(args, tools);
    if ('refused' in past) return past;
    const seen = previewRerun(args, past, JENKINS.name, { inputs: past.inputs });
    if ('refused' in seen) return seen;
    const job = describedJob(again(seen.pinned), tools.settings);
    return (job && (await unsuitable(job, again(seen.pinned), tools))) ?? seen;
  },
  run: (_args, tools) => start(again(tools.pinned), tools),
  reconcile: (_args, tools) => reconcileStart(again(tools.pinned), tools),
  follow,
};

const status: Operation = {
  ...READ_ONLY,
  egress: [...pastRules, ...pinnedRules],
  preview: async (args, tools) => {
    const past = await readPast(args, tools);
    if ('refused' in past) return past;
    const { job, repository, build, state } = past;
    return {
      summary: `Read ${nameOf(past)} on Jenkins.`,
      facts: [],
      pinned: { job, repository, build, state, name: nameOf(past) },
    };
  },
  run: async (args, tools) => {
    const { name = '', state = '', build: id = '' } = tools.pinned;
    const run = text(args, 'run');
    if (id === '')
      return { kind: 'done', result: { code: 'done', message: `${name} is ${state}.`, data: { run } } };
    const path = jobPath(again(tools.pinned), tools.settings);
    const answer = await readBuild(tools, path, id);
    if (!answer.ok) return answer.failure;
    const build = answer.value;
    const about = { name: name.replace(` (${run})`, ''), run, commit: '' };
    const { result } = resultOf(about, build, await readEnd(tools, path, id));
    const message = build.building === true ? `${name} is running.` : result.message;
    return { kind: 'done', result: { ...result, code: 'done', message } };
  },
};

const logs: Operation = {
  ...status,
  run: async (args, tools) => {
    const { name = '', build: id = '' } = tools.pinned;
    const run = text(args, 'run');
    if (id === '') return failed('not_begun', `${name} has not begun: it has no output.`);
    const path = jobPath(again(tools.pinned), tools.settings);
    const answer = await readBuild(tools, path, id);
    if (!answer.ok) return answer.failure;
    const build = answer.value;
    const words = build.building === true ? 'is running' : endingOf(build)[1];
    // What a build of Jenkins prints is one text: where a step begins in it, nobody says.
    if (args.part === 'failed' && (build.building === true || endingOf(build)[0] === 'done'))
      return logsResult(run, `${name} ${words}; nothing of it has failed.`, '', text(build, 'url'));
    const output = await readEnd(tools, path, id);
    return logsResult(run, `The end of the output of ${name}, which ${words}.`, output, text(build, 'url'));
  },
};

export const operations = { trigger, status, cancel, rerun, logs };
