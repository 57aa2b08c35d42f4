/** Starting a run on the built-in runner, and seeing it to its end. Runs in the sandbox. */
import { stripVTControlCharacters } from 'node:util';
import type { EgressRule, EgressValues, Look, Operation, RunResult, Tools } from '../../src/action.ts';
import type { Json, Result } from '../../src/model/request.ts';
import { type Fields, failed, isFields, text } from './answer.ts';
import { type Answer, read, write } from './built-in.ts';
import type { Args } from './ci-runs.ts';

const HOST = 'runner.internal';
export const BASE = `https://${HOST}`;
export const SYSTEM = 'the built-in runner';

/** The inputs as one text: the same for the declaration and for the call. */
function inputsText(args: Args): string {
  const inputs = isFields(args.inputs) ? args.inputs : {};
  return JSON.stringify(Object.fromEntries(Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : 1))));
}

const jobQuery = (args: Args) => ({ ref: text(args, 'ref'), inputs: inputsText(args) });

export function runBody(args: Args, about: Pick<EgressValues, 'pinned' | 'requester' | 'mark'>): Fields {
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

export function readRule(
  path: string,
  fill: (values: EgressValues) => Record<string, string>,
  query: EgressRule['query'] = () => ({}),
): EgressRule {
  return { method: 'GET', host: HOST, path, effect: 'read', fill, query, body: () => null, credential: null };
}

export function writeRule(
  path: string,
  fill: EgressRule['fill'],
  body: (values: EgressValues) => Json,
): EgressRule {
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
export function stateOf(run: Fields): string {
  if (run.state === 'done') return 'passed';
  if (run.state !== 'failed') return text(run, 'state');
  const code = text(run, 'code');
  const by = text(run, 'cancelAskedBy');
  if (code === 'cancelled' && by !== '') return `was stopped for ${by}`;
  return WORDS[code] ?? 'failed';
}

export function resultOf(run: Fields): Result {
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

export function started(answer: Answer): RunResult {
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
export const runRules = (argsOf: (values: EgressValues) => Args): EgressRule[] => [
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

export const trigger: Operation = {
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
