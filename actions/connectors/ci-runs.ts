/** What every CI connector does alike with a run that is there already: stop it, run it again, show it. Runs in the sandbox. */
import { stripVTControlCharacters } from 'node:util';
import type { EgressValues, Look, Operation, Refusal, RunResult } from '../../src/action.ts';
import type { Json, Preview, Result } from '../../src/model/request.ts';
import { failed, isFields, saidThere, text, unclear } from './answer.ts';

export type Args = Readonly<Record<string, Json>>;

/** The end of an output: more than a conversation takes, less than a result may hold. */
const LOG_CHARACTERS = 16_000;
/** SHA-1 or SHA-256 in full. */
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** A run as its CI system tells of it. */
export type PastRun = {
  run: string;
  job: string;
  repository: string;
  environment: string;
  /** Empty where the system does not say. */
  commit: string;
  /** For whom, or who started it, as far as the system says. */
  startedBy: string;
  /** In a word: queued, running, passed, failed ... */
  state: string;
  hasEnded: boolean;
};

export const numberOf = (args: Args): string => text(args, 'run').replace(/^R-/, '');
export const nameOf = ({ job, repository, run }: PastRun): string => `${job} of ${repository} (${run})`;

/**
 * Policy has judged the run as one of the job that whoever asked has named: that must be true. A run whose job was not
 * named was judged as the worst, so anything is less.
 */
function otherJob(args: Args, run: PastRun): Refusal | null {
  const [repo, job] = [text(args, 'repo'), text(args, 'job')];
  if ((repo === '' || repo === run.repository) && (job === '' || job === run.job)) return null;
  return { refused: `${run.run} is a run of ${run.job} of ${run.repository}, not of what you named.` };
}

function factsOf(args: Args, run: PastRun): Preview['facts'] {
  const facts = [
    { label: 'Run', value: `${run.run} (${run.state})` },
    { label: 'Job', value: run.job },
    { label: 'Repository', value: run.repository },
    { label: 'Commit', value: run.commit },
    { label: 'Environment', value: run.environment },
    saidThere('Started for', run.startedBy),
  ].filter(({ value }) => value !== '');
  const isNamed = text(args, 'repo') !== '' && text(args, 'job') !== '';
  if (isNamed || run.environment === 'production') return facts;
  const value = `one of production. Name repo=${run.repository} job=${run.job} to have it judged as one of ${run.environment}.`;
  return [...facts, { label: 'Judged as', value }];
}

const pinnedOf = (run: PastRun): Record<string, string> => ({
  run: run.run,
  job: run.job,
  repository: run.repository,
  environment: run.environment,
});

/** What stopping it would mean, or why it cannot be stopped. */
export function previewCancel(args: Args, run: PastRun, system: string): Preview | Refusal {
  const other = otherJob(args, run);
  if (other !== null) return other;
  if (run.hasEnded) return { refused: `${nameOf(run)} has ended: ${run.state}.` };
  return {
    summary: `Stop ${run.run}, which runs ${run.job} of ${run.repository}, on ${system}.`,
    facts: factsOf(args, run),
    pinned: pinnedOf(run),
  };
}

/** What running it again would mean. `more`: what else is shown and pinned. */
export function previewRerun(
  args: Args,
  run: PastRun,
  system: string,
  more: {
    inputs: Readonly<Record<string, string>>;
    pinned?: Record<string, string>;
    facts?: Preview['facts'];
  },
): Preview | Refusal {
  const other = otherJob(args, run);
  if (other !== null) return other;
  if (!run.hasEnded) return { refused: `${nameOf(run)} has not ended yet: it is ${run.state}.` };
  if (!COMMIT.test(run.commit)) return { refused: `On which commit ${nameOf(run)} ran is not known.` };
  const inputs = Object.entries(more.inputs).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    summary: `Run ${run.job} of ${run.repository} again on commit ${run.commit.slice(0, 12)}, as ${run.run} did, on ${system}.`,
    facts: [
      ...factsOf(args, run),
      ...inputs.map(([name, value]) => ({ label: `Input ${name}`, value })),
      ...(more.facts ?? []),
    ],
    pinned: {
      ...pinnedOf(run),
      commit: run.commit,
      inputs: JSON.stringify(Object.fromEntries(inputs)),
      ...more.pinned,
    },
  };
}

/** The arguments of the trigger that a rerun is, from what its preview has pinned. */
export function again(pinned: EgressValues['pinned']): Record<string, Json> {
  return {
    repo: pinned.repository ?? '',
    job: pinned.job ?? '',
    ref: pinned.commit ?? '',
    inputs: inputsIn(pinned.inputs),
  };
}

function inputsIn(pinned: string | undefined): Record<string, Json> {
  const inputs: unknown = JSON.parse(pinned ?? '{}');
  return isFields(inputs) ? inputs : {};
}

/** Asked to stop: whether it has is looked at until it has ended. */
export function stopping(args: Args, name: string): RunResult & { kind: 'running' } {
  return {
    kind: 'running',
    handle: { run: text(args, 'run'), name },
    message: `${text(args, 'run')} is being stopped.`,
  };
}

/** A run that was asked to stop, once it has ended; it may have ended by itself just before. `state`: "passed", "was skipped". */
export function stopped(handle: Args, wasCancelled: boolean, state: string, link = ''): Look {
  const run = text(handle, 'run');
  const name = text(handle, 'name') || run;
  const data = { run };
  const more = { data, ...(link === '' ? {} : { link }) };
  if (wasCancelled)
    return { kind: 'done', result: { code: 'done', message: `${name} was stopped.`, ...more }, output: '' };
  const { result } = failed('ended_before', `${name} had ended before it could be stopped: it ${state}.`);
  return { kind: 'failed', result: { ...result, ...more }, output: '' };
}

/** Nobody here can say any more how it ended, and it may go on: a person looks. `why`: a sentence. */
export function gone(why: string): Look {
  const message = `${why} Please look at what became of it there.`;
  return { kind: 'unclear', result: { code: 'run_gone', message }, output: '' };
}

/** A look at a run that was refused: it says nothing of the run, and is made again, but where the system knows no such run. */
export function notSeen(system: string, name: string, { result: { code } }: { result: Result }): Look {
  if (code !== 'not_found') throw unclear(system, code);
  return gone(`${system} no longer knows ${name}.`);
}

/** The end of an output as a result shows it: bounded, without control sequences. */
function tailOf(output: string): string {
  const clean = stripVTControlCharacters(output).replaceAll('\r\n', '\n');
  if (clean.length <= LOG_CHARACTERS) return clean;
  const end = clean.slice(-LOG_CHARACTERS);
  // From a whole line on, where there is one.
  const line = end.indexOf('\n');
  return `(Only the end is shown.)\n${line === -1 ? end : end.slice(line + 1)}`;
}

export function logsResult(run: string, message: string, output: string, link = ''): RunResult {
  const result: Result = {
    code: 'done',
    message,
    output: tailOf(output),
    data: { run },
    ...(link === '' ? {} : { link }),
  };
  return { kind: 'done', result };
}

/** Of reads: there is nothing that they could have done, and nothing to follow. */
export const READ_ONLY = {
  writes: 0,
  idempotency: 'natural',
  reconcile: async () => ({ kind: 'cannot_tell' }),
  follow: async (): Promise<Look> => {
    throw new Error('A look has nothing to follow.');
  },
} as const satisfies Partial<Operation>;
