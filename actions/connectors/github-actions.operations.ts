/** CI on GitHub Actions. Bundled and run in the sandbox; every call passes the broker. */
import type { Operation, RunResult } from '../../src/action.ts';
import { text, unclear } from './answer.ts';
import { placeOf } from './ci-described.ts';
import { STOPS } from './ci-other-commit.ts';
import {
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
import { LOGS, logRules, readLogs } from './github-actions-logs.ts';
import {
  anywhereRules,
  conclusion,
  endOf,
  GITHUB,
  githubPlace,
  hasEnded,
  pinnedPlace,
  readJobs,
  readPast,
  readRun,
  scopeFor,
  stateOf,
  stepLines,
  stopRunRule,
} from './github-actions-runs.ts';
import { tellRun, trigger } from './github-actions-trigger.ts';
import { write, writeRule } from './json-call.ts';

const SYSTEM = 'GitHub Actions';
const RUN = '/repos/{owner}/{repo}/actions/runs/{run}';

/** Of the repository that the preview found the run in. */
const onRun = (what: 'cancel' | 'rerun') =>
  writeRule(GITHUB, `${RUN}/${what}`, {
    fill: (values): Record<string, string> =>
      values.pinned.repository === undefined
        ? {}
        : { ...githubPlace(pinnedPlace(values)), run: numberOf(values.args) },
    body: () => null,
  });

type Given = Parameters<Operation['run']>;

function placeFor([args, tools]: Given) {
  const place = githubPlace(placeOf(tools.pinned.repository ?? '', tools.settings));
  if (place === null) throw unclear(GITHUB.name, `${text(args, 'run')} has no place`);
  return place;
}
const pathFor = (given: Given, what: string): string[] => {
  const { owner, repo } = placeFor(given);
  return ['repos', owner, repo, 'actions', 'runs', numberOf(given[0]), what];
};

const cancel: Operation = {
  scope: scopeFor({ actions: 'write' }),
  egress: [...anywhereRules, onRun('cancel')],
  writes: 1,
  idempotency: 'natural',
  preview: async (args, tools) => {
    const past = await readPast(args, tools);
    return 'refused' in past ? past : previewCancel(args, past, SYSTEM);
  },
  run: async (...given) => {
    const [args, tools] = given;
    const sent = await write(tools, GITHUB, pathFor(given, 'cancel'), null);
    if (!sent.ok) return sent.failure;
    const { job = '', repository = '' } = tools.pinned;
    return stopping(args, `${job} of ${repository} (${text(args, 'run')})`);
  },
  reconcile: async (args, tools) => {
    const past = await readPast(args, tools);
    if ('refused' in past || text(past.fields, 'conclusion') !== 'cancelled') return { kind: 'cannot_tell' };
    return { kind: 'happened', outcome: stopping(args, nameOf(past)) };
  },
  follow: async (handle, tools) => {
    const run = await readRun(tools, placeFor([handle, tools]), numberOf(handle));
    if (!run.ok) return notSeen(GITHUB.name, text(handle, 'name'), run.failure);
    if (!hasEnded(run.value)) return { kind: 'running', handle: { ...handle }, output: '' };
    const wasCancelled = text(run.value, 'conclusion') === 'cancelled';
    return stopped(handle, wasCancelled, stateOf(run.value), text(run.value, 'html_url'));
  },
};

/** The same run once more, as its next attempt: with the commit, tag and inputs that it had, which GitHub does not tell. */
const rerun: Operation = {
  scope: scopeFor({ actions: 'write' }),
  egress: [...anywhereRules, onRun('rerun'), stopRunRule(pinnedPlace)],
  writes: 1,
  followWrites: STOPS,
  idempotency: 'none',
  preview: async (args, tools) => {
    const past = await readPast(args, tools);
    if ('refused' in past) return past;
    return previewRerun(args, past, SYSTEM, {
      inputs: {},
      facts: [{ label: 'Inputs', value: 'those of the run, which GitHub does not tell' }],
      pinned: { attempt: String(past.attempt) },
    });
  },
  run: async (...given): Promise<RunResult> => {
    const [args, tools] = given;
    const sent = await write(tools, GITHUB, pathFor(given, 'rerun'), null);
    if (!sent.ok) return sent.failure;
    const { job = '', repository: repo = '' } = tools.pinned;
    return {
      kind: 'running',
      handle: { run: numberOf(args), repo, job, seen: {} },
      message: `${text(args, 'run')} runs again.`,
    };
  },
  // Nothing in an attempt says which execution asked for it.
  reconcile: async () => ({ kind: 'cannot_tell' }),
  follow: async (handle, tools) => {
    const place = placeFor([handle, tools]);
    const run = await readRun(tools, place, text(handle, 'run'));
    if (!run.ok) return notSeen(GITHUB.name, `R-${text(handle, 'run')}`, run.failure);
    // Until the attempt is there, the one before is what is shown.
    const isNew = Number(run.value.run_attempt) > Number(tools.pinned.attempt);
    if (!isNew) return { kind: 'running', handle: { ...handle }, output: '' };
    return tellRun(run.value, handle, place, tools);
  },
};

const status: Operation = {
  ...READ_ONLY,
  scope: scopeFor({ actions: 'read' }),
  egress: anywhereRules,
  preview: async (args, tools) => {
    const past = await readPast(args, tools);
    if ('refused' in past) return past;
    return {
      summary: `Read ${nameOf(past)} on GitHub Actions.`,
      facts: [],
      pinned: { repository: past.repository, name: nameOf(past) },
    };
  },
  run: async (...given) => {
    const [args, tools] = given;
    const { name = '' } = tools.pinned;
    const place = placeFor(given);
    const run = await readRun(tools, place, numberOf(args));
    if (!run.ok) return run.failure;
    const jobs = await readJobs(tools, place, numberOf(args));
    const { result } = endOf(name, run.value, jobs, '');
    const message = hasEnded(run.value) ? result.message : `${name} is ${stateOf(run.value)}.`;
    return { kind: 'done', result: { ...result, code: 'done', message } };
  },
};

const hasFailed = (part: string) => ['failure', 'timed_out', 'cancelled'].includes(part);

const logs: Operation = {
  ...status,
  egress: [...anywhereRules, ...logRules],
  preview: async (args, tools) => {
    const seen = await status.preview(args, tools);
    return 'refused' in seen
      ? seen
      : { ...seen, summary: seen.summary.replace('Read', 'Read the output of') };
  },
  run: async (...given) => {
    const [args, tools] = given;
    const { name = '' } = tools.pinned;
    const place = placeFor(given);
    const run = await readRun(tools, place, numberOf(args));
    if (!run.ok) return run.failure;
    const all = await readJobs(tools, place, numberOf(args));
    const jobs = args.part === 'failed' ? all.filter((job) => hasFailed(text(job, 'conclusion'))) : all;
    const shown = [...jobs.flatMap(stepLines), ...(await readLogs(tools, place, jobs))].join('\n');
    const stands = hasEnded(run.value) ? conclusion(run.value)[1] : `is ${stateOf(run.value)}`;
    const which = jobs.length > LOGS ? `the last ${LOGS} of ${jobs.length} jobs of ${name}` : name;
    const words =
      shown === ''
        ? `${name} ${stands}; there is no such output.`
        : `The end of the output of ${which}, which ${stands}.`;
    return logsResult(text(args, 'run'), words, shown, text(run.value, 'html_url'));
  },
};

export const operations = { trigger, status, cancel, rerun, logs };
