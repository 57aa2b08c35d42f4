/** CI on GitLab. Bundled and run in the sandbox; every call passes the broker. */
import type { EgressValues, Operation } from '../../src/action.ts';
import { text } from './answer.ts';
import { forEachRepository } from './ci-described.ts';
import { STOPS } from './ci-other-commit.ts';
import {
  type Args,
  again,
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
import { GITLAB } from './gitlab-errors.ts';
import {
  anywhereRules,
  endingOf,
  filledProject,
  hasEnded,
  jobLine,
  pathIn,
  pipelineRules,
  projectFor,
  projectOf,
  projectRule,
  readJobs,
  readPast,
  readPipeline,
  resultOf,
  stateOf,
} from './gitlab-pipelines.ts';
import {
  follow,
  newestCommit,
  readTraces,
  reconcileStart,
  start,
  startRules,
  tracesOf,
  trigger,
} from './gitlab-trigger.ts';
import { write, writeRule } from './json-call.ts';

type Pinned = Pick<EgressValues, 'pinned' | 'settings'>;
/** The project in which the preview has found the run. */
const pinnedProject = ({ pinned, settings }: Pinned): string =>
  projectFor({ repo: pinned.repository ?? '' }, settings);
const pinnedRules = pipelineRules(
  pinnedProject,
  ({ args }) => numberOf(args),
  ({ pinned }) => (pinned.traces ?? '').split(',').filter((id) => id !== ''),
);
/** The trigger of the same: on the branch or tag that it was on. */
const sameAgain = (pinned: EgressValues['pinned']): Args => ({ ...again(pinned), ref: pinned.ref ?? '' });

const cancel: Operation = {
  egress: [
    ...anywhereRules,
    ...pinnedRules,
    writeRule(GITLAB, '/api/v4/projects/{project}/pipelines/{pipeline}/cancel', {
      fill: filledProject(pinnedProject, { pipeline: ({ args }) => numberOf(args) }),
      body: () => null,
    }),
  ],
  writes: 1,
  idempotency: 'natural',
  preview: async (args, tools) => {
    const past = await readPast(args, tools);
    return 'refused' in past ? past : previewCancel(args, past, GITLAB.name);
  },
  run: async (args, tools) => {
    const path = pathIn(pinnedProject(tools), 'pipelines', numberOf(args), 'cancel');
    const sent = await write(tools, GITLAB, path, null);
    if (!sent.ok) return sent.failure;
    const { job = '', repository = '' } = tools.pinned;
    return stopping(args, `${job} of ${repository} (${text(args, 'run')})`);
  },
  reconcile: async (args, tools) => {
    const past = await readPast(args, tools);
    if ('refused' in past || text(past.fields, 'status') !== 'canceled') return { kind: 'cannot_tell' };
    return { kind: 'happened', outcome: stopping(args, nameOf(past)) };
  },
  follow: async (handle, tools) => {
    const pipeline = await readPipeline(tools, pinnedProject(tools), numberOf(handle));
    if (!pipeline.ok) return notSeen(GITLAB.name, text(handle, 'name'), pipeline.failure);
    if (!hasEnded(pipeline.value)) return { kind: 'running', handle: { ...handle }, output: '' };
    const wasCancelled = text(pipeline.value, 'status') === 'canceled';
    return stopped(handle, wasCancelled, stateOf(pipeline.value), text(pipeline.value, 'web_url'));
  },
};

const rerun: Operation = {
  egress: [
    ...anywhereRules,
    // Where the branch stands is asked before anything is pinned.
    ...forEachRepository((place) =>
      projectRule(
        (values) => projectOf(place(values)),
        '/repository/commits',
        () => ({ ref_name: null, per_page: '1' }),
      ),
    ),
    ...startRules(({ pinned }) => sameAgain(pinned)),
  ],
  writes: 1,
  followWrites: STOPS,
  idempotency: 'none',
  preview: async (args, tools) => {
    const past = await readPast(args, tools);
    if ('refused' in past) return past;
    const seen = previewRerun(args, past, GITLAB.name, { inputs: past.inputs, pinned: { ref: past.ref } });
    if ('refused' in seen) return seen;
    const now = await newestCommit(sameAgain(seen.pinned), tools);
    if ('refused' in now) return now;
    if (now.commit === past.commit) return seen;
    return {
      refused: `${past.ref} no longer stands for the commit that ${past.run} ran on, and GitLab starts pipelines on branches and tags only.`,
    };
  },
  run: (_args, tools) => start(sameAgain(tools.pinned), tools),
  reconcile: (_args, tools) => reconcileStart(sameAgain(tools.pinned), tools),
  follow,
};

const status: Operation = {
  ...READ_ONLY,
  egress: [...anywhereRules, ...pinnedRules],
  preview: async (args, tools) => {
    const past = await readPast(args, tools);
    if ('refused' in past) return past;
    const { repository } = past;
    return {
      summary: `Read ${nameOf(past)} on GitLab.`,
      facts: [],
      pinned: { repository, name: nameOf(past) },
    };
  },
  run: async (args, tools) => {
    const { name = '' } = tools.pinned;
    const run = text(args, 'run');
    const pipeline = await readPipeline(tools, pinnedProject(tools), numberOf(args));
    if (!pipeline.ok) return pipeline.failure;
    const jobs = await readJobs(tools, pinnedProject(tools), numberOf(args));
    const about = { name: name.replace(` (${run})`, ''), run, commit: '' };
    const { result } = resultOf(about, pipeline.value, jobs.map(jobLine).join('\n'));
    const message = hasEnded(pipeline.value) ? result.message : `${name} is ${stateOf(pipeline.value)}.`;
    return { kind: 'done', result: { ...result, code: 'done', message } };
  },
};

const logs: Operation = {
  ...status,
  preview: async (args, tools) => {
    const past = await readPast(args, tools);
    if ('refused' in past) return past;
    const jobs = await readJobs(tools, past.project, numberOf(args));
    const traces = tracesOf(jobs, args.part === 'failed' ? 'failed' : 'all').join(',');
    return {
      summary: `Read the output of ${nameOf(past)} on GitLab.`,
      facts: [],
      pinned: { repository: past.repository, name: nameOf(past), traces },
    };
  },
  run: async (args, tools) => {
    const { name = '', traces = '' } = tools.pinned;
    const project = pinnedProject(tools);
    const pipeline = await readPipeline(tools, project, numberOf(args));
    if (!pipeline.ok) return pipeline.failure;
    const jobs = await readJobs(tools, project, numberOf(args));
    const output = await readTraces(
      tools,
      project,
      jobs,
      traces.split(',').filter((id) => id !== ''),
    );
    const stands = hasEnded(pipeline.value) ? endingOf(pipeline.value)[1] : `is ${stateOf(pipeline.value)}`;
    const words =
      output === ''
        ? `${name} ${stands}; there is no such output.`
        : `The end of the output of ${name}, which ${stands}.`;
    return logsResult(text(args, 'run'), words, output, text(pipeline.value, 'web_url'));
  },
};

export const operations = { trigger, status, cancel, rerun, logs };
