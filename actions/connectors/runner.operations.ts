/** CI on the built-in runner. Bundled and run in the sandbox; every call passes the broker. */
import { stripVTControlCharacters } from 'node:util';
import type { EgressRule, EgressValues, Look, Operation, RunResult, Tools } from '../../src/action.ts';
import type { Json, Result } from '../../src/model/request.ts';
import { type Fields, failed, isFields, text } from './answer.ts';
import { type Answer, read, write } from './built-in.ts';
import {
  type Args,
  again,
  logsResult,
  nameOf,
  type PastRun,
  previewCancel,
  previewRerun,
  READ_ONLY,
  stopped,
  stopping,
} from './ci-runs.ts';

const HOST = 'runner.internal';
const BASE = `https://${HOST}`;
const SYSTEM = 'the built-in runner';

/** The inputs as one text: the same for the declaration and for the call. */
function inputsText(args: Args): string {
  const inputs = isFields(args.inputs) ? args.inputs : {};
  return JSON.stringify(Object.fromEntries(Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : 1))));
}

const jobQuery = (args: Args) => ({ ref: text(args, 'ref'), inputs: inputsText(args) });

function runBody(args: Args, about: Pick<EgressValues, 'pinned' | 'requester' | 'mark'>): Fields {
  return {
    repository: text(args, 'repo'),
    ref: text(args, 'ref'),
    commit: about.pinned.commit ?? '',
    definition: about.pinned.definition ?? '',
    job: text(args, 'job'),
    inputs: isFields(args.inputs) ? args.inputs : {},
    requester: about.requester,
    mark: about.mark,
  };
}

function readRule(
  path: string,
  fill: (values: EgressValues) => Record<string, string>,
  query: EgressRule['query'] = () => ({}),
): EgressRule {
  return { method: 'GET', host: HOST, path, effect: 'read', fill, query, body: () => null, credential: null };
}

function writeRule(path: string, fill: EgressRule['fill'], body: (values: EgressValues) => Json): EgressRule {
  return { ...readRule(path, fill), method: 'POST', effect: 'write', body };
}

/** Where the next look goes on; the broker lets no other through. */
const fromOf = (handle: Args) => String(typeof handle.next === 'number' ? handle.next : 0);

const WORDS: Readonly<Record<string, string>> = {
  exit_nonzero: 'failed',
  timeout: 'was stopped: it ran longer than allowed',
  memory: 'was stopped: it used more memory than allowed',
  output: 'was stopped: it printed more than allowed',
  processes: 'was stopped: it started more processes than allowed',
  scratch: 'was stopped: it wrote more than allowed',
  kill_switch: 'was stopped by the kill switch',
  isolation_too_low: 'was stopped: this machine no longer isolates it as well as it must be',
  cancelled: 'was stopped',
  runner_interrupted: 'was interrupted: the runner stopped while it ran',
  runner_failed: 'could not be run: the runner had a problem of its own',
};

/** How a run stands, or how it ended. */
function stateOf(run: Fields): string {
  if (run.state === 'done') return 'passed';
  if (run.state !== 'failed') return text(run, 'state');
  const code = text(run, 'code');
  const by = text(run, 'cancelAskedBy');
  if (code === 'cancelled' && by !== '') return `was stopped for ${by}`;
  return WORDS[code] ?? 'failed';
}

function resultOf(run: Fields): Result {
  const name = `${text(run, 'job')} of ${text(run, 'repository')} (${text(run, 'run')})`;
  const code = text(run, 'code') || 'done';
  const exitCode = typeof run.exitCode === 'number' ? run.exitCode : null;
  const words = stateOf(run);
  return {
    code,
    message: `${name} ${words}${exitCode === null || exitCode === 0 ? '' : ` with exit code ${exitCode}`}.`,
    ...(exitCode === null ? {} : { exitCode }),
    output: stripVTControlCharacters(text(run, 'tail')),
    data: { run: text(run, 'run'), commit: text(run, 'commit') },
  };
}

function started(answer: Answer): RunResult {
  if (!answer.ok) return failed(answer.code, answer.message);
  const run = text(answer.fields, 'run');
  return {
    kind: 'running',
    handle: { run, id: text(answer.fields, 'id'), next: 0 },
    message: `Run ${run} is queued.`,
  };
}

function lines(run: Fields): { label: string; value: string }[] {
  const inputs = isFields(run.inputs) ? Object.entries(run.inputs) : [];
  const limits = isFields(run.limits) ? run.limits : {};
  const command = Array.isArray(run.command) ? run.command.join(' ') : '';
  return [
    { label: 'Job', value: `${text(run, 'job')} (${text(run, 'title')})` },
    { label: 'Repository', value: text(run, 'repository') },
    { label: 'Commit', value: `${text(run, 'commit')} (${text(run, 'ref')} now)` },
    { label: 'Environment', value: text(run, 'environment') },
    { label: 'Command', value: command },
    ...inputs.map(([name, value]) => ({ label: `Input ${name}`, value: String(value) })),
    {
      label: 'Limits',
      value: `${limits.seconds} s, ${limits.memoryMb} MB memory, ${limits.outputKb} KB output`,
    },
  ];
}

async function describe(args: Args, tools: Tools): Promise<Answer> {
  const job = `${encodeURIComponent(text(args, 'repo'))}/jobs/${encodeURIComponent(text(args, 'job'))}`;
  return read(tools, SYSTEM, `${BASE}/repositories/${job}?${new URLSearchParams(jobQuery(args))}`);
}

/** What a run needs, from these arguments: its own, or those of a run that is run again. */
const runRules = (argsOf: (values: EgressValues) => Args): EgressRule[] => [
  writeRule(
    '/runs',
    () => ({}),
    (values) => runBody(argsOf(values), values),
  ),
  readRule(
    '/runs/{run}',
    ({ handle }) => ({ run: text(handle, 'run') }),
    ({ handle }) => ({ from: fromOf(handle) }),
  ),
  readRule('/marks/{mark}', ({ mark }) => ({ mark })),
];

const trigger: Operation = {
  egress: [
    readRule(
      '/repositories/{repo}/jobs/{job}',
      ({ args }) => ({ repo: text(args, 'repo'), job: text(args, 'job') }),
      ({ args }) => jobQuery(args),
    ),
    ...runRules(({ args }) => args),
  ],
  writes: 1,
  idempotency: 'key',
  preview: async (args, tools) => {
    const answer = await describe(args, tools);
    if (!answer.ok) return { refused: answer.message };
    const job = answer.fields;
    return {
      summary: `Run ${text(job, 'job')} of ${text(job, 'repository')} on commit ${text(job, 'commit').slice(0, 12)}.`,
      facts: lines(job),
      pinned: { commit: text(job, 'commit'), definition: text(job, 'definition') },
    };
  },
  run: async (args, tools) => started(await write(tools, SYSTEM, `${BASE}/runs`, runBody(args, tools))),
  reconcile: async (_args, tools) => {
    const answer = await read(tools, SYSTEM, `${BASE}/marks/${encodeURIComponent(tools.mark)}`);
    return answer.ok ? { kind: 'happened', outcome: started(answer) } : { kind: 'cannot_tell' };
  },
  follow: async (handle, tools): Promise<Look> => {
    const address = `${BASE}/runs/${encodeURIComponent(text(handle, 'run'))}?from=${fromOf(handle)}`;
    const answer = await read(tools, SYSTEM, address);
    if (!answer.ok)
      return { kind: 'failed', result: { code: answer.code, message: answer.message }, output: '' };
    const run = answer.fields;
    const output = stripVTControlCharacters(text(run, 'output'));
    // It may have ended and still have more to show than one look takes.
    if (run.more === true) return { kind: 'running', handle: { ...handle, next: run.next ?? 0 }, output };
    if (run.state === 'done') return { kind: 'done', result: resultOf(run), output };
    if (run.state === 'failed') return { kind: 'failed', result: resultOf(run), output };
    return { kind: 'running', handle: { ...handle, next: run.next ?? 0 }, output };
  },
};

const readNamed = readRule(
  '/runs/{run}',
  ({ args }) => ({ run: text(args, 'run') }),
  () => ({ from: '0' }),
);
const showRun = (run: string, tools: Tools): Promise<Answer> =>
  read(tools, SYSTEM, `${BASE}/runs/${encodeURIComponent(run)}?from=0`);

function pastOf(run: Fields): PastRun {
  return {
    run: text(run, 'run'),
    job: text(run, 'job'),
    repository: text(run, 'repository'),
    environment: text(run, 'environment'),
    commit: text(run, 'commit'),
    startedBy: text(run, 'requester'),
    state: stateOf(run),
    hasEnded: run.state === 'done' || run.state === 'failed',
  };
}

const status: Operation = {
  ...READ_ONLY,
  egress: [readNamed],
  preview: async (args) => ({
    summary: `Read run ${text(args, 'run')} of ${SYSTEM}.`,
    facts: [],
    pinned: {},
  }),
  run: async (args, tools) => {
    const answer = await showRun(text(args, 'run'), tools);
    if (!answer.ok) return failed(answer.code, answer.message);
    const past = pastOf(answer.fields);
    const result = resultOf(answer.fields);
    const message = past.hasEnded ? result.message : `${nameOf(past)} is ${past.state}.`;
    return { kind: 'done', result: { ...result, code: 'done', message } };
  },
};

const logs: Operation = {
  ...READ_ONLY,
  egress: [readNamed],
  preview: async (args) => ({
    summary: `Read the output of run ${text(args, 'run')} of ${SYSTEM}.`,
    facts: [],
    pinned: {},
  }),
  run: async (args, tools) => {
    const answer = await showRun(text(args, 'run'), tools);
    if (!answer.ok) return failed(answer.code, answer.message);
    const run = answer.fields;
    const past = pastOf(run);
    const stands = past.hasEnded ? past.state : `is ${past.state}`;
    // A job here is one program: there are no steps of which one could have failed.
    if (args.part === 'failed' && run.state !== 'failed')
      return logsResult(past.run, `${nameOf(past)} ${stands}; nothing of it has failed.`, '');
    const output = text(run, 'end');
    const words =
      output === ''
        ? `${nameOf(past)} ${stands}; it has printed nothing.`
        : `The end of the output of ${nameOf(past)}, which ${stands}.`;
    return logsResult(past.run, words, output);
  },
};

const cancelBody = ({ requester }: Pick<EgressValues, 'requester'>): Fields => ({ requester });

const cancel: Operation = {
  egress: [
    readNamed,
    writeRule(
      '/runs/{run}/cancel',
      ({ args }) => ({ run: text(args, 'run') }),
      (values) => cancelBody(values),
    ),
  ],
  writes: 1,
  idempotency: 'natural',
  preview: async (args, tools) => {
    const answer = await showRun(text(args, 'run'), tools);
    return answer.ok ? previewCancel(args, pastOf(answer.fields), SYSTEM) : { refused: answer.message };
  },
  run: async (args, tools) => {
    const address = `${BASE}/runs/${encodeURIComponent(text(args, 'run'))}/cancel`;
    const answer = await write(tools, SYSTEM, address, cancelBody(tools));
    if (!answer.ok) return failed(answer.code, answer.message);
    return stopping(args, nameOf(pastOf(answer.fields)));
  },
  reconcile: async (args, tools) => {
    const answer = await showRun(text(args, 'run'), tools);
    if (!answer.ok || text(answer.fields, 'cancelAskedBy') !== tools.requester)
      return { kind: 'cannot_tell' };
    return { kind: 'happened', outcome: stopping(args, nameOf(pastOf(answer.fields))) };
  },
  follow: async (handle, tools) => {
    const answer = await showRun(text(handle, 'run'), tools);
    if (!answer.ok) return { ...failed(answer.code, answer.message), output: '' };
    const past = pastOf(answer.fields);
    if (!past.hasEnded) return { kind: 'running', handle: { ...handle }, output: '' };
    return stopped(handle, answer.fields.code === 'cancelled', past.state);
  },
};

const rerun: Operation = {
  ...trigger,
  egress: [
    readNamed,
    readRule('/runs/{run}/again', ({ args }) => ({ run: text(args, 'run') })),
    ...runRules(({ pinned }) => again(pinned)),
  ],
  preview: async (args, tools) => {
    const answer = await showRun(text(args, 'run'), tools);
    if (!answer.ok) return { refused: answer.message };
    const would = await read(tools, SYSTEM, `${BASE}/runs/${encodeURIComponent(text(args, 'run'))}/again`);
    if (!would.ok) return { refused: would.message };
    // Judged and shown as the job is described now: that is what would run.
    const past = { ...pastOf(answer.fields), environment: text(would.fields, 'environment') };
    const inputs = isFields(would.fields.inputs) ? would.fields.inputs : {};
    const command = Array.isArray(would.fields.command) ? would.fields.command.join(' ') : '';
    return previewRerun(args, past, SYSTEM, {
      inputs: Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, String(value)])),
      pinned: { definition: text(would.fields, 'definition') },
      facts: [{ label: 'Command', value: command }],
    });
  },
  run: async (_args, tools) =>
    started(await write(tools, SYSTEM, `${BASE}/runs`, runBody(again(tools.pinned), tools))),
};

export const operations = { trigger, status, cancel, rerun, logs };
