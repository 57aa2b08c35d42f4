/** CI on Jenkins: parameterised builds of a pinned commit. Bundled and run in the sandbox; every call passes the broker. */
import type {
  EgressRule,
  EgressValues,
  Operation,
  Reconciliation,
  RunResult,
  Tools,
} from '../../src/action.ts';
import { failed, isFields, refusedBy, text, unclear } from './answer.ts';
import { askedJob, describedJob, jobFactsShown } from './ci-described.ts';
import {
  type Args,
  again,
  logsResult,
  nameOf,
  numberOf,
  previewCancel,
  previewRerun,
  READ_ONLY,
  stopped,
  stopping,
} from './ci-runs.ts';
import { commitRule } from './github-commit.ts';
import {
  buildOfItem,
  buildRules,
  endingOf,
  follow,
  pastRules,
  readBuild,
  readBuilds,
  readOutput,
  readPast,
  resultOf,
} from './jenkins-builds.ts';
import {
  commitParameter,
  githubOf,
  JENKINS,
  JOB_TREE,
  jobPath,
  markParameter,
  parametersIn,
  parametersOf,
  pathOf,
  readsOf,
  readsOfEach,
  resolveCommit,
  segmentsOf,
  startedBy,
  unsuitable,
  writesOf,
} from './jenkins-jobs.ts';
import { writeForLocation, writeRule } from './json-call.ts';

const ITEM = /^\/queue\/item\/([1-9][0-9]{0,14})\/?$/;

/** What a start needs, from these arguments: its own, or those of a run that is run again. */
function startRules(argsOf: (values: EgressValues) => Args): EgressRule[] {
  const where = (values: EgressValues) => jobPath(argsOf(values), values.settings);
  const startable = (values: EgressValues) =>
    parametersOf(argsOf(values), values) === null ? '' : where(values);
  return [
    ...writesOf(startable, '/buildWithParameters', {
      query: (values) => parametersOf(argsOf(values), values) ?? {},
    }),
    ...buildRules(
      where,
      ({ handle }) => text(handle, 'item'),
      ({ handle }) => text(handle, 'build'),
    ),
  ];
}

function started(args: Args, item: string): RunResult {
  const [repo, job] = [text(args, 'repo'), text(args, 'job')];
  return {
    kind: 'running',
    handle: { item, repo, job, build: '', shown: 0 },
    message: `Run R-${item} is queued.`,
  };
}

async function start(args: Args, tools: Tools): Promise<RunResult> {
  const parameters = parametersOf(args, tools);
  if (parameters === null) return failed('not_pinned', 'No commit is pinned for this run.');
  const path = [...segmentsOf(jobPath(args, tools.settings)), 'buildWithParameters'];
  const made = await writeForLocation(tools, JENKINS, path, null, 'POST', parameters);
  if (!made.ok) return made.failure;
  const item = ITEM.exec(made.value.location ?? '')?.[1];
  if (item === undefined) throw unclear(JENKINS.name, 'no queue item');
  return started(args, item);
}

/** Finds what `start` did by its mark, started by our own account on the pinned commit; without a mark nobody can say. */
async function reconcileStart(args: Args, tools: Tools): Promise<Reconciliation> {
  const mark = markParameter(tools.settings);
  const account = isFields(tools.settings) ? text(tools.settings, 'account') : '';
  if (mark === '') return { kind: 'cannot_tell' };
  const found = (await readBuilds(tools, jobPath(args, tools.settings))).find((build) => {
    const parameters = parametersIn(build);
    const isMarked = parameters[mark] === tools.mark;
    return (
      isMarked &&
      parameters[commitParameter(tools.settings)] === tools.pinned.commit &&
      startedBy(build) === account
    );
  });
  if (found === undefined) return { kind: 'cannot_tell' };
  return { kind: 'happened', outcome: started(args, String(found.queueId)) };
}

const trigger: Operation = {
  egress: [
    commitRule(({ args, settings }) => githubOf(describedJob(args, settings))),
    ...readsOf(({ args, settings }) => jobPath(args, settings), '/api/json', { query: () => JOB_TREE }),
    ...startRules(({ args }) => args),
  ],
  scope: ({ args, settings }) => {
    const repository = githubOf(describedJob(args, settings));
    return repository === null ? null : { repository, permissions: { contents: 'read' } };
  },
  writes: 1,
  idempotency: 'none',
  preview: async (args, tools) => {
    const asked = askedJob(args, tools.settings, JENKINS.name);
    if ('refused' in asked) return asked;
    const problem = await unsuitable(asked, args, tools);
    if (problem !== null) return problem;
    const resolved = await resolveCommit(asked, text(args, 'ref'), tools);
    if ('refused' in resolved) return resolved;
    const { commit } = resolved;
    return {
      summary: `Run ${asked.name} of ${asked.repository} on commit ${commit.slice(0, 12)}, on Jenkins.`,
      facts: [...jobFactsShown(asked, args, commit), { label: 'Job on Jenkins', value: pathOf(asked) }],
      pinned: { commit },
    };
  },
  run: start,
  reconcile: reconcileStart,
  follow,
};

/** The job that the preview has found the run to be of. */
const pinnedPath = ({ pinned, settings }: EgressValues): string => jobPath(again(pinned), settings);
const isWaiting = ({ pinned }: Pick<EgressValues, 'pinned'>): boolean => (pinned.build ?? '') === '';
const pinnedRules = buildRules(
  pinnedPath,
  ({ args }) => numberOf(args),
  ({ pinned, handle }) => text(handle, 'build') || (pinned.build ?? ''),
);

/**
 * Sends a stop. Jenkins answers it with a redirect to the page that a browser came from (HttpResponses.forwardToPreviousPage): the
 * broker follows none, and that it was sent is all there is to know. Whether it has stopped is looked at.
 */
async function sendStop(tools: Tools, path: readonly string[], query: string): Promise<RunResult | null> {
  const address = `https://${JENKINS.host}/${path.map(encodeURIComponent).join('/')}${query}`;
  const response = await tools.fetch(address, { method: 'POST' });
  const refused = refusedBy((name) => response.headers.get(name));
  if (refused?.reason === 'redirect' || response.ok) return null;
  if (refused?.sent || response.status >= 500)
    throw unclear(JENKINS.name, refused?.reason ?? String(response.status));
  if (refused) return failed(refused.reason, 'The call to Jenkins was refused before it left.');
  if (response.status === 401 || response.status === 403)
    return failed('upstream_forbidden', "Jenkins does not let the assistant's account stop this run.");
  return failed('not_found', 'Jenkins no longer knows this run.');
}

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
      if (found.kind === 'cancelled' || found.kind === 'gone') return stopped(handle, true, '');
      if (found.kind === 'waiting') return running;
      build = found.build;
      // It had begun before the stop reached the queue: looked at next, by its number.
      return { ...running, handle: { ...handle, build } };
    }
    const seen = await readBuild(tools, path, build);
    if (seen.building === true) return running;
    return stopped(handle, seen.result === 'ABORTED', endingOf(seen)[1], text(seen, 'url'));
  },
};

const rerun: Operation = {
  egress: [
    ...pastRules,
    ...readsOfEach('/api/json', { query: () => JOB_TREE }),
    ...startRules(({ pinned }) => again(pinned)),
  ],
  writes: 1,
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
    const build = await readBuild(tools, path, id);
    const about = { name: name.replace(` (${run})`, ''), run, commit: '' };
    const { result } = resultOf(about, build, await readOutput(tools, path, id));
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
    const build = await readBuild(tools, path, id);
    const words = build.building === true ? 'is running' : endingOf(build)[1];
    // What a build of Jenkins prints is one text: where a step begins in it, nobody says.
    if (args.part === 'failed' && (build.building === true || endingOf(build)[0] === 'done'))
      return logsResult(run, `${name} ${words}; nothing of it has failed.`, '', text(build, 'url'));
    const output = await readOutput(tools, path, id);
    return logsResult(run, `The end of the output of ${name}, which ${words}.`, output, text(build, 'url'));
  },
};

export const operations = { trigger, status, cancel, rerun, logs };
